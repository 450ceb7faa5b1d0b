//! Signing keys, and an issuer that publishes them.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ::ring::rsa::PublicKeyComponents;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, SignatureAlgorithm};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};
use task_status::auth::Authenticator;
use task_status::auth::jws::{Algorithm, SigningKey};
use task_status::auth::jwt::{TokenPolicy, Verifier};
use task_status::auth::key_source::{KeySource, Pace};
use task_status::http::connections::ConnectionLimits;
use task_status::http::server;
use task_status::http::stop::Stop;
use task_status::http::tls::TlsConfig;
use tokio::sync::watch;

use super::certificates::Issued;
use super::service::Service;
use super::until;

/// A pair of keys.
pub struct Key {
    pub private_pem: String,
    pub public_pem: String,
    public_raw: Vec<u8>,
    signing: SigningKey,
}

impl Key {
    fn new(pair: &KeyPair) -> Self {
        let private_pem = pair.serialize_pem();
        Self {
            signing: SigningKey::from_pem(private_pem.as_bytes()).unwrap(),
            public_pem: pair.public_key_pem(),
            public_raw: pair.public_key_raw().to_vec(),
            private_pem,
        }
    }

    fn generate(kind: &'static SignatureAlgorithm) -> Self {
        Self::new(&KeyPair::generate_for(kind).unwrap())
    }

    /// An RSA key that is not [`shared_rsa`].
    pub fn other_rsa() -> Self {
        Self::new(&KeyPair::from_pem(include_str!("keys/rsa-two.pem")).unwrap())
    }

    pub fn p256() -> Self {
        Self::generate(&PKCS_ECDSA_P256_SHA256)
    }

    pub fn p384() -> Self {
        Self::generate(&PKCS_ECDSA_P384_SHA384)
    }

    pub fn ed25519() -> Self {
        Self::generate(&PKCS_ED25519)
    }

    /// The public key as an issuer publishes it.
    pub fn jwk(&self, id: &str) -> Value {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let curve = |name: &str| {
            let (x, y) = self.public_raw[1..].split_at(self.public_raw.len() / 2);
            json!({ "kty": "EC", "crv": name, "x": encode(x), "y": encode(y) })
        };
        let mut jwk = match &self.signing {
            SigningKey::Rsa(key) => {
                let PublicKeyComponents { n, e } = PublicKeyComponents::<Vec<u8>>::from(key.public());
                json!({ "kty": "RSA", "n": encode(&n), "e": encode(&e) })
            }
            SigningKey::P256(_) => curve("P-256"),
            SigningKey::P384(_) => curve("P-384"),
            _ => json!({ "kty": "OKP", "crv": "Ed25519", "x": encode(&self.public_raw) }),
        };
        jwk["kid"] = id.into();
        jwk["use"] = "sig".into();
        jwk
    }

    /// A token with any header, signed by the default algorithm of the key.
    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        sign(&self.signing, self.signing.default_algorithm(), header, claims)
    }

    /// A token signed by this algorithm.
    pub fn sign_by(&self, algorithm: Algorithm, id: &str, claims: &Value) -> String {
        sign(
            &self.signing,
            algorithm,
            &json!({ "alg": algorithm, "kid": id }),
            claims,
        )
    }

    /// A token signed by the default algorithm of the key.
    pub fn token(&self, id: &str, claims: &Value) -> String {
        self.sign_by(self.signing.default_algorithm(), id, claims)
    }
}

/// A token with any header, signed by this algorithm.
pub fn sign(key: &SigningKey, algorithm: Algorithm, header: &Value, claims: &Value) -> String {
    let message = [header, claims]
        .map(|part| URL_SAFE_NO_PAD.encode(part.to_string()))
        .join(".");
    let signature = key.sign(algorithm, message.as_bytes()).unwrap();
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// The RSA key that most tests use.
pub fn shared_rsa() -> &'static Key {
    static KEY: LazyLock<Key> =
        LazyLock::new(|| Key::new(&KeyPair::from_pem(include_str!("keys/rsa-one.pem")).unwrap()));
    &KEY
}

/// A time in seconds since 1970.
pub fn seconds_from_now(seconds: i64) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    i64::try_from(now).unwrap() + seconds
}

/// Valid claims with these scopes.
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

/// The policy of the tests' services.
pub fn policy() -> TokenPolicy {
    TokenPolicy {
        issuers: vec![ISSUER.to_owned()],
        audiences: vec![AUDIENCE.to_owned()],
        leeway: Duration::from_secs(30),
        ..TokenPolicy::default()
    }
}

/// Accepts tokens of these keys.
pub fn access(keys: KeySource) -> Authenticator {
    Authenticator::Jwt(Verifier::new(keys, policy()))
}

/// Short retries, and a long interval between regular fetches.
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
    stop: Stop,
}

struct Published {
    status: StatusCode,
    body: String,
    /// The number of requests.
    asked: usize,
    /// Whether responses are held back.
    held: watch::Sender<bool>,
}

impl IssuerServer {
    /// A server without TLS.
    pub fn start(keys: &[Value]) -> Self {
        Self::serve(keys, "http", None)
    }

    /// A server of `localhost` with TLS.
    pub fn secured(keys: &[Value], certificate: &Issued) -> Self {
        let key = PrivateKeyDer::from_pem_slice(certificate.key_pem().as_bytes()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.certificate.der().clone()], key)
            .unwrap();
        let (_, tls) = watch::channel(Arc::new(config));
        Self::serve(keys, "https", Some(tls))
    }

    fn serve(keys: &[Value], scheme: &str, tls: Option<TlsConfig>) -> Self {
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
        let stop = Stop::default();
        let limits = ConnectionLimits::of(100);
        tokio::spawn(server::serve(
            listener,
            routes,
            limits,
            tls,
            stop.clone(),
            Duration::ZERO,
        ));
        let server = Self { url, state, stop };
        server.publish(keys);
        server
    }

    /// Replaces the keys.
    pub fn publish(&self, keys: &[Value]) {
        self.answer(StatusCode::OK, &json!({ "keys": keys }).to_string());
    }

    /// Replaces the response.
    pub fn answer(&self, status: StatusCode, body: &str) {
        let mut state = self.state.lock().unwrap();
        state.status = status;
        body.clone_into(&mut state.body);
    }

    /// Holds back responses, or releases them.
    pub fn hold(&self, held: bool) {
        self.state.lock().unwrap().held.send_replace(held);
    }

    pub fn asked(&self) -> usize {
        self.state.lock().unwrap().asked
    }

    pub fn source(&self, pace: Pace) -> KeySource {
        KeySource::issuer(&self.url, false, pace).unwrap()
    }

    /// Waits until a service has the keys.
    pub async fn is_read_by(&self, service: &Service) {
        let authorizer = service.authorizer.as_ref().unwrap();
        until("the service has keys", async || authorizer.is_ready()).await;
    }

    pub fn stop(&self) {
        self.stop.at_once();
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
