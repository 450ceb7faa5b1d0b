//! The settings of `--auth gateway`.

use std::path::PathBuf;

use axum::http::HeaderName;
use clap::{Args, ValueEnum};
use secrecy::{ExposeSecret, SecretString};

use super::AccessError;
use crate::auth::gateway::{GatewaySecret, IdentityHeaders, SEPARATORS};
use crate::auth::key_source::read_secret;
use crate::auth::keys::MIN_SECRET_BYTES;

/// The default header of the gateway's secret.
const GATEWAY_SECRET_HEADER: HeaderName = HeaderName::from_static("x-gateway-secret");

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Access with --auth gateway")]
#[expect(clippy::struct_field_names, reason = "the names are those of the flags")]
pub struct GatewayArgs {
    /// Headers that the gateway sends. `plain` by default
    #[arg(long, env = "TASK_STATUS_GATEWAY_HEADERS", value_enum, value_name = "PRESET")]
    pub gateway_headers: Option<GatewayHeaders>,
    /// Another name for the header with the scopes
    #[arg(long, env = "TASK_STATUS_GATEWAY_SCOPES_HEADER", value_name = "NAME")]
    pub gateway_scopes_header: Option<HeaderName>,
    /// Another name for the header with the client or user
    #[arg(long, env = "TASK_STATUS_GATEWAY_CLIENT_HEADER", value_name = "NAME")]
    pub gateway_client_header: Option<HeaderName>,
    /// Another name for the header with the user levels, such as ORG_ADMIN
    #[arg(long, env = "TASK_STATUS_GATEWAY_LEVELS_HEADER", value_name = "NAME")]
    pub gateway_levels_header: Option<HeaderName>,
    /// Another name for the header with the claims of a verified token
    #[arg(long, env = "TASK_STATUS_GATEWAY_PAYLOAD_HEADER", value_name = "NAME")]
    pub gateway_payload_header: Option<HeaderName>,
    /// Name of the header with the gateway's secret. X-Gateway-Secret by default
    #[arg(long, env = "TASK_STATUS_GATEWAY_SECRET_HEADER", value_name = "NAME")]
    pub gateway_secret_header: Option<HeaderName>,
    /// File with the gateway's secret, read at the start
    #[arg(long, env = "TASK_STATUS_GATEWAY_SECRET_FILE", value_name = "FILE")]
    pub gateway_secret_file: Option<PathBuf>,
    /// The gateway's secret. Prefer the variable: other users of this machine can see the arguments of a process
    #[arg(
        long,
        env = "TASK_STATUS_GATEWAY_SECRET",
        hide_env_values = true,
        value_name = "SECRET"
    )]
    pub gateway_secret: Option<SecretString>,
}

/// Presets for the headers of common gateways.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum GatewayHeaders {
    /// X-Auth-Scopes, X-Auth-Client and X-Auth-Levels: for nginx, Traefik and others with configurable headers
    #[default]
    Plain,
    /// X-Jwt-Payload: the claims of a verified token in base64, as Envoy (forward_payload_header) and Istio
    /// (outputPayloadToHeader) send them
    Envoy,
    /// X-Auth-Request-User and X-Auth-Request-Groups, the groups being the scopes: oauth2-proxy behind nginx or Traefik
    /// (--set-xauthrequest)
    #[value(name = "oauth2-proxy")]
    Oauth2Proxy,
    /// X-Forwarded-User and X-Forwarded-Groups, the groups being the scopes: oauth2-proxy in front (--pass-user-headers),
    /// services of Traefik's ForwardAuth
    Forwarded,
}

