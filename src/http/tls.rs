//! The API's certificate: read from PEM files, followed as they are renewed, given to every new connection.

use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest, Sha256};
use thiserror::Error;
use tokio::sync::watch;

use crate::watched_file::{Contents, ReadError, WatchedFiles};

/// The newest configuration, certificate included.
pub type TlsConfig = watch::Receiver<Arc<ServerConfig>>;

/// The files of the certificate and its key.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// The server's own certificate, then those between it and the authority's.
    pub certificate: PathBuf,
    /// The key of the first of them.
    pub key: PathBuf,
}

/// A certificate and a key that cannot be used. Each message names the file.
#[derive(Debug, Error)]
pub enum TlsError {
    #[error(transparent)]
    Read(#[from] ReadError),
    // What the parser says of a damaged file would show bytes of it.
    #[error("{} is damaged: it is no PEM", .0.display())]
    Damaged(PathBuf),
    #[error("{} has no certificate in it (PEM)", .0.display())]
    NoCertificate(PathBuf),
    #[error("{} has no private key in it (PEM, without a passphrase)", .0.display())]
    NoKey(PathBuf),
    #[error("the certificate in {} cannot be used", path.display())]
    Certificate {
        path: PathBuf,
        #[source]
        source: rustls::Error,
    },
    #[error("the private key in {} cannot be used", path.display())]
    Key {
        path: PathBuf,
        #[source]
        source: rustls::Error,
    },
    #[error(
        "the private key in {} does not belong to the first certificate in {}",
        key.display(),
        certificate.display()
    )]
    Mismatch { certificate: PathBuf, key: PathBuf },
}

/// The API's certificate and key, for as long as the service runs.
pub struct Tls {
    config: watch::Sender<Arc<ServerConfig>>,
    files: TlsFiles,
    watched: WatchedFiles<2>,
}

impl Tls {
    /// Reads the files.
    pub async fn open(files: TlsFiles) -> Result<Self, TlsError> {
        let paths = [files.certificate.clone(), files.key.clone()];
        let (watched, contents) = WatchedFiles::open(paths).await?;
        let (config, sha256) = server_config(&files, &contents)?;
        tracing::info!(sha256, "the certificate is in use");
        Ok(Self {
            config: watch::Sender::new(Arc::new(config)),
            files,
            watched,
        })
    }

    /// What new connections are accepted with: always the newest certificate.
    pub fn config(&self) -> TlsConfig {
        self.config.subscribe()
    }

    /// Takes up renewed files for as long as it is polled. Connections keep what they began with.
    pub async fn follow(self) -> Infallible {
        let Self {
            config,
            files,
            watched,
        } = self;
        watched
            .follow("certificate", |contents| {
                let (renewed, sha256) = server_config(&files, &contents)?;
                config.send_replace(Arc::new(renewed));
                tracing::info!(sha256, "the renewed certificate is in use");
                Ok::<_, TlsError>(())
            })
            .await
    }
}

/// TLS as the API speaks it, and the certificate's SHA-256 fingerprint.
fn server_config(files: &TlsFiles, contents: &Contents<2>) -> Result<(ServerConfig, String), TlsError> {
    let [certificate, key] = contents;
    let chain = CertificateDer::pem_slice_iter(certificate)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| TlsError::Damaged(files.certificate.clone()))?;
    let first = chain
        .first()
        .ok_or_else(|| TlsError::NoCertificate(files.certificate.clone()))?;
    let sha256 = fingerprint(first);
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| match error {
        pem::Error::NoItemsFound => TlsError::NoKey(files.key.clone()),
        _ => TlsError::Damaged(files.key.clone()),
    })?;
    let unusable_key = |source| TlsError::Key {
        path: files.key.clone(),
        source,
    };
    // The versions of TLS cannot be at fault: the provider knows them all.
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(unusable_key)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|source| match source {
            rustls::Error::InconsistentKeys(_) => TlsError::Mismatch {
                certificate: files.certificate.clone(),
                key: files.key.clone(),
            },
            rustls::Error::InvalidCertificate(_) => TlsError::Certificate {
                path: files.certificate.clone(),
                source,
            },
            source => unusable_key(source),
        })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok((config, sha256))
}

/// A certificate's fingerprint in the form of `openssl x509 -fingerprint -sha256`.
fn fingerprint(certificate: &CertificateDer) -> String {
    let digest = Sha256::digest(certificate);
    digest
        .iter()
        .map(|byte| format!("{byte:02X}"))
        .collect::<Vec<_>>()
        .join(":")
}
