//! What the environment says of OTLP, by OpenTelemetry's specification of exporters and resources. Reads it through a
//! closure; sends nothing.

use std::path::PathBuf;
use std::time::Duration;

use crate::net::push::{Destination, Headers};
use crate::report::otlp::{Parent, Sender};
use crate::wire::percent;

/// What `--otlp` says where the environment is to decide.
pub const ENVIRONMENT: &str = "environment";

/// Where a receiver listens that nobody named.
const DEFAULT: &str = "http://localhost:4318";
/// Of one attempt.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Where traces and metrics go, and who sends them.
#[derive(Clone, Debug, Default)]
pub struct Otlp {
    pub traces: Option<Signal>,
    pub metrics: Option<Signal>,
    pub sender: Sender,
    /// What is worth knowing before anything is sent.
    pub notes: Vec<String>,
}

/// How one signal is sent.
#[derive(Clone, Debug)]
pub struct Signal {
    pub to: Destination,
    pub headers: Headers,
    pub timeout: Duration,
    pub gzip: bool,
    /// Authorities to trust beside the machine's.
    pub certificate: Option<PathBuf>,
}

/// Reads `--otlp` and the environment.
///
/// # Errors
/// A sentence that names the variable; no value is repeated that may be secret.
pub fn read(words: &str, variable: impl Fn(&str) -> Option<String>) -> Result<Otlp, String> {
    let set = |name: &str| variable(name).map(|v| v.trim().to_owned()).filter(|v| !v.is_empty());
    let sender = sender(&set)?;
    let mut otlp = Otlp { sender, ..Otlp::default() };
    if set("OTEL_SDK_DISABLED").is_some_and(|v| v.eq_ignore_ascii_case("true")) {
        otlp.notes.push("OTEL_SDK_DISABLED is true: nothing is sent by OTLP".to_owned());
        return Ok(otlp);
    }
    if set("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE").is_some() {
        otlp.notes
            .push("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE is set, but no certificate of a client is sent".to_owned());
    }
    let wanted = |kind: &str| set(&format!("OTEL_{kind}_EXPORTER")).is_none_or(|v| v != "none");
    let signal = |kind: &str, path: &str| wanted(kind).then(|| signal(kind, path, words, &set)).transpose();
    otlp.traces = signal("TRACES", "v1/traces")?;
    otlp.metrics = signal("METRICS", "v1/metrics")?;
    Ok(otlp)
}

/// One signal: a variable of its own wins over that of both.
fn signal(kind: &str, path: &str, words: &str, set: &impl Fn(&str) -> Option<String>) -> Result<Signal, String> {
    let either = |what: &str| {
        let names = [format!("OTEL_EXPORTER_OTLP_{kind}_{what}"), format!("OTEL_EXPORTER_OTLP_{what}")];
        names.into_iter().find_map(|name| Some((set(&name)?, name)))
    };
    if let Some((protocol, name)) = either("PROTOCOL").filter(|(protocol, _)| protocol != "http/protobuf") {
        let more =
            if protocol == "grpc" { "; a receiver that takes gRPC on port 4317 takes it on port 4318" } else { "" };
        return Err(format!(
            "{name} is `{}`, but only OTLP over HTTP with protobuf is spoken here (http/protobuf){more}",
            crate::report::clean(&protocol, true)
        ));
    }
    let own = set(&format!("OTEL_EXPORTER_OTLP_{kind}_ENDPOINT"));
    let to = match (words, own) {
        (ENVIRONMENT, Some(own)) => {
            Destination::read(&own).map_err(|e| format!("OTEL_EXPORTER_OTLP_{kind}_ENDPOINT: {e}"))?
        }
        (ENVIRONMENT, None) => {
            let base = set("OTEL_EXPORTER_OTLP_ENDPOINT").unwrap_or_else(|| DEFAULT.to_owned());
            Destination::read(&base).map_err(|e| format!("OTEL_EXPORTER_OTLP_ENDPOINT: {e}"))?.below(path)
        }
        (url, _) => Destination::read(url).map_err(|e| format!("--otlp: {e}"))?.below(path),
    };
    let headers = match either("HEADERS") {
        Some((list, name)) => Headers::list(&list).map_err(|e| format!("{name}: {e}"))?,
        None => Headers::default(),
    };
    let gzip = match either("COMPRESSION") {
        None => false,
        Some((how, _)) if how == "none" => false,
        Some((how, _)) if how == "gzip" => true,
        Some((_, name)) => return Err(format!("{name} is neither `gzip` nor `none`")),
    };
    let certificate = either("CERTIFICATE").map(|(file, _)| PathBuf::from(file));
    Ok(Signal { to, headers, timeout: timeout(either("TIMEOUT"))?, gzip, certificate })
}

fn timeout(set: Option<(String, String)>) -> Result<Duration, String> {
    let Some((text, name)) = set else { return Ok(TIMEOUT) };
    let ms = text.parse::<u64>().ok().filter(|ms| (1..=600_000).contains(ms));
    ms.map(Duration::from_millis).ok_or_else(|| format!("{name} is no number of milliseconds from 1 to 600000"))
}

