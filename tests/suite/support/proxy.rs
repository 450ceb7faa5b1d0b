//! A TCP proxy in front of a Unix socket of PostgreSQL that fails on command, as networks and load balancers do.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use sqlx::postgres::PgConnectOptions;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UnixStream};
use tokio::sync::watch;

/// The fate of connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// New connections lead to this socket. Existing ones stay as they are.
    To(PathBuf),
    /// A connection is accepted and closed at once.
    Close,
    /// Connections stay open, and no data passes any more.
    Swallow,
}

pub struct Proxy {
    address: SocketAddr,
    route: Arc<watch::Sender<Route>>,
}

impl Proxy {
    pub async fn start(route: Route) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let route = Arc::new(watch::Sender::new(route));
        let routes = Arc::clone(&route);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let current = routes.borrow().clone();
                let mut route = routes.subscribe();
                tokio::spawn(async move {
                    match current {
                        Route::Close => {}
                        Route::Swallow => std::future::pending().await,
                        Route::To(socket) => {
                            let Ok(server) = UnixStream::connect(socket).await else {
                                return;
                            };
                            let (client_read, client_write) = client.into_split();
                            let (server_read, server_write) = server.into_split();
                            // By reference, so that the connections stay open.
                            let mut passing = std::pin::pin!(async {
                                tokio::join!(pass(client_read, server_write), pass(server_read, client_write))
                            });
                            tokio::select! {
                                _ = &mut passing => {}
                                () = swallowed(&mut route) => std::future::pending().await,
                            }
                        }
                    }
                });
            }
        });
        Self { address, route }
    }

    pub fn set(&self, route: Route) {
        self.route.send_replace(route);
    }

    /// Connection options through it.
    pub fn options(&self, upstream: &PgConnectOptions) -> PgConnectOptions {
        let host = self.address.ip().to_string();
        let database = upstream.get_database().unwrap().to_owned();
        PgConnectOptions::new_without_pgpass()
            .host(&host)
            .port(self.address.port())
            .username(upstream.get_username())
            .database(&database)
            .ssl_mode(sqlx::postgres::PgSslMode::Prefer)
    }
}

async fn swallowed(route: &mut watch::Receiver<Route>) {
    let _ = route.wait_for(|route| *route == Route::Swallow).await;
}

async fn pass(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) {
    // Ends with either side.
    let _ = tokio::io::copy(&mut from, &mut to).await;
    let _ = to.shutdown().await;
}
