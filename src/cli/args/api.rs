//! The settings of the API, of `serve` and of `demo`.

use std::num::NonZeroU32;
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args};

use crate::http::base_path::BasePath;
use crate::http::middleware::cors::Origin;
use crate::http::shares::Bounds;
use crate::http::state::EmptyStatus;
use crate::pending::PendingConfig;

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "API")]
pub struct PathArgs {
    /// Base paths that the API is served under besides the root, separated by commas
    #[arg(
        long,
        env = "TASK_STATUS_BASE_PATHS",
        default_value = "/beta,/v2024,/v2025,/v2026,/latest",
        value_delimiter = ',',
        value_name = "PATHS"
    )]
    pub base_paths: Vec<BasePath>,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "API")]
pub struct ApiArgs {
    #[command(flatten)]
    pub paths: PathArgs,
    /// Status of the response if no task is pending: 204 as the contract says, or 200 with [] for clients that cannot
    /// read a 204 (the paginators of the official TypeScript and Python SDKs)
    #[arg(long, env = "TASK_STATUS_EMPTY_STATUS", value_enum, default_value_t)]
    pub empty_status: EmptyStatus,
    /// Origins whose pages may call the API from a browser (CORS), separated by commas: each a scheme, a host and, if it
    /// is not the default one, a port. None by default
    #[arg(
        long,
        env = "TASK_STATUS_CORS_ORIGINS",
        value_delimiter = ',',
        value_name = "ORIGINS"
    )]
    pub cors_origins: Vec<Origin>,
    /// Serve /livez and /readyz on the API's address too, and respond to `/` as to /livez unless a browser
    /// asks, for balancers that can ask no other address. They need no authentication and have no limit
    #[arg(long, env = "TASK_STATUS_HEALTH_ON_API", value_parser = BoolishValueParser::new())]
    pub health_on_api: bool,
    /// Requests in flight at a time, at most, and half as many of one client: a verified name, else an address. Further
    /// requests get 503 at once
    #[arg(
        long,
        env = "TASK_STATUS_MAX_CONCURRENT_REQUESTS",
        default_value = "1000",
        value_name = "NUMBER"
    )]
    pub max_concurrent_requests: NonZeroU32,
    /// Streams (POST of newline-delimited JSON, and exports) in flight at a time, at most, and a quarter as many of one
    /// client. They do not count as requests. Further streams get 503 at once
    #[arg(
        long,
        env = "TASK_STATUS_MAX_STREAMS",
        default_value = "100",
        value_name = "NUMBER"
    )]
    pub max_streams: NonZeroU32,
    /// Size of the cache of rendered pages of lists, in MiB
    #[arg(long, env = "TASK_STATUS_PAGE_CACHE_MIB", default_value = "32", value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=1_048_576))]
    pub page_cache_mib: u32,
    /// Memory for responses until they are sent, cached pages included, in MiB. One response may take half of it; without
    /// room a request gets 503
    #[arg(long, env = "TASK_STATUS_MAX_RESPONSE_MEMORY_MIB", default_value = "256", value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(16..=1_048_576))]
    pub max_response_memory_mib: u32,
    /// How long a request for a list waits for the database to confirm that the data in memory is current, before
    /// it gets 503
    #[arg(long, env = "TASK_STATUS_FRESHNESS_TIMEOUT", default_value = "2s", value_parser = humantime::parse_duration, value_name = "DURATION")]
    pub freshness_timeout: Duration,
    /// How long a long poll (Prefer: wait) is held until its page or task changes, at most; 0s holds none
    #[arg(long, env = "TASK_STATUS_LONG_POLL_TIMEOUT", default_value = "60s", value_parser = humantime::parse_duration, value_name = "DURATION")]
    pub long_poll_timeout: Duration,
    /// Long polls held at a time, at most. Further ones are answered at once
    #[arg(
        long,
        env = "TASK_STATUS_MAX_LONG_POLLS",
        default_value = "10000",
        value_name = "NUMBER"
    )]
    pub max_long_polls: u32,
    /// How long a request may take before it gets 503
    #[arg(long, env = "TASK_STATUS_REQUEST_TIMEOUT", default_value = "10s", value_parser = humantime::parse_duration, value_name = "DURATION")]
    pub request_timeout: Duration,
    /// Serve the dashboard to browsers at the root and at each base path
    #[arg(long, env = "TASK_STATUS_UI", default_value = "true", action = ArgAction::Set, value_parser = BoolishValueParser::new(), help_heading = "Dashboard", value_name = "BOOL")]
    pub ui: bool,
}

impl From<&ApiArgs> for Bounds {
    fn from(args: &ApiArgs) -> Self {
        Self {
            requests: args.max_concurrent_requests,
            streams: args.max_streams,
        }
    }
}

/// Long polls that are answered take one place of requests in so many: a client has half of the places.
const WAKEUPS_PART: u32 = 8;
/// More at a time are not faster, and delay new requests.
const MAX_WAKEUPS: usize = 128;

impl From<&ApiArgs> for PendingConfig {
    fn from(args: &ApiArgs) -> Self {
        Self {
            response_memory: usize::try_from(args.max_response_memory_mib)
                .unwrap_or(usize::MAX)
                .saturating_mul(1024 * 1024),
            cache_bytes: u64::from(args.page_cache_mib) * 1024 * 1024,
            timeout: args.freshness_timeout,
            long_poll_timeout: args.long_poll_timeout,
            max_long_polls: usize::try_from(args.max_long_polls).unwrap_or(usize::MAX),
            max_wakeups: usize::try_from(args.max_concurrent_requests.get() / WAKEUPS_PART)
                .unwrap_or(usize::MAX)
                .clamp(1, MAX_WAKEUPS),
        }
    }
}
