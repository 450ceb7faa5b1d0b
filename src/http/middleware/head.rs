//! Checks of the head of every request, whatever its path.

use axum::body::HttpBody as _;
use axum::extract::Request;
use axum::http::{StatusCode, Version, header};

use crate::http::bounds::MAX_URI_BYTES;
use crate::http::error::ApiError;
use crate::http::middleware::hosts::{Hosts, authority};
use crate::messages::cause::Cause;

/// Refuses a request whose target is too long, whose host is missing or not allowed, or whose content is encoded.
pub fn check(hosts: &Hosts, request: &Request) -> Result<(), ApiError> {
    length(request)
        .and_then(|()| host(hosts, request))
        .and_then(|()| encodings(request))
}

fn length(request: &Request) -> Result<(), ApiError> {
    let target = request.uri().path_and_query();
    if target.is_some_and(|target| target.as_str().len() > MAX_URI_BYTES) {
        let cause = Cause::UriTooLong { limit: MAX_URI_BYTES };
        return Err(ApiError::Refused(StatusCode::URI_TOO_LONG, vec![cause]));
    }
    Ok(())
}

/// HTTP/1.1 needs one `Host` (RFC 9112, section 3.2). An absolute target names a host too, and that one counts: both have
/// to be allowed.
fn host(hosts: &Hosts, request: &Request) -> Result<(), ApiError> {
    let malformed = || ApiError::BadSyntax(vec![Cause::HostField]);
    let mut fields = request.headers().get_all(header::HOST).iter();
    let field = fields.next();
    if fields.next().is_some() || field.is_none() && request.version() > Version::HTTP_10 {
        return Err(malformed());
    }
    let only = field.filter(|_| request.uri().authority().is_none());
    if only.is_some_and(|field| hosts.know(field)) {
        return Ok(());
    }
    let field = field.map(|field| field.to_str().ok().and_then(authority).ok_or_else(malformed));
    let target = request
        .uri()
        .authority()
        .map(|target| authority(target.as_str()).ok_or_else(malformed));
    let named = [target.transpose()?, field.transpose()?];
    let mut named = named.iter().flatten().map(Some).peekable();
    let unnamed = named.peek().is_none().then_some(None);
    if let Some(host) = named.chain(unnamed).find(|host| !hosts.allowed.allow(*host)) {
        let given = host.map_or_else(String::new, ToString::to_string);
        let cause = Cause::HostNotAllowed { given };
        return Err(ApiError::Refused(StatusCode::FORBIDDEN, vec![cause]));
    }
    if let Some(field) = only {
        hosts.learn(field);
    }
    Ok(())
}

/// The parser takes any list of transfer codings that ends in `chunked`, and leaves the others to the application.
fn encodings(request: &Request) -> Result<(), ApiError> {
    let joined = |name| {
        let values: Vec<_> = request
            .headers()
            .get_all(name)
            .iter()
            .map(|value| String::from_utf8_lossy(value.as_bytes()))
            .collect();
        (!values.is_empty()).then(|| values.join(", "))
    };
    if let Some(given) = joined(header::TRANSFER_ENCODING)
        && !given.eq_ignore_ascii_case("chunked")
    {
        return Err(ApiError::BadSyntax(vec![Cause::TransferEncoding { given }]));
    }
    if let Some(given) = joined(header::CONTENT_ENCODING)
        && !given.eq_ignore_ascii_case("identity")
        && !request.body().is_end_stream()
    {
        let cause = Cause::ContentCoding { given };
        return Err(ApiError::Refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, vec![cause]));
    }
    Ok(())
}
