//! Rate limits: each client has a bucket, from which each request takes one token and which refills evenly.
//!
//! Buckets are local to the process: with several replicas the limit multiplies.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use thiserror::Error;

use super::client::Client;

/// A number of requests per period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    pub requests: NonZeroU32,
    pub period: Duration,
}

/// The documented rate of the Task Management API: 100 requests in 10 seconds for each client.
pub const DOCUMENTED: Rate = Rate {
    requests: NonZeroU32::new(100).unwrap(),
    period: Duration::from_secs(10),
};

/// The longest period: buckets are lost when the process ends.
const MAX_PERIOD: Duration = Duration::from_hours(24);

/// A string is not a rate.
#[derive(Debug, Error)]
#[error("a rate is a number of requests in an amount of time, a day at most, such as 100/10s")]
pub struct RateError;

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        let (requests, period) = text.split_once('/').ok_or(RateError)?;
        let rate = Self {
            requests: requests.trim().parse().map_err(|_| RateError)?,
            period: humantime::parse_duration(period).map_err(|_| RateError)?,
        };
        // At least a nanosecond for each request.
        let least = Duration::from_nanos(rate.requests.get().into());
        (least..=MAX_PERIOD)
            .contains(&rate.period)
            .then_some(rate)
            .ok_or(RateError)
    }
}

/// More requests than the rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMany {
    pub rate: Rate,
    /// Time until the next request is let through.
    pub retry_after: Duration,
}

/// The buckets.
#[derive(Debug)]
pub struct Limiter {
    rate: Rate,
    /// The time at which each bucket is full again. Full buckets may be missing.
    full: Mutex<HashMap<Client, Instant>>,
}

impl Limiter {
    pub fn new(rate: Rate) -> Self {
        Self {
            rate,
            full: Mutex::default(),
        }
    }

    /// Takes a token from the bucket of the client.
    pub fn check(&self, client: Client) -> Result<(), TooMany> {
        let now = Instant::now();
        let refill = self.rate.period / self.rate.requests.get();
        let mut buckets = self.buckets();
        let full = buckets.entry(client).or_insert(now);
        let taken = (*full).max(now) + refill;
        // A bucket cannot be emptier than empty: a whole period until it is full.
        let retry_after = taken.saturating_duration_since(now + refill * self.rate.requests.get());
        if !retry_after.is_zero() {
            return Err(TooMany {
                rate: self.rate,
                retry_after,
            });
        }
        *full = taken;
        Ok(())
    }

    /// Removes full buckets.
    pub fn tidy(&self) {
        let now = Instant::now();
        let mut buckets = self.buckets();
        buckets.retain(|_, full| *full > now);
        buckets.shrink_to_fit();
    }

    fn buckets(&self) -> MutexGuard<'_, HashMap<Client, Instant>> {
        self.full.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::super::Caller;
    use super::*;

    #[test]
    fn a_rate_is_parsed() {
        assert_eq!("100/10s".parse::<Rate>().expect("a rate"), DOCUMENTED);
        for invalid in [
            "", "100", "0/1s", "1/0s", "-1/1s", "1/1", "x/1s", "5/2ns", "1/25h", "1/600y",
        ] {
            assert!(invalid.parse::<Rate>().is_err(), "{invalid}");
        }
    }

    #[test]
    fn each_client_and_each_address_has_a_bucket_of_its_own() {
        let limiter = Limiter::new("2/1h".parse().expect("a rate"));
        let named = |name: &str| Caller::new(Some(name.to_owned()), None, None);
        let address = |text: &str| text.parse::<IpAddr>().ok();
        let left = |caller: Option<&Caller>, at: &str| {
            (0..9)
                .take_while(|_| limiter.check(Client::new(caller, address(at))).is_ok())
                .count()
        };
        assert_eq!(left(Some(&named("a")), "192.0.2.1"), 2);
        // The address does not matter if the client has a name.
        assert_eq!(left(Some(&named("a")), "192.0.2.2"), 0);
        assert_eq!(left(Some(&named("b")), "192.0.2.1"), 2);
        assert_eq!(left(None, "192.0.2.1"), 2);
        assert_eq!(left(Some(&Caller::unrestricted()), "192.0.2.1"), 0);
        assert_eq!(left(None, "2001:db8::1"), 2);
        assert_eq!(left(None, "2001:db8::ffff:1"), 0);
        assert_eq!(left(None, "2001:db8:0:1::1"), 2);
        let refused = limiter
            .check(Client::new(None, address("192.0.2.1")))
            .expect_err("an empty bucket");
        assert!(refused.retry_after > Duration::from_mins(29), "{refused:?}");
    }
}
