//! FTP's greeting: 220 is a server that is ready, anything else one that says why it is not (RFC 959 section 5.4).

use crate::model::{Facts, Seen, Status, Step, metric};

pub fn status(seen: &Seen) -> Status {
    let is_ready = greeting(&seen.observation.facts).is_some_and(|g| g.starts_with("220"));
    if is_ready && unclear(seen).is_none() { Status::Pass } else { Status::Warn }
}

pub fn words(seen: &Seen) -> String {
    let Some(greeting) = greeting(&seen.observation.facts) else { return "answered".to_owned() };
    let told = format!("greets with \"{greeting}\"");
    match (greeting.get(..3), unclear(seen)) {
        (Some("220"), None) => told,
        (Some("220"), Some(why)) => format!(
            "{told}, which a mail server could send too, and did not answer NOOP ({why}): check which service listens there"
        ),
        (Some("120"), _) => format!("{told}: it is there and not ready yet, try again later"),
        (Some("421"), _) => {
            format!("{told}: it is there and takes nobody now (too many users, or it is going down), look at its log")
        }
        _ => format!("{told} in place of 220: it is there and refuses, look at its log and at whom it lets in"),
    }
}

fn greeting(facts: &Facts) -> Option<String> {
    facts.get(&metric::BANNER)
}

/// Why NOOP, which tells FTP from mail, got no answer.
fn unclear(seen: &Seen) -> Option<&str> {
    let steps = &seen.observation.steps;
    steps.iter().find(|s| s.step == Step::Command && s.result != "ok").map(|s| s.result.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Failure, FailureKind, Observation, Planned, ProbeKind};

    #[test]
    fn a_server_that_is_not_ready_is_a_warning() {
        for (banner, unclear, worth, part) in [
            ("220 ProFTPD", false, Status::Pass, "greets with \"220 ProFTPD\""),
            ("220 x", true, Status::Warn, "a mail server could send too"),
            ("120 soon", false, Status::Warn, "not ready yet"),
            ("421 full", false, Status::Warn, "takes nobody now"),
            ("530 no", false, Status::Warn, "in place of 220"),
        ] {
            let mut observation = Observation::new(ProbeKind::Ftp);
            observation.facts.set(&metric::BANNER, banner);
            if unclear {
                let failure = Failure::new(Step::Command, FailureKind::Closed, "closed");
                observation.step_noted(&failure, std::time::Duration::ZERO);
            }
            let seen = Seen { of: Planned::Item(0), address: None, observation, started_ms: 0, duration_ms: 0 };
            assert!(status(&seen) == worth && words(&seen).contains(part), "{}", words(&seen));
        }
    }
}
