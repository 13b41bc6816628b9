//! GRE: only our own keepalive shows the way open both ways. What the peer sends of its own comes from there, and what its
//! stack says of tunnels does not show one.

use crate::model::{Facts, Gre, GreAnswer, Status, metric};

pub fn status(facts: &Facts) -> Status {
    match facts.get::<Gre>(&metric::GRE).map(|seen| seen.answer) {
        Some(GreAnswer::Keepalive) => Status::Pass,
        Some(GreAnswer::Packet | GreAnswer::NoTunnel) | None => Status::Unknown,
    }
}

pub fn words(facts: &Facts) -> String {
    let Some(seen) = facts.get::<Gre>(&metric::GRE) else { return "was not told what came back".to_owned() };
    let time = seen.ms.map(|ms| format!(" in {ms:.1} ms")).unwrap_or_default();
    match seen.answer {
        GreAnswer::Keepalive => format!(
            "brought a keepalive back{time}: the endpoint there takes packets of this machine out of GRE and sends on what they carry"
        ),
        GreAnswer::Packet => {
            "brought no keepalive back, although GRE of that host's own reaches this machine: that this machine's reaches it was not shown; look there whether it arrives".to_owned()
        }
        GreAnswer::NoTunnel => {
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
    fn only_what_went_there_and_came_back_passes() {
        for (answer, expected, told) in [
            ("keepalive", Status::Pass, "brought a keepalive back in 1.5 ms"),
            ("packet", Status::Unknown, "that this machine's reaches it was not shown"),
            ("no-tunnel", Status::Unknown, "no tunnel for this machine"),
            ("of another version", Status::Unknown, "was not told"),
        ] {
            let mut facts = Facts::new();
            facts.set(&metric::GRE, json!({ "answer": answer, "from": "192.0.2.1", "ms": 1.5 }));
            assert_eq!(status(&facts), expected);
            assert!(words(&facts).contains(told), "{}", words(&facts));
        }
    }

    #[test]
    fn what_is_not_told_is_unknown() {
        assert_eq!(status(&Facts::new()), Status::Unknown);
    }
}