/// Who sends: `OTEL_SERVICE_NAME` wins over a `service.name` among the attributes.
fn sender(set: &impl Fn(&str) -> Option<String>) -> Result<Sender, String> {
    let mut attributes = match set("OTEL_RESOURCE_ATTRIBUTES") {
        Some(list) => attributes(&list).ok_or("OTEL_RESOURCE_ATTRIBUTES is no list of name=value between commas")?,
        None => Vec::new(),
    };
    attributes.extend(set("OTEL_SERVICE_NAME").map(|name| ("service.name".to_owned(), name)));
    let parent = set("TRACEPARENT").and_then(|text| Parent::read(&text, &set("TRACESTATE").unwrap_or_default()));
    Ok(Sender { attributes, host: None, parent })
}

/// A list whose values are percent-encoded; it stands or falls as a whole.
fn attributes(list: &str) -> Option<Vec<(String, String)>> {
    let one = |entry: &str| {
        let (name, value) = entry.split_once('=')?;
        let name = percent::decoded(name.trim()).filter(|name| !name.is_empty())?;
        Some((name, percent::decoded(value.trim())?))
    };
    list.split(',').filter(|entry| !entry.trim().is_empty()).map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(words: &str, environment: &[(&str, &str)]) -> Result<Otlp, String> {
        read(words, |name| environment.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()))
    }

    fn to(signal: &Option<Signal>) -> String {
        signal.as_ref().map(|s| format!("{}{}", s.to, s.to.path())).unwrap_or_default()
    }

    #[test]
    fn endpoints_are_as_the_specification_has_them() {
        let base = ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://c.example/otlp/");
        let own = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://t.example:9/x");
        for (words, environment, traces, metrics) in [
            (ENVIRONMENT, &[][..], "http://localhost:4318/v1/traces", "http://localhost:4318/v1/metrics"),
            (ENVIRONMENT, &[base], "https://c.example/otlp/v1/traces", "https://c.example/otlp/v1/metrics"),
            (ENVIRONMENT, &[base, own], "http://t.example:9/x", "https://c.example/otlp/v1/metrics"),
            (
                "http://f.example:4318",
                &[base, own],
                "http://f.example:4318/v1/traces",
                "http://f.example:4318/v1/metrics",
            ),
            (ENVIRONMENT, &[("OTEL_METRICS_EXPORTER", "none")], "http://localhost:4318/v1/traces", ""),
            (ENVIRONMENT, &[("OTEL_SDK_DISABLED", "True")], "", ""),
        ] {
            let otlp = with(words, environment).unwrap();
            assert_eq!((to(&otlp.traces).as_str(), to(&otlp.metrics).as_str()), (traces, metrics));
        }
    }

    #[test]
    fn a_signals_own_variable_wins() {
        let otlp = with(
            ENVIRONMENT,
            &[
                ("OTEL_EXPORTER_OTLP_TIMEOUT", "2500"),
                ("OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", "100"),
                ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
                ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "none"),
                ("OTEL_EXPORTER_OTLP_HEADERS", "api-key=hunter2"),
                ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", ""),
                ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/etc/ca.pem"),
            ],
        )
        .unwrap();
        let (traces, metrics) = (otlp.traces.unwrap(), otlp.metrics.unwrap());
        assert_eq!((traces.timeout.as_millis(), metrics.timeout.as_millis()), (2500, 100));
        assert_eq!((traces.gzip, metrics.gzip), (false, true));
        assert!(!traces.headers.is_empty() && !format!("{traces:?}").contains("hunter2"));
        assert_eq!(metrics.certificate, Some("/etc/ca.pem".into()));
    }

    #[test]
    fn who_sends_is_told_by_the_more_exact_variable() {
        let all = [
            ("OTEL_RESOURCE_ATTRIBUTES", "service.name=low,site=Sant%20Cugat"),
            ("OTEL_SERVICE_NAME", "high"),
            ("TRACEPARENT", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        ];
        let sender = with(ENVIRONMENT, &all).unwrap().sender;
        let last = sender.attributes.last().unwrap();
        assert_eq!((last.1.as_str(), sender.attributes[1].1.as_str()), ("high", "Sant Cugat"));
        assert!(sender.parent.is_some());
    }

    #[test]
    fn what_cannot_be_is_refused_by_its_variables_name() {
        for (name, value, word) in [
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "4318"),
            ("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "http/json", "http/protobuf"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "soon", "milliseconds"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd", "gzip"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "hunter2", "entry 1"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://a:hunter2@h", "password"),
            ("OTEL_RESOURCE_ATTRIBUTES", "hunter2", "name=value"),
        ] {
            let error = with(ENVIRONMENT, &[(name, value)]).unwrap_err();
            assert!(error.contains(name) && error.contains(word) && !error.contains("hunter2"), "{error}");
        }
        assert!(with("localhost:4318", &[]).unwrap_err().contains("--otlp"));
    }
}
