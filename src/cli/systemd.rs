//! The protocol between systemd and `serve`: sockets that were opened for the process, and its state.

use std::env;
use std::io;
use std::net::TcpListener;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::Path;
use std::process;

use listenfd::ListenFd;
use socket2::SockRef;

/// The most sockets that may be passed.
const MAX_PASSED: usize = 64;

/// The sockets that were passed to the process, by name.
#[derive(Debug)]
pub struct Sockets(Vec<(String, TcpListener)>);

impl Sockets {
    /// Those that `LISTEN_FDS` counts and `LISTEN_FDNAMES` names, if they are for this process (`LISTEN_PID`).
    pub fn passed() -> io::Result<Self> {
        let own = process::id().to_string();
        if env::var("LISTEN_PID") != Ok(own) {
            return Ok(Self(Vec::new()));
        }
        let number = env::var("LISTEN_FDS").unwrap_or_else(|_| "0".to_owned());
        if !number.parse().is_ok_and(|number: usize| number <= MAX_PASSED) {
            let refused = format!("LISTEN_FDS must be a number up to {MAX_PASSED}");
            return Err(io::Error::other(refused));
        }
        let names = env::var("LISTEN_FDNAMES").unwrap_or_default();
        let mut names = names.split(':');
        let mut passed = ListenFd::from_env();
        let mut sockets = Vec::new();
        for index in 0..passed.len() {
            let name = names.next().unwrap_or_default().to_owned();
            if let Some(socket) = passed.take_tcp_listener(index)? {
                #[cfg(target_os = "linux")]
                if !SockRef::from(&socket).is_listener()? {
                    return Err(io::Error::other("a socket does not listen"));
                }
                sockets.push((name, socket));
            }
        }
        Ok(Self(sockets))
    }

    /// Takes all sockets whose name passes.
    pub fn take(&mut self, is_meant: impl Fn(&str) -> bool) -> Vec<TcpListener> {
        self.0
            .extract_if(.., |(name, _)| is_meant(name))
            .map(|(_, socket)| socket)
            .collect()
    }
}

/// Tells systemd the state of the service, if it asks for that (`Type=notify`).
pub fn notify(state: &str) {
    let Some(path) = env::var_os("NOTIFY_SOCKET") else {
        return;
    };
    let send = || {
        let address = address(Path::new(&path))?;
        UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), &address)
    };
    if let Err(error) = send() {
        tracing::warn!(%error, state, "cannot tell systemd the state of the service");
    }
}

/// A name that begins with `@` is no file.
fn address(path: &Path) -> io::Result<SocketAddr> {
    #[cfg(target_os = "linux")]
    if let Some(name) = path.as_os_str().as_bytes().strip_prefix(b"@") {
        return <SocketAddr as std::os::linux::net::SocketAddrExt>::from_abstract_name(name);
    }
    SocketAddr::from_pathname(path)
}
