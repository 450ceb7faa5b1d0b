//! A client with one connection, for what the load generator cannot do: to look at an answer, and to take the time of a
//! single one.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{HOST, HeaderMap};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// A connection to a server.
#[derive(Debug)]
pub struct Client {
    sender: SendRequest<Empty<Bytes>>,
    host: String,
}

/// An answer, whole.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Client {
    /// Connects, if a server listens.
    pub async fn connect(address: SocketAddr) -> Option<Self> {
        let stream = TcpStream::connect(address).await.ok()?;
        stream.set_nodelay(true).ok()?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await.ok()?;
        // Requests in flight see its failure.
        tokio::spawn(connection);
        Some(Self {
            sender,
            host: address.to_string(),
        })
    }

    /// Asks, and waits for all of the answer.
    pub async fn get(&mut self, target: &str, headers: &[(&str, String)]) -> hyper::Result<Answer> {
        self.sender.ready().await?;
        let mut request = Request::new(Empty::new());
        // Both are valid: this program makes them. Without one the response would be unexpected.
        *request.uri_mut() = target.parse().unwrap_or_default();
        let host = [("host", self.host.clone())];
        for (name, value) in host.iter().chain(headers) {
            if let (Ok(name), Ok(value)) = (name.parse::<hyper::header::HeaderName>(), value.parse()) {
                request.headers_mut().insert(name, value);
            }
        }
        debug_assert!(request.headers().contains_key(HOST));
        let (head, body) = self.sender.send_request(request).await?.into_parts();
        Ok(Answer {
            status: head.status,
            headers: head.headers,
            body: body.collect().await?.to_bytes(),
        })
    }
}

impl Answer {
    /// The text of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}
