//! A client as the limits tell it from others: by its name or, if it has none, by its address.

use std::net::{IpAddr, Ipv6Addr};

use super::Caller;

/// A client.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Client {
    /// By its verified name.
    Named(String),
    /// By its [`client_network`].
    At(IpAddr),
    /// All callers without a name and an address.
    Unknown,
}

impl Client {
    /// The client of a request: the caller, if it is authenticated and has a name, else its address.
    pub fn new(caller: Option<&Caller>, address: Option<IpAddr>) -> Self {
        let name = caller.and_then(|caller| caller.client.clone());
        match (name, address) {
            (Some(name), _) => Self::Named(name),
            (None, Some(address)) => Self::At(client_network(address)),
            (None, None) => Self::Unknown,
        }
    }
}

/// The addresses that one client has to itself: for IPv6 the network of 64 bits.
pub fn client_network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
    }
}
