//! `If-Match` and `If-None-Match` of writes (RFC 9110, section 13).

use axum::http::{HeaderMap, StatusCode, header};

use crate::http::error::ApiError;
use crate::http::etag::{ETag, Named, named};
use crate::messages::cause::Cause;

/// Whether a request has any.
pub fn are_stated(headers: &HeaderMap) -> bool {
    headers.contains_key(header::IF_MATCH) || headers.contains_key(header::IF_NONE_MATCH)
}

/// 412 unless the task with this id, which has this tag if it exists, is as the request expects.
pub fn check(headers: &HeaderMap, id: &str, current: Option<&ETag>) -> Result<(), ApiError> {
    let Some(current) = current else {
        return if headers.contains_key(header::IF_MATCH) {
            Err(failed(Cause::UnknownTask { id: id.to_owned() }))
        } else {
            Ok(())
        };
    };
    if headers.contains_key(header::IF_MATCH) {
        let mut weak = None;
        let is_met = named(headers, &header::IF_MATCH).any(|named| match named {
            Named::Tag { is_weak: true, .. } if current.is(named) => {
                weak = Some(format!("W/{current}"));
                false
            }
            named => current.is(named),
        });
        if !is_met {
            return Err(failed(match weak {
                Some(given) => Cause::EtagWeak { given },
                None => Cause::EtagDiffers {
                    current: current.to_string(),
                },
            }));
        }
    }
    if current.is_known_to(headers) {
        return Err(failed(Cause::TaskExists {
            current: current.to_string(),
        }));
    }
    Ok(())
}

/// The same for a list, which exists and has no tag that a write could be bound to.
pub fn check_list(headers: &HeaderMap) -> Result<(), ApiError> {
    let names_any = |name| named(headers, name).any(|named| named == Named::Any);
    if headers.contains_key(header::IF_MATCH) && !names_any(&header::IF_MATCH) {
        return Err(failed(Cause::PreconditionOfList { header: "If-Match" }));
    }
    if names_any(&header::IF_NONE_MATCH) {
        return Err(failed(Cause::PreconditionOfList {
            header: "If-None-Match",
        }));
    }
    Ok(())
}

fn failed(cause: Cause) -> ApiError {
    ApiError::Refused(StatusCode::PRECONDITION_FAILED, vec![cause])
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn headers(fields: &[(HeaderName, String)]) -> HeaderMap {
        let field = |(name, value): &(HeaderName, String)| {
            (name.clone(), HeaderValue::from_str(value).expect("a value"))
        };
        let mut headers = HeaderMap::new();
        for (name, value) in fields.iter().map(field) {
            headers.append(name, value);
        }
        headers
    }

    fn cause(fields: &[(HeaderName, String)], current: Option<&ETag>) -> Option<Cause> {
        let error = check(&headers(fields), "a", current).err()?;
        assert_eq!(error.class().status, StatusCode::PRECONDITION_FAILED);
        error.causes().into_iter().next()
    }

    #[test]
    fn a_write_is_bound_to_the_state_that_it_names() {
        let etag = ETag::from_bytes(b"bytes");
        let current = etag.to_string();
        let differs = Some(Cause::EtagDiffers {
            current: current.clone(),
        });
        let exists = Some(Cause::TaskExists {
            current: current.clone(),
        });
        let weak = Some(Cause::EtagWeak {
            given: format!("W/{current}"),
        });
        let missing = Some(Cause::UnknownTask { id: "a".to_owned() });
        let gzip = current.replacen('"', "", 1).replace('"', "-gzip\"");
        let gzip = format!("\"{gzip}");
        let other = ETag::from_bytes(b"other").to_string();
        for (value, if_match, if_none_match) in [
            ("*".to_owned(), None, exists.clone()),
            (current.clone(), None, exists.clone()),
            (format!("{other}, {current}"), None, exists.clone()),
            // A proxy has compressed the task: its version is the same.
            (gzip, None, exists.clone()),
            (format!("W/{current}"), weak, exists.clone()),
            (format!("W/{other}"), differs.clone(), None),
            (other.clone(), differs.clone(), None),
            (String::new(), differs, None),
        ] {
            let fields = [(header::IF_MATCH, value.clone())];
            assert_eq!(cause(&fields, Some(&etag)), if_match, "If-Match: {value}");
            assert_eq!(cause(&fields, None), missing, "If-Match: {value}");
            let fields = [(header::IF_NONE_MATCH, value.clone())];
            assert_eq!(
                cause(&fields, Some(&etag)),
                if_none_match,
                "If-None-Match: {value}"
            );
            assert_eq!(cause(&fields, None), None, "If-None-Match: {value}");
        }
        assert_eq!(cause(&[], Some(&etag)), None);
        let both = [
            (header::IF_MATCH, current.clone()),
            (header::IF_NONE_MATCH, current),
        ];
        assert_eq!(cause(&both, Some(&etag)), exists);
    }

    #[test]
    fn a_list_exists_and_has_no_tag() {
        for (name, value, is_met) in [
            (header::IF_MATCH, "*", true),
            (header::IF_MATCH, "\"x\"", false),
            (header::IF_NONE_MATCH, "*", false),
            (header::IF_NONE_MATCH, "\"x\"", true),
        ] {
            let headers = headers(&[(name.clone(), value.to_owned())]);
            assert_eq!(check_list(&headers).is_ok(), is_met, "{name}: {value}");
        }
        assert!(check_list(&HeaderMap::new()).is_ok());
    }
}
