//! Keys to sign tokens with, and the server of an issuer that publishes them.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum_server::tls_rustls::RustlsConfig;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rcgen::{
    KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, PKCS_RSA_SHA256,
    SignatureAlgorithm,
};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};
use task_status::auth::Authenticator;
use task_status::auth::jwt::{Rules, Verifier};
use task_status::auth::key_source::{KeySource, Pace};
use task_status::http::server;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::certificates::Issued;
use super::eventually;
use super::service::Service;

/// A pair of keys.
pub struct Key {
    pub private_pem: String,
    pub public_pem: String,
    public_raw: Vec<u8>,
    encoding: EncodingKey,
    algorithm: Algorithm,
}

impl Key {
    fn generate(kind: &'static SignatureAlgorithm, algorithm: Algorithm) -> Self {
        let pair = KeyPair::generate_for(kind).unwrap();
        let private_pem = pair.serialize_pem();
        let read = match algorithm {
            Algorithm::ES256 | Algorithm::ES384 => EncodingKey::from_ec_pem,
            Algorithm::EdDSA => EncodingKey::from_ed_pem,
            _ => EncodingKey::from_rsa_pem,
        };
        Self {
            encoding: read(private_pem.as_bytes()).unwrap(),
            public_pem: pair.public_key_pem(),
            public_raw: pair.public_key_raw().to_vec(),
            private_pem,
            algorithm,
        }
    }

    /// Another RSA key each time.
    pub fn rsa() -> Self {
        Self::generate(&PKCS_RSA_SHA256, Algorithm::RS256)
    }

    pub fn p256() -> Self {
        Self::generate(&PKCS_ECDSA_P256_SHA256, Algorithm::ES256)
    }

    pub fn p384() -> Self {
        Self::generate(&PKCS_ECDSA_P384_SHA384, Algorithm::ES384)
    }

    pub fn ed25519() -> Self {
        Self::generate(&PKCS_ED25519, Algorithm::EdDSA)
    }

    /// The public key as an issuer publishes it.
    pub fn jwk(&self, id: &str) -> Value {
        // The library does not take all of an Ed25519 key for one whose public part it can find.
        let mut jwk = match self.algorithm {
            Algorithm::EdDSA => {
                json!({ "kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(&self.public_raw) })
            }
            algorithm => {
                serde_json::to_value(Jwk::from_encoding_key(&self.encoding, algorithm).unwrap()).unwrap()
            }
        };
        jwk["kid"] = id.into();
        jwk["use"] = "sig".into();
        // An RSA key serves six algorithms.
        jwk.as_object_mut().unwrap().remove("alg");
        jwk
    }

    /// A token, signed by the algorithm of the header.
    pub fn sign(&self, header: &Header, claims: &Value) -> String {
        jsonwebtoken::encode(header, claims, &self.encoding).unwrap()
    }

    /// A token with these claims, signed in the usual way.
    pub fn token(&self, id: &str, claims: &Value) -> String {
        let mut header = Header::new(self.algorithm);
        header.kid = Some(id.to_owned());
        self.sign(&header, claims)
    }
}

/// An RSA key that tests share: it takes some time to make one.
pub fn shared_rsa() -> &'static Key {
    static KEY: LazyLock<Key> = LazyLock::new(Key::rsa);
    &KEY
}

/// Seconds since 1970, that far from now.
pub fn seconds_from_now(seconds: i64) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    i64::try_from(now).unwrap() + seconds
}

/// What a good token says, with these scopes.
pub fn claims(scopes: &[&str]) -> Value {
    json!({
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "somebody",
        "client_id": "ci",
        "exp": seconds_from_now(300),
        "scope": scopes,
    })
}

pub const ISSUER: &str = "https://issuer.example";
pub const AUDIENCE: &str = "task-status";

/// What the tests' services ask of a token.
pub fn rules() -> Rules {
    Rules {
        issuers: vec![ISSUER.to_owned()],
        audiences: vec![AUDIENCE.to_owned()],
        leeway: Duration::from_secs(30),
    }
}

