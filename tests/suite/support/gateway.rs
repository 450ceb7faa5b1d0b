//! A proxy of Debian's packages as a process in front of the service, with all its files in one folder.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;
use tokio::net::TcpStream;

use super::program::Program;
use super::{eventually, left_out};

pub struct Gateway {
    port: u16,
    _program: Program,
    _folder: TempDir,
}

impl Gateway {
    /// A program with a configuration file, whose text is made for a folder and a port to listen on. `None` if the program
    /// is not installed.
    pub async fn start(
        name: &str,
        configuration: impl FnOnce(&Path, u16) -> String,
        arguments: impl FnOnce(&mut Command, &Path, u16),
    ) -> Option<Self> {
        // Debian installs some outside the path of ordinary users.
        let programs = [name.to_owned(), format!("/usr/sbin/{name}")];
        let is_installed = |program: &String| {
            let mut command = Command::new(program);
            command.arg("-v").stdin(Stdio::null());
            command
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .is_ok()
        };
        let Some(program) = programs.iter().find(|program| is_installed(program)) else {
            left_out(&format!("not tested with {name}: it is not installed"));
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let file = folder.path().join("configuration");
        fs::write(&file, configuration(folder.path(), port)).unwrap();
        let mut command = Command::new(program);
        arguments(&mut command, &file, port);
        command.current_dir(folder.path()).stdin(Stdio::null());
        let gateway = Self {
            port,
            _program: Program::start(command),
            _folder: folder,
        };
        eventually(&format!("{name} listens"), async || {
            TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.ok()
        })
        .await;
        Some(gateway)
    }

    /// nginx with what its `http` block is to have.
    pub async fn nginx(server: impl FnOnce(&Path, u16) -> String) -> Option<Self> {
        let configuration = |folder: &Path, port| {
            let server = server(folder, port);
            let folder = folder.display();
            let temporary: Vec<String> = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
                .iter()
                .map(|kind| format!("{kind}_temp_path {folder}/{kind};"))
                .collect();
            format!(
                "daemon off; master_process off; pid {folder}/pid; error_log stderr;\n\
                 events {{}}\nhttp {{ access_log off; {}\n{server}\n}}\n",
                temporary.join(" ")
            )
        };
        Self::start("nginx", configuration, |command, file, _| {
            command.arg("-c").arg(file).arg("-p").arg(file.parent().unwrap());
        })
        .await
    }

    pub fn url(&self, target: &str) -> String {
        format!("http://127.0.0.1:{}{target}", self.port)
    }
}
