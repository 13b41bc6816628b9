//! What a service said, out of the sentence of a check that passes: what decided it, which times alone do not tell.

use super::evidence::ms;
use crate::model::{Check, ProbeKind, StepTiming, masked, metric};

/// Steps that take longer are told although all went well, in milliseconds.
const SLOW_MS: f64 = 1000.0;

/// What follows the place in the check's reason, with the product and the certificate: `answered 401 by nginx, cert 61 d`;
/// `None` where the probe speaks to no service, or the reason is of another form.
pub(super) fn told(check: &Check) -> Option<String> {
    if check.probe == ProbeKind::Path {
        return check.reason.strip_prefix("The way: ").map(|said| said.trim_end_matches('.').to_owned());
    }
    use ProbeKind::{Dns, Ftp, Gre, Http, Ike, Rtmp, Rtsp, Sip, Ssh, Stun, Ws};
    let speaks = matches!(check.probe, Http | Ws | Sip | Rtsp | Rtmp | Ssh | Ike | Gre | Ftp | Stun | Dns);
    let said = speaks.then(|| after_place(check)).flatten()?;
    let mut text = without_methods(without_certificate(without_proxy(said)));
    if let Some(product) = product(check).filter(|p| !text.contains(p.as_str())) {
        let comma = if is_bare(&text) { "" } else { "," };
        text.push_str(&format!("{comma} by {product}"));
    }
    if check.observed.get::<u16>(&metric::HTTP_STATUS) == Some(401) && !text.contains("login") {
        text.push_str(": it asks for a login");
    }
    let slow = steps(check).into_iter().filter(|s| s.ms >= SLOW_MS && s.result == "ok");
    slow.for_each(|s| text.push_str(&format!(", {} {}", s.step.as_str(), ms(s.ms))));
    if let Some(days) = check.observed.get::<f64>(&metric::CERT_DAYS_LEFT) {
        text.push_str(&format!(", cert {days:.0} d"));
    }
    Some(text)
}

/// A code and nothing else: `answered 200`.
fn is_bare(text: &str) -> bool {
    text.strip_prefix("answered ").is_some_and(|code| code.bytes().all(|b| b.is_ascii_digit()))
}

/// All steps together, in milliseconds; `None` where none was recorded.
pub(super) fn took(check: &Check) -> Option<f64> {
    steps(check).iter().map(|s| s.ms).reduce(|a, b| a + b)
}

fn steps(check: &Check) -> Vec<StepTiming> {
    check.observed.get(&metric::STEPS).unwrap_or_default()
}

/// The rest of the sentence that begins with the service and its place.
fn after_place(check: &Check) -> Option<&str> {
    let address = check.address.map(masked::shown).unwrap_or_default();
    let places = [format!("{} ({address})", check.target), check.target.clone(), address];
    let ways = places.iter().filter(|p| !p.is_empty()).flat_map(|p| [format!(" at {p} "), format!(" to {p} ")]);
    let said = ways.filter_map(|way| check.reason.split_once(&way)).map(|(_, said)| said).next()?;
    Some(said.strip_suffix('.').unwrap_or(said)).filter(|said| !said.is_empty())
}

/// How long the certificate is valid is told in fewer words.
fn without_certificate(said: &str) -> &str {
    said.split_once("; its certificate is valid for ").map_or(said, |(before, _)| before)
}

/// The way through a proxy is told in fewer words.
fn without_proxy(said: &str) -> &str {
    said.split_once("; through the proxy ").map_or(said, |(before, _)| before)
}

/// The methods that a server takes are many and decide nothing.
fn without_methods(said: &str) -> String {
    match said.split_once(", methods ") {
        Some((before, after)) => {
            format!("{before}{}", after.find(';').and_then(|n| after.get(n..)).unwrap_or_default())
        }
        None => said.to_owned(),
    }
}

/// The product that answered, or what calls itself by a Server header.
fn product(check: &Check) -> Option<String> {
    let service: Option<serde_json::Value> = check.observed.get(&metric::SERVICE);
    let name = service.as_ref().and_then(|s| s.get("name")?.as_str()).map(str::to_owned);
    name.or_else(|| check.observed.get(&metric::HTTP_SERVER)).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    fn told(probe: &str, reason: &str, observed: Value) -> Option<String> {
        let check = json!({
            "id": "media.x/m.example/192.0.2.1", "rule": "media.x", "probe": probe, "role": "media",
            "target": "m.example", "address": "192.0.2.1", "transport": "tcp", "port": 80, "need": "required",
            "status": "pass", "reason": reason, "observed": observed, "limits": [], "started_ms": 0, "duration_ms": 1
        });
        super::told(&serde_json::from_value(check).unwrap())
    }

    #[test]
    fn what_decided_a_pass_is_told_and_the_rest_is_not() {
        let place = "on TCP 80 at m.example (192.0.2.1)";
        for (probe, said, observed, expected) in [
            (
                "http",
                "answered 200; its certificate is valid for 61 more days.",
                json!({"cert_days_left": 61}),
                "answered 200, cert 61 d",
            ),
            (
                "http",
                "answered 401.",
                json!({"http_status": 401, "http_server": "nginx"}),
                "answered 401 by nginx: it asks for a login",
            ),
            (
                "http",
                "answered 200 as Wowza 4 (by its page).",
                json!({"service": {"name": "Wowza 4"}}),
                "answered 200 as Wowza 4 (by its page)",
            ),
            (
                "rtsp",
                "answered OPTIONS with 200, methods OPTIONS PLAY; /a asks for a login.",
                json!({}),
                "answered OPTIONS with 200; /a asks for a login",
            ),
            (
                "ssh",
                "answered SSH-2.0-x.",
                json!({"steps": [{"step": "connect", "ms": 3100.0, "result": "ok"}]}),
                "answered SSH-2.0-x, connect 3.1 s",
            ),
        ] {
            assert_eq!(told(probe, &format!("It {place} {said}"), observed).as_deref(), Some(expected));
        }
    }

    #[test]
    fn a_reason_of_another_form_is_left_alone() {
        assert_eq!(told("http", "HTTPS answers 200", json!({})), None);
        assert_eq!(told("udp-range", "UDP to 192.0.2.1 is open.", json!({})), None);
    }
}