/// Tokens of this source's keys.
pub fn access(keys: KeySource) -> Authenticator {
    Authenticator::Jwt(Verifier::new(keys, rules()))
}

/// Far more often than in earnest, and rarely enough to tell a fetch that is due from one that is not.
pub const FAST: Pace = Pace {
    refresh: Duration::from_hours(1),
    refetch: Duration::ZERO,
    first_retry: Duration::from_millis(20),
    last_retry: Duration::from_millis(20),
};

/// An issuer's server.
pub struct IssuerServer {
    pub url: String,
    state: Arc<Mutex<Published>>,
    stop: CancellationToken,
}

struct Published {
    status: StatusCode,
    body: String,
    /// How often it was asked.
    asked: usize,
    /// Whether it takes its time to answer.
    held: watch::Sender<bool>,
}

impl IssuerServer {
    /// A server that this machine trusts.
    pub fn start(keys: &[Value]) -> Self {
        Self::serve(keys, "http", |listener, routes, stop| {
            tokio::spawn(server::serve(listener, routes, stop, Duration::ZERO));
        })
    }

    /// One of `localhost` with a certificate.
    pub fn secured(keys: &[Value], certificate: &Issued) -> Self {
        let key = PrivateKeyDer::from_pem_slice(certificate.key_pem().as_bytes()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.certificate.der().clone()], key)
            .unwrap();
        let tls = RustlsConfig::from_config(Arc::new(config));
        Self::serve(keys, "https", |listener, routes, stop| {
            tokio::spawn(server::serve_tls(listener, routes, tls, stop, Duration::ZERO));
        })
    }

    fn serve(
        keys: &[Value],
        scheme: &str,
        spawn: impl FnOnce(TcpListener, Router, CancellationToken),
    ) -> Self {
        let state = Arc::new(Mutex::new(Published {
            status: StatusCode::OK,
            body: String::new(),
            asked: 0,
            held: watch::Sender::new(false),
        }));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let url = format!(
            "{scheme}://localhost:{}/jwks",
            listener.local_addr().unwrap().port()
        );
        let routes = Router::new()
            .route("/jwks", get(publish))
            .with_state(Arc::clone(&state));
        let stop = CancellationToken::new();
        spawn(listener, routes, stop.clone());
        let server = Self { url, state, stop };
        server.publish(keys);
        server
    }

    /// From now on, these are the keys.
    pub fn publish(&self, keys: &[Value]) {
        self.answer(StatusCode::OK, &json!({ "keys": keys }).to_string());
    }

    /// From now on, this is the answer.
    pub fn answer(&self, status: StatusCode, body: &str) {
        let mut state = self.state.lock().unwrap();
        state.status = status;
        body.clone_into(&mut state.body);
    }

    /// From now on it answers nobody, until it does again.
    pub fn hold(&self, held: bool) {
        self.state.lock().unwrap().held.send_replace(held);
    }

    pub fn asked(&self) -> usize {
        self.state.lock().unwrap().asked
    }

    pub fn source(&self, pace: Pace) -> KeySource {
        KeySource::issuer(&self.url, pace).unwrap()
    }

    /// Waits until a service has the keys.
    pub async fn is_read_by(&self, service: &Service) {
        eventually("the service has keys", async || {
            let authorizer = service.authorizer.as_ref().unwrap();
            authorizer.is_ready().then_some(())
        })
        .await;
    }

    pub fn stop(&self) {
        self.stop.cancel();
    }
}

async fn publish(State(state): State<Arc<Mutex<Published>>>) -> (StatusCode, String) {
    let mut held = {
        let mut state = state.lock().unwrap();
        state.asked += 1;
        state.held.subscribe()
    };
    held.wait_for(|held| !held).await.unwrap();
    let state = state.lock().unwrap();
    (state.status, state.body.clone())
}
