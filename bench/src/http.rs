//! A client with one connection, to inspect and time single responses.

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

/// A response with its whole body.
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
        // Its failure fails the requests in flight.
        tokio::spawn(connection);
        Some(Self {
            sender,
            host: address.to_string(),
        })
    }

    pub async fn get(&mut self, target: &str, headers: &[(&str, String)]) -> hyper::Result<Answer> {
        self.sender.ready().await?;
        let mut request = Request::new(Empty::new());
        // Target and headers are made by this program and valid.
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
