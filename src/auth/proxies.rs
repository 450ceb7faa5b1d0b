//! Trusted proxies, and the address of the client behind them.

use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use ipnet::IpNet;
use thiserror::Error;

/// A list of addresses: each proxy appends the address of its peer.
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// A network of trusted peers: `10.0.0.0/8`, or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network(IpNet);

/// A string is not a network.
#[derive(Debug, Error)]
#[error(
    "a network is an address (192.0.2.1) or a block of addresses in CIDR notation (10.0.0.0/8, fd00::/8)"
)]
pub struct NetworkError;

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        text.parse()
            .or_else(|_| text.parse().map(|address: IpAddr| IpNet::from(address)))
            .map(Self)
            .map_err(|_| NetworkError)
    }
}

/// The trusted peers.
#[derive(Debug, Clone, Default)]
pub struct Proxies(Vec<Network>);

impl Proxies {
    pub fn new(networks: Vec<Network>) -> Self {
        Self(networks)
    }

    /// Whether this peer is trusted.
    pub fn trust(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        self.0.iter().any(|Network(network)| network.contains(&peer))
    }

    /// The address of the client: the peer's or, if that is a trusted proxy, the last in `X-Forwarded-For` that is not a
    /// proxy. The client itself may have sent those before it.
    pub fn client(&self, headers: &HeaderMap, peer: IpAddr) -> IpAddr {
        let mut client = peer.to_canonical();
        let lines: Vec<&HeaderValue> = headers.get_all(X_FORWARDED_FOR).iter().collect();
        let hops = lines
            .iter()
            .rev()
            .flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
        for hop in hops {
            if !self.trust(client) {
                break;
            }
            // A client may have sent anything, so each hop is parsed by itself.
            let Some(address) = str::from_utf8(hop).ok().and_then(|hop| address(hop.trim())) else {
                break;
            };
            client = address.to_canonical();
        }
        client
    }
}

/// An address as proxies write it: bare, in brackets, or with a port.
fn address(text: &str) -> Option<IpAddr> {
    let bracketed = text.strip_prefix('[').and_then(|rest| rest.split(']').next());
    if let Some(inside) = bracketed {
        return inside.parse::<Ipv6Addr>().ok().map(IpAddr::V6);
    }
    text.parse()
        .or_else(|_| text.rsplit_once(':').map_or(text, |(host, _)| host).parse())
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(networks: &[&str]) -> Proxies {
        Proxies(
            networks
                .iter()
                .map(|text| text.parse().expect("a network"))
                .collect(),
        )
    }

    fn client(peer: &str, lines: &[&str]) -> String {
        let headers = lines
            .iter()
            .map(|line| {
                (
                    X_FORWARDED_FOR,
                    HeaderValue::from_bytes(line.as_bytes()).expect("a header value"),
                )
            })
            .collect();
        let peer = peer.parse().expect("an address");
        proxies(&["10.0.0.0/8", "fd00::/8", "127.0.0.1"])
            .client(&headers, peer)
            .to_string()
    }

    #[test]
    fn a_network_is_a_block_or_an_address() {
        assert!(proxies(&["10.0.0.0/8"]).trust(IpAddr::from([10, 1, 2, 3])));
        assert!(!proxies(&["10.0.0.0/8"]).trust(IpAddr::from([11, 1, 2, 3])));
        assert!(proxies(&["10.0.0.0/8"]).trust("::ffff:10.1.2.3".parse().expect("an address")));
        assert!(proxies(&["192.0.2.1"]).trust(IpAddr::from([192, 0, 2, 1])));
        assert!(!Proxies::default().trust(IpAddr::from([127, 0, 0, 1])));
        for invalid in ["", "10.0.0.0/33", "localhost", "10.0.0", "10.0.0.0/8,"] {
            assert!(invalid.parse::<Network>().is_err(), "{invalid}");
        }
    }

    #[test]
    fn only_a_trusted_proxy_names_the_client() {
        assert_eq!(client("203.0.113.9", &["198.51.100.1"]), "203.0.113.9");
        assert_eq!(client("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(client("10.0.0.1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(client("::ffff:10.0.0.1", &["198.51.100.1"]), "198.51.100.1");
        // The client sent the first one itself.
        assert_eq!(
            client("10.0.0.1", &["1.1.1.1, 198.51.100.1, 10.0.0.2"]),
            "198.51.100.1"
        );
        assert_eq!(
            client("10.0.0.1", &["1.1.1.1, 198.51.100.1", "fd00::2"]),
            "198.51.100.1"
        );
        assert_eq!(client("10.0.0.1", &["1.1.1.1, nonsense"]), "10.0.0.1");
        assert_eq!(client("10.0.0.1", &["10.0.0.3, 10.0.0.2"]), "10.0.0.3");
        assert_eq!(client("fd00::1", &["[2001:db8::1]:4711"]), "2001:db8::1");
        assert_eq!(client("127.0.0.1", &["198.51.100.1:4711"]), "198.51.100.1");
        assert_eq!(client("127.0.0.1", &["\""]), "127.0.0.1");
        assert_eq!(client("10.0.0.1", &["\u{fc}, 203.0.113.7"]), "203.0.113.7");
    }
}
