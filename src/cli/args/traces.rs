//! The settings of traces, by the names of OpenTelemetry.

use clap::{Args, ValueEnum};
use opentelemetry_otlp::Protocol;
use opentelemetry_sdk::trace::Sampler;
use reqwest::Url;

use crate::telemetry::traces::{TraceError, TraceSettings};

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Traces")]
pub struct TraceArgs {
    /// Send traces of requests to this OpenTelemetry collector, by OTLP over HTTP: its URL, such as http://127.0.0.1:4318,
    /// to which /v1/traces is appended. By default none are made. OTEL_EXPORTER_OTLP_HEADERS, OTEL_SERVICE_NAME,
    /// OTEL_RESOURCE_ATTRIBUTES and OTEL_BSP_... have their usual meaning
    #[arg(
        long,
        env = "OTEL_EXPORTER_OTLP_ENDPOINT",
        hide_env_values = true,
        value_name = "URL"
    )]
    pub otlp_endpoint: Option<String>,
    /// Send traces to this URL as it is
    #[arg(
        long,
        env = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        hide_env_values = true,
        value_name = "URL"
    )]
    pub otlp_traces_endpoint: Option<String>,
    /// The form of traces. OTLP over gRPC is not supported
    #[arg(long, env = "OTEL_EXPORTER_OTLP_PROTOCOL", value_enum, default_value_t)]
    pub otlp_protocol: OtlpProtocol,
    /// Which requests are traced. With `parentbased_...` a `traceparent` of the caller decides; without one, or without
    /// the prefix, all requests, none, or a part of them
    #[arg(long, env = "OTEL_TRACES_SAMPLER", value_enum, default_value_t)]
    pub traces_sampler: TracesSampler,
    /// The part of requests that `traceidratio` traces, from 0 to 1
    #[arg(long, env = "OTEL_TRACES_SAMPLER_ARG", default_value = "1", value_parser = ratio, value_name = "RATIO")]
    pub traces_sampler_arg: f64,
}

#[derive(Debug, Default, Clone, Copy, ValueEnum)]
pub enum OtlpProtocol {
    #[default]
    #[value(name = "http/protobuf")]
    Protobuf,
    #[value(name = "http/json")]
    Json,
}

#[derive(Debug, Default, Clone, Copy, ValueEnum)]
pub enum TracesSampler {
    #[value(name = "always_on")]
    On,
    #[value(name = "always_off")]
    Off,
    #[value(name = "traceidratio")]
    Ratio,
    #[default]
    #[value(name = "parentbased_always_on")]
    ParentOrOn,
    #[value(name = "parentbased_always_off")]
    ParentOrOff,
    #[value(name = "parentbased_traceidratio")]
    ParentOrRatio,
}

impl TraceArgs {
    /// `None` if no traces are to be made.
    pub fn settings(&self) -> Result<Option<TraceSettings>, TraceError> {
        let whole = parsed(
            self.otlp_traces_endpoint.as_deref(),
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT (or --otlp-traces-endpoint)",
        )?;
        let base = parsed(
            self.otlp_endpoint.as_deref(),
            "OTEL_EXPORTER_OTLP_ENDPOINT (or --otlp-endpoint)",
        )?;
        let appended = base.map(|mut url| {
            let path = format!("{}/v1/traces", url.path().trim_end_matches('/'));
            url.set_path(&path);
            url
        });
        let Some(endpoint) = whole.or(appended) else {
            return Ok(None);
        };
        let of_root = match self.traces_sampler {
            TracesSampler::On | TracesSampler::ParentOrOn => Sampler::AlwaysOn,
            TracesSampler::Off | TracesSampler::ParentOrOff => Sampler::AlwaysOff,
            TracesSampler::Ratio | TracesSampler::ParentOrRatio => {
                Sampler::TraceIdRatioBased(self.traces_sampler_arg)
            }
        };
        Ok(Some(TraceSettings {
            endpoint,
            protocol: match self.otlp_protocol {
                OtlpProtocol::Protobuf => Protocol::HttpBinary,
                OtlpProtocol::Json => Protocol::HttpJson,
            },
            sampler: match self.traces_sampler {
                TracesSampler::On | TracesSampler::Off | TracesSampler::Ratio => of_root,
                _ => Sampler::ParentBased(Box::new(of_root)),
            },
        }))
    }
}

/// Not by clap, which repeats a value that it refuses: this one may hold a password.
fn parsed(given: Option<&str>, setting: &'static str) -> Result<Option<Url>, TraceError> {
    let parse = |text| {
        let url = Url::parse(text).ok();
        url.filter(|url| ["http", "https"].contains(&url.scheme()))
            .ok_or(TraceError::Endpoint { setting })
    };
    given.map(parse).transpose()
}

fn ratio(text: &str) -> Result<f64, &'static str> {
    text.parse()
        .ok()
        .filter(|ratio| (0.0..=1.0).contains(ratio))
        .ok_or("it must be a number from 0 to 1")
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        traces: TraceArgs,
    }

    fn settings(arguments: &[&str]) -> Result<Option<TraceSettings>, String> {
        let command =
            Command::try_parse_from([""].iter().chain(arguments)).map_err(|error| error.to_string())?;
        command.traces.settings().map_err(|error| error.to_string())
    }

    #[test]
    fn traces_go_to_the_endpoint_that_is_given() {
        assert!(settings(&[]).expect("arguments that parse").is_none());
        for (arguments, endpoint) in [
            (
                &["--otlp-endpoint", "http://h:4318"][..],
                "http://h:4318/v1/traces",
            ),
            (
                &["--otlp-endpoint", "https://h/otlp/?key=k"],
                "https://h/otlp/v1/traces?key=k",
            ),
            (
                &[
                    "--otlp-endpoint",
                    "http://h",
                    "--otlp-traces-endpoint",
                    "http://g/",
                ],
                "http://g/",
            ),
        ] {
            let settings = settings(arguments)
                .expect("arguments that parse")
                .expect("settings");
            assert_eq!(settings.endpoint.as_str(), endpoint);
        }
    }

    #[test]
    fn settings_that_cannot_work_are_refused() {
        for arguments in [
            ["--otlp-endpoint", "127.0.0.1:4318"],
            ["--otlp-endpoint", "grpc://user:secret@h"],
            ["--otlp-protocol", "grpc"],
            ["--traces-sampler", "xray"],
            ["--traces-sampler-arg", "1.1"],
            ["--traces-sampler-arg", "NaN"],
        ] {
            let refused = settings(&arguments).expect_err("a setting that is refused");
            assert!(!refused.contains("secret"), "{refused}");
        }
    }
}
