//! What systemd and `serve` tell each other: sockets that were opened for the process, and its state.

use std::env;
use std::io;
use std::net::TcpListener;
use std::os::unix::net::UnixDatagram;

use listenfd::ListenFd;

/// The sockets that were passed to the process, by name.
#[derive(Debug)]
pub struct Sockets(Vec<(String, TcpListener)>);

impl Sockets {
    /// Those that `LISTEN_FDS` counts and `LISTEN_FDNAMES` names, for this process (`LISTEN_PID`).
    pub fn passed() -> io::Result<Self> {
        let names = env::var("LISTEN_FDNAMES").unwrap_or_default();
        let mut names = names.split(':');
        let mut passed = ListenFd::from_env();
        let mut sockets = Vec::new();
        for index in 0..passed.len() {
            let name = names.next().unwrap_or_default().to_owned();
            sockets.extend(passed.take_tcp_listener(index)?.map(|socket| (name, socket)));
        }
        Ok(Self(sockets))
    }

    /// Takes the first socket whose name passes.
    pub fn take(&mut self, is_meant: impl Fn(&str) -> bool) -> Option<TcpListener> {
        let index = self.0.iter().position(|(name, _)| is_meant(name))?;
        Some(self.0.remove(index).1)
    }
}

/// Tells systemd the state of the service, if it asks for that (`Type=notify`).
pub fn notify(state: &str) {
    let Some(path) = env::var_os("NOTIFY_SOCKET") else {
        return;
    };
    let sent = UnixDatagram::unbound().and_then(|socket| socket.send_to(state.as_bytes(), path));
    if let Err(error) = sent {
        tracing::warn!(%error, state, "cannot tell systemd the state of the service");
    }
}
