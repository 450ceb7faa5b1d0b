//! How a process stops: it drains, and then it closes.

use std::future::pending;
use std::io;
use std::process::exit;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// A stop in two steps. Clones share it.
#[derive(Debug, Default, Clone)]
pub struct Stop {
    /// Cancelled at the first step: clients are asked to go elsewhere, and still served.
    pub draining: CancellationToken,
    /// Cancelled at the second step: nothing is accepted any more.
    pub closing: CancellationToken,
}

impl Stop {
    /// SIGTERM begins a stop whose second step follows after the delay. With SIGINT (Ctrl-C) it follows at once: at a
    /// terminal there is no balancer to wait for. A second signal ends the process at once.
    pub fn on_signal(drain_delay: Duration) -> io::Result<Self> {
        let stop = Self::default();
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::spawn({
            let stop = stop.clone();
            async move {
                let (signal, delay) = tokio::select! {
                    _ = interrupt.recv() => ("SIGINT", Duration::ZERO),
                    _ = terminate.recv() => ("SIGTERM", drain_delay),
                };
                tracing::info!(signal, "stopping; a second signal stops at once");
                stop.draining.cancel();
                let close = async {
                    sleep(delay).await;
                    stop.closing.cancel();
                    pending::<()>().await;
                };
                tokio::select! {
                    () = close => {}
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
                tracing::warn!("stopped at once; requests in flight were cut off");
                exit(130);
            }
        });
        Ok(stop)
    }

    /// Both steps.
    pub fn at_once(&self) {
        self.draining.cancel();
        self.closing.cancel();
    }
}