impl GatewayArgs {
    pub(super) fn first_given(&self) -> Option<&'static str> {
        [
            ("--gateway-secret-file", self.gateway_secret_file.is_some()),
            ("TASK_STATUS_GATEWAY_SECRET", self.gateway_secret.is_some()),
            ("--gateway-secret-header", self.gateway_secret_header.is_some()),
            ("--gateway-headers", self.gateway_headers.is_some()),
        ]
        .into_iter()
        .chain(self.names().map(|(flag, name)| (flag, name.is_some())))
        .find_map(|(flag, given)| given.then_some(flag))
    }

    fn names(&self) -> [(&'static str, &Option<HeaderName>); 4] {
        [
            ("--gateway-scopes-header", &self.gateway_scopes_header),
            ("--gateway-client-header", &self.gateway_client_header),
            ("--gateway-levels-header", &self.gateway_levels_header),
            ("--gateway-payload-header", &self.gateway_payload_header),
        ]
    }

    /// Whether the gateway sends the claims of a token.
    pub(super) fn sends_claims(&self) -> bool {
        self.gateway_headers == Some(GatewayHeaders::Envoy)
    }

    pub(super) fn secrets(&self) -> usize {
        usize::from(self.gateway_secret_file.is_some()) + usize::from(self.gateway_secret.is_some())
    }

    pub(super) fn secret(&self) -> Result<Option<GatewaySecret>, AccessError> {
        let secret = match (&self.gateway_secret_file, &self.gateway_secret) {
            (Some(path), _) => {
                let content = read_secret(path).map_err(|source| AccessError::GatewaySecretFile {
                    path: path.clone(),
                    source,
                })?;
                SecretString::from(String::from_utf8(content).map_err(|_| AccessError::GatewaySecretForm)?)
            }
            (None, Some(secret)) => secret.clone(),
            (None, None) => return Ok(None),
        };
        let text = secret.expose_secret();
        if text.trim() != text || !text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
            return Err(AccessError::GatewaySecretForm);
        }
        let length = text.len();
        if length < MIN_SECRET_BYTES {
            return Err(AccessError::ShortGatewaySecret(length));
        }
        Ok(Some(GatewaySecret::new(
            self.gateway_secret_header
                .clone()
                .unwrap_or(GATEWAY_SECRET_HEADER),
            &secret,
        )))
    }

    pub(super) fn identity_headers(&self) -> Result<IdentityHeaders, AccessError> {
        let name = |given: &Option<HeaderName>, preset| {
            given.clone().unwrap_or_else(|| HeaderName::from_static(preset))
        };
        let groups = |groups, user| IdentityHeaders::Named {
            scopes: name(&self.gateway_scopes_header, groups),
            // A group's name may contain blanks.
            separators: &[','],
            client: name(&self.gateway_client_header, user),
            levels: self.gateway_levels_header.clone(),
        };
        let preset = self.gateway_headers.unwrap_or_default();
        let headers = match preset {
            GatewayHeaders::Plain => IdentityHeaders::Named {
                scopes: name(&self.gateway_scopes_header, "x-auth-scopes"),
                separators: SEPARATORS,
                client: name(&self.gateway_client_header, "x-auth-client"),
                levels: Some(name(&self.gateway_levels_header, "x-auth-levels")),
            },
            GatewayHeaders::Oauth2Proxy => groups("x-auth-request-groups", "x-auth-request-user"),
            GatewayHeaders::Forwarded => groups("x-forwarded-groups", "x-forwarded-user"),
            GatewayHeaders::Envoy => {
                IdentityHeaders::Payload(name(&self.gateway_payload_header, "x-jwt-payload"))
            }
        };
        let [named @ .., payload] = self.names();
        let (preset, foreign) = match preset {
            GatewayHeaders::Plain => ("plain", &[payload][..]),
            GatewayHeaders::Oauth2Proxy => ("oauth2-proxy", &[payload][..]),
            GatewayHeaders::Forwarded => ("forwarded", &[payload][..]),
            GatewayHeaders::Envoy => ("envoy", &named[..]),
        };
        match foreign.iter().find(|(_, name)| name.is_some()) {
            Some((flag, _)) => Err(AccessError::NoSuchHeader { preset, flag }),
            None => Ok(headers),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn headers(arguments: &[&str]) -> Result<IdentityHeaders, String> {
        #[derive(Parser)]
        struct Command {
            #[command(flatten)]
            gateway: GatewayArgs,
        }
        let command =
            Command::try_parse_from([&["gateway"], arguments].concat()).expect("arguments that parse");
        command
            .gateway
            .identity_headers()
            .map_err(|error| error.to_string())
    }

    fn named(
        scopes: &'static str,
        separators: &'static [char],
        client: &'static str,
        levels: Option<&'static str>,
    ) -> IdentityHeaders {
        IdentityHeaders::Named {
            scopes: HeaderName::from_static(scopes),
            separators,
            client: HeaderName::from_static(client),
            levels: levels.map(HeaderName::from_static),
        }
    }

    #[test]
    fn the_headers_of_a_preset_can_be_renamed() {
        let plain = named(
            "x-auth-scopes",
            SEPARATORS,
            "x-auth-client",
            Some("x-auth-levels"),
        );
        assert_eq!(headers(&[]), Ok(plain));
        assert_eq!(
            headers(&["--gateway-headers", "oauth2-proxy"]),
            Ok(named(
                "x-auth-request-groups",
                &[','],
                "x-auth-request-user",
                None
            ))
        );
        assert_eq!(
            headers(&["--gateway-headers", "envoy"]),
            Ok(IdentityHeaders::Payload(HeaderName::from_static("x-jwt-payload")))
        );
        let renamed = [
            "--gateway-headers",
            "oauth2-proxy",
            "--gateway-scopes-header",
            "X-Scopes",
            "--gateway-client-header",
            "X-User",
            "--gateway-levels-header",
            "X-Levels",
        ];
        assert_eq!(
            headers(&renamed),
            Ok(named("x-scopes", &[','], "x-user", Some("x-levels")))
        );
        assert_eq!(
            headers(&[
                "--gateway-headers",
                "envoy",
                "--gateway-payload-header",
                "X-Claims"
            ]),
            Ok(IdentityHeaders::Payload(HeaderName::from_static("x-claims")))
        );
        assert_eq!(
            headers(&["--gateway-payload-header", "X-Claims"]),
            Err(
                "--gateway-payload-header renames a header that --gateway-headers plain does not use; --help lists the \
                 headers of each preset"
                    .to_owned()
            )
        );
    }
}
