//! A gateway that authenticates callers and names them in headers.
//!
//! The gateway is recognised by its address, by a secret that it sends, or by both: each that is set must match. Requests
//! from other peers are refused.

use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderName};
use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::jwt::Claims;
use super::permissions::PermissionMap;
use super::proxies::Proxies;
use super::{Caller, IdentityError};

/// Base64url with or without padding, since gateways send both. Standard base64 is translated to it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The gateway: its addresses, its secret and its headers.
#[derive(Debug)]
pub struct Gateway {
    /// The addresses of the gateway; any if not set.
    pub addresses: Option<Proxies>,
    /// The secret that it sends, if any.
    pub secret: Option<GatewaySecret>,
    pub headers: IdentityHeaders,
    pub permissions: PermissionMap,
}

/// The secret of the gateway, and its header.
#[derive(Debug)]
pub struct GatewaySecret {
    header: HeaderName,
    /// SHA-256 of the secret: comparing digests takes the same time for every value and length.
    digest: [u8; 32],
}

impl GatewaySecret {
    pub fn new(header: HeaderName, secret: &SecretString) -> Self {
        Self {
            header,
            digest: Sha256::digest(secret.expose_secret()).into(),
        }
    }

    fn is_in(&self, headers: &HeaderMap) -> bool {
        single(headers, &self.header)
            .ok()
            .flatten()
            .is_some_and(|sent| Sha256::digest(sent.as_bytes()).ct_eq(&self.digest).into())
    }
}

/// Separators of scopes and levels in headers that the gateway is configured to send.
pub const SEPARATORS: &[char] = &[' ', '\t', ','];

/// The headers in which the gateway names the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdentityHeaders {
    /// The claims of a verified token as JSON in base64, as Envoy, Istio, Kong and APISIX forward them.
    Payload(HeaderName),
    /// One header for each: the scopes, the client, the user levels. The levels are optional.
    Named {
        scopes: HeaderName,
        /// Between scopes, and between levels.
        separators: &'static [char],
        client: HeaderName,
        levels: Option<HeaderName>,
    },
}

impl Gateway {
    /// The caller that the gateway names.
    pub fn authenticate(&self, headers: &HeaderMap, peer: Option<IpAddr>) -> Result<Caller, IdentityError> {
        let from_its_address = self
            .addresses
            .as_ref()
            .is_none_or(|addresses| peer.is_some_and(|peer| addresses.trust(peer)));
        let with_its_secret = self.secret.as_ref().is_none_or(|secret| secret.is_in(headers));
        if !from_its_address || !with_its_secret {
            return Err(IdentityError::NotTheGateway);
        }
        self.headers.read(headers, &self.permissions)
    }

    /// Removes the gateway's headers from a request.
    pub fn strip_credentials(&self, headers: &mut HeaderMap) {
        for name in self.headers.names() {
            headers.remove(name);
        }
        if let Some(secret) = &self.secret {
            headers.remove(&secret.header);
        }
    }
}

impl IdentityHeaders {
    fn names(&self) -> Vec<&HeaderName> {
        match self {
            Self::Payload(payload) => vec![payload],
            Self::Named {
                scopes,
                client,
                levels,
                ..
            } => [scopes, client].into_iter().chain(levels).collect(),
        }
    }

    fn read(&self, headers: &HeaderMap, permissions: &PermissionMap) -> Result<Caller, IdentityError> {
        match self {
            Self::Payload(name) => {
                let payload = single(headers, name)?.ok_or(IdentityError::NoIdentity)?;
                let json = BASE64.decode(payload.replace('+', "-").replace('/', "_")).ok();
                let claims = json.and_then(|json| Claims::from_json(&json).ok());
                claims
                    .and_then(|claims| claims.into_caller(permissions).ok())
                    .ok_or_else(|| IdentityError::UnreadableIdentity(name.to_string()))
            }
            Self::Named {
                scopes,
                separators,
                client,
                levels,
            } => {
                let words = |text| words(text, separators);
                let client = single(headers, client)?;
                let scopes = single(headers, scopes)?;
                if client.is_none() && scopes.is_none() {
                    return Err(IdentityError::NoIdentity);
                }
                let levels = match levels {
                    Some(levels) => single(headers, levels)?,
                    None => None,
                };
                Ok(permissions.caller(
                    client.map(str::to_owned),
                    words(scopes.unwrap_or_default()),
                    levels.map(words),
                ))
            }
        }
    }
}

