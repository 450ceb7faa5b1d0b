//! The collector that spans are sent to.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::http::{Request, Response};
use bytes::Bytes;
use opentelemetry_http::{HttpClient, HttpError};
use prometheus_client::metrics::counter::Counter;
use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use rustls::crypto::ring;
use tokio::runtime::Handle;

use crate::telemetry::error_chain;

/// How long an export may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The batches of spans that were sent.
#[derive(Debug, Default, Clone)]
pub struct Exports {
    pub ok: Counter,
    pub error: Counter,
}

/// An HTTP client for the library, whose thread has no runtime.
#[derive(Debug, Clone)]
pub(super) struct Collector {
    client: Client,
    runtime: Handle,
    exports: Exports,
    is_failing: Arc<AtomicBool>,
}

impl Collector {
    pub(super) fn new(endpoint: &Url, exports: Exports) -> reqwest::Result<Self> {
        // Fails if a provider is already installed, which is fine.
        let _ = ring::default_provider().install_default();
        let client = Client::builder().timeout(TIMEOUT).redirect(Policy::none());
        // A proxy of the environment is another machine, with another loopback.
        let is_here = endpoint
            .host_str()
            .is_some_and(|host| ["localhost", "127.0.0.1", "[::1]"].contains(&host));
        let client = if is_here { client.no_proxy() } else { client };
        Ok(Self {
            client: client.build()?,
            runtime: Handle::current(),
            exports,
            is_failing: Arc::default(),
        })
    }

    /// The status of the response. Its content is not read: whatever it says, spans are sent once.
    async fn send(self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let sent = async {
            let response = self.client.execute(request.try_into()?).await?;
            response.error_for_status()
        };
        let sent = sent.await.map_err(reqwest::Error::without_url);
        let was_failing = self.is_failing.swap(sent.is_err(), Ordering::Relaxed);
        match &sent {
            Ok(_) => {
                self.exports.ok.inc();
                if was_failing {
                    tracing::info!("traces are exported again");
                }
            }
            Err(error) => {
                self.exports.error.inc();
                if !was_failing {
                    tracing::warn!(
                        error = error_chain(error),
                        "cannot export traces; they are dropped"
                    );
                }
            }
        }
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = sent?.status();
        Ok(response)
    }
}

impl HttpClient for Collector {
    fn send_bytes<'here, 'sending>(
        &'here self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'sending>>
    where
        'here: 'sending,
        Self: 'sending,
    {
        let sending = self.runtime.spawn(self.clone().send(request));
        Box::pin(async { sending.await? })
    }
}
