//! Long polling with `Prefer: wait` (RFC 7240, section 4.3): a request whose response would be 304 is held until the page
//! changes.
//!
//! It is handled, held outside the limits on requests in flight, and handled again: the caller is as permitted as if the
//! request had only just arrived. The rate limit counts it once.

use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;
use tokio::time::timeout;

use crate::http::middleware::authorize::RateLimited;
use crate::pending::wait::{Wait, Woken};

pub const PREFER: HeaderName = HeaderName::from_static("prefer");
pub const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// Holds a request whose response carries a [`Wait`], if it prefers to be held.
pub async fn hold<F: Future<Output = Response>>(request: Request, next: impl Fn(Request) -> F) -> Response {
    match preference(request.headers()) {
        None => next(request).await,
        // Boxed: few requests need the larger future.
        Some(preferred) => Box::pin(held(request, preferred, next)).await,
    }
}

async fn held<F: Future<Output = Response>>(
    request: Request,
    preferred: Duration,
    next: impl Fn(Request) -> F,
) -> Response {
    let (parts, body) = request.into_parts();
    let mut again = parts.clone();
    let mut response = next(Request::from_parts(parts, body)).await;
    let Some(wait) = response.extensions_mut().remove::<Wait>() else {
        return response;
    };
    let time = wait.long_poll_timeout().min(preferred);
    let Some(waiter_permit) = wait.permit().filter(|_| !time.is_zero()) else {
        return response;
    };
    drop(response);
    // Something changed, the time is up, or the service stops: the next step is the same.
    let Woken { turn, page } = timeout(time, wait.until_changed()).await.unwrap_or_default();
    drop(waiter_permit);
    let turn = match turn {
        Some(turn) => turn,
        None => wait.wakeup().await,
    };
    again.extensions.insert(RateLimited);
    if let Some(page) = page {
        again.extensions.insert(page);
    }
    let mut response = next(Request::from_parts(again, Body::empty())).await;
    drop(turn);
    response.extensions_mut().remove::<Wait>();
    let failed = response.status().is_client_error() || response.status().is_server_error();
    if let Ok(applied) = HeaderValue::try_from(format!("wait={}", time.as_secs()))
        && !failed
    {
        response.headers_mut().insert(PREFERENCE_APPLIED, applied);
    }
    response
}

/// How long the client prefers to be held. The first of several counts. Other preferences are ignored, as the RFC
/// requires.
fn preference(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers
        .get_all(PREFER)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .find_map(|preference| {
            let (name, value) = preference.split(';').next()?.split_once('=')?;
            let value = value.trim().trim_matches('"');
            name.trim().eq_ignore_ascii_case("wait").then_some(value)
        })?;
    let digits = !seconds.is_empty() && seconds.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| Duration::from_secs(seconds.parse().unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_valid_wait_counts() {
        for (lines, seconds) in [
            (&["wait=10"][..], Some(10)),
            (&["respond-async, WAIT = \"7\" ; foo=1", "wait=9"], Some(7)),
            (&["return=minimal", "wait=0"], Some(0)),
            (&["wait=99999999999999999999999"], Some(u64::MAX)),
            (&["wait"], None),
            (&["wait="], None),
            (&["wait=-1"], None),
            (&["wait=1.5"], None),
            (&["await=1"], None),
            (&[], None),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(PREFER, HeaderValue::from_static(line));
            }
            assert_eq!(
                preference(&headers),
                seconds.map(Duration::from_secs),
                "{lines:?}"
            );
        }
    }
}