/// The value of a header that may occur once: a second one may be the client's, passed on by the gateway. An empty
/// value counts as missing, since gateways set headers from variables that may be empty.
fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, IdentityError> {
    let unreadable = || IdentityError::UnreadableIdentity(name.to_string());
    let mut values = headers.get_all(name).iter();
    let value = values.next();
    if values.next().is_some() {
        return Err(unreadable());
    }
    let text = value
        .map(|value| value.to_str().map_err(|_| unreadable()))
        .transpose()?;
    Ok(text.map(str::trim).filter(|text| !text.is_empty()))
}

fn words(text: &str, separators: &[char]) -> Vec<String> {
    text.split(separators)
        .map(str::trim)
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::Permission;
    use super::super::caller::{READ, WRITE};
    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                (
                    name.parse::<HeaderName>().expect("a name"),
                    value.parse().expect("a value"),
                )
            })
            .collect()
    }

    fn named() -> IdentityHeaders {
        IdentityHeaders::Named {
            scopes: HeaderName::from_static("x-auth-scopes"),
            separators: SEPARATORS,
            client: HeaderName::from_static("x-auth-client"),
            levels: Some(HeaderName::from_static("x-auth-levels")),
        }
    }

    fn gateway(addresses: Option<&str>, secret: Option<&str>) -> Gateway {
        Gateway {
            addresses: addresses.map(|network| Proxies::new(network.parse().into_iter().collect())),
            secret: secret.map(|secret| {
                GatewaySecret::new(HeaderName::from_static("x-gateway-secret"), &secret.into())
            }),
            headers: named(),
            permissions: PermissionMap::default(),
        }
    }

    #[test]
    fn each_condition_that_is_set_must_match() {
        let inside = Some(IpAddr::from([10, 0, 0, 1]));
        let outside = Some(IpAddr::from([203, 0, 113, 1]));
        let known = |gateway: &Gateway, peer, secret: Option<&str>| {
            let mut sent = headers(&[("x-auth-client", "a")]);
            if let Some(secret) = secret {
                sent.extend(headers(&[("x-gateway-secret", secret)]));
            }
            match gateway.authenticate(&sent, peer) {
                Ok(_) => true,
                Err(IdentityError::NotTheGateway) => false,
                Err(other) => panic!("{other}"),
            }
        };
        let by_address = gateway(Some("10.0.0.0/8"), None);
        assert!(known(&by_address, inside, None));
        assert!(!known(&by_address, outside, None));
        assert!(!known(&by_address, outside, Some("s")));
        assert!(!known(&by_address, None, None));
        let by_secret = gateway(None, Some("correct horse battery staple"));
        assert!(known(&by_secret, outside, Some("correct horse battery staple")));
        for wrong in [
            None,
            Some("correct"),
            Some("correct horse battery stapl"),
            Some(""),
        ] {
            assert!(!known(&by_secret, inside, wrong), "{wrong:?}");
        }
        let by_both = gateway(Some("10.0.0.0/8"), Some("s"));
        assert!(known(&by_both, inside, Some("s")));
        assert!(!known(&by_both, outside, Some("s")));
        assert!(!known(&by_both, inside, Some("t")));
    }

    #[test]
    fn a_secret_that_is_sent_twice_is_refused() {
        let sent = headers(&[
            ("x-auth-client", "a"),
            ("x-gateway-secret", "s"),
            ("x-gateway-secret", "s"),
        ]);
        assert!(gateway(None, Some("s")).authenticate(&sent, None).is_err());
    }

    #[test]
    fn named_headers_hold_lists_and_may_not_be_repeated() {
        let read = |pairs: &[(&str, &str)]| named().read(&headers(pairs), &PermissionMap::default());
        let caller = read(&[
            ("X-Auth-Scopes", &format!("openid, {READ} {WRITE}")),
            ("X-Auth-Client", "ci"),
        ])
        .expect("a caller");
        assert_eq!(caller.client.as_deref(), Some("ci"));
        assert!(caller.may(Permission::Write).is_ok());
        let helpdesk = read(&[("X-Auth-Scopes", WRITE), ("X-Auth-Levels", "HELPDESK")]).expect("a caller");
        assert!(helpdesk.may(Permission::Read).is_ok() && helpdesk.may(Permission::Write).is_err());
        assert!(
            read(&[("X-Auth-Client", "ci")])
                .expect("a caller")
                .may(Permission::Read)
                .is_err()
        );
        for anonymous in [
            &[][..],
            &[("X-Auth-Client", ""), ("X-Auth-Scopes", " ")],
            &[("X-Auth-Levels", "ORG_ADMIN")],
        ] {
            assert!(
                matches!(read(anonymous), Err(IdentityError::NoIdentity)),
                "{anonymous:?}"
            );
        }
        for name in ["X-Auth-Scopes", "X-Auth-Client", "X-Auth-Levels"] {
            let twice = [("X-Auth-Client", "a"), (name, READ), (name, WRITE)];
            assert!(
                matches!(read(&twice), Err(IdentityError::UnreadableIdentity(_))),
                "{name}"
            );
        }
    }

    #[test]
    fn a_payload_is_read_in_every_form_of_base64() {
        let payload = IdentityHeaders::Payload(HeaderName::from_static("x-jwt-payload"));
        let read = |text: &str| {
            let sent = headers(&[("x-jwt-payload", text)]);
            payload.read(&sent, &PermissionMap::default())
        };
        // The name brings `+` and `/`, the length `=`.
        let json = format!(r#"{{"name":"ÿþ~~~?>>","azp":"ci","scope":"{READ}","sub":"a"}}"#);
        let standard = base64::engine::general_purpose::STANDARD.encode(&json);
        assert!(
            ["+", "/", "="].iter().all(|part| standard.contains(part)),
            "{standard}"
        );
        let url_safe = base64::engine::general_purpose::URL_SAFE.encode(&json);
        for text in [&standard, &url_safe]
            .into_iter()
            .flat_map(|text| [text, text.trim_end_matches('=')])
        {
            let caller = read(text).expect("a caller");
            assert_eq!(caller.client.as_deref(), Some("ci"));
            assert!(caller.may(Permission::Read).is_ok() && caller.may(Permission::Write).is_err());
        }
        for nonsense in [json.as_str(), "e30=e", "bnVsbA", "W10x"] {
            assert!(
                matches!(read(nonsense), Err(IdentityError::UnreadableIdentity(_))),
                "{nonsense}"
            );
        }
        assert!(matches!(
            payload.read(&HeaderMap::new(), &PermissionMap::default()),
            Err(IdentityError::NoIdentity)
        ));
    }

    #[test]
    fn credentials_are_neither_passed_on_nor_shown() {
        let gateway = gateway(None, Some("hunter2"));
        let mut sent = headers(&[
            ("x-auth-scopes", READ),
            ("X-Gateway-Secret", "hunter2"),
            ("accept", "*/*"),
        ]);
        gateway.strip_credentials(&mut sent);
        assert_eq!(
            sent.keys().map(HeaderName::as_str).collect::<Vec<_>>(),
            ["accept"]
        );
        assert!(!format!("{gateway:?}").contains("hunter2"));
    }
}
