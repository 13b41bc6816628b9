//! GRE: what comes back from the peer shows the way open; what its own stack says of tunnels does not show one.

use serde::Deserialize;

use crate::model::{Facts, Status, metric};

/// What the probe recorded.
#[derive(Deserialize)]
struct Seen {
    answer: String,
    ms: Option<f64>,
}

pub fn status(facts: &Facts) -> Status {
    match facts.get::<Seen>(&metric::GRE).as_ref().map(|s| s.answer.as_str()) {
        Some("keepalive" | "packet") => Status::Pass,
        _ => Status::Unknown,
    }
}

pub fn words(facts: &Facts) -> String {
    let Some(seen) = facts.get::<Seen>(&metric::GRE) else { return "was not probed".to_owned() };
    let time = seen.ms.map(|ms| format!(" in {ms:.1} ms")).unwrap_or_default();
    match seen.answer.as_str() {
        "keepalive" => format!(
            "brought a keepalive back{time}: the endpoint there takes packets of this machine out of GRE and sends on what they carry"
        ),
        "packet" => "was answered with a GRE packet: the protocol passes both ways".to_owned(),
        _ => {
            let icmp: Option<String> = facts.get(&metric::ICMP);
            let icmp = icmp.unwrap_or_else(|| "ICMP port unreachable".to_owned());
            format!(
                "was answered by the host with {icmp}: an endpoint that has no tunnel for this machine says so, and so does a firewall on that host; set the tunnel up there and run it again"
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_comes_through_the_tunnel_passes() {
        for (answer, expected, told) in [
            ("keepalive", Status::Pass, "brought a keepalive back in 1.5 ms"),
            ("packet", Status::Pass, "answered with a GRE packet"),
            ("no-tunnel", Status::Unknown, "no tunnel for this machine"),
        ] {
            let mut facts = Facts::new();
            facts.set(&metric::GRE, json!({ "answer": answer, "from": "192.0.2.1", "ms": 1.5 }));
            assert_eq!(status(&facts), expected);
            assert!(words(&facts).contains(told), "{}", words(&facts));
        }
        assert_eq!(status(&Facts::new()), Status::Unknown);
    }
}
