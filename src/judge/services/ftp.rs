//! FTP's greeting: 220 is a server that is ready, anything else one that says why it is not (RFC 959 section 5.4).

use crate::model::{Facts, Seen, Status, Step, metric};

pub fn status(seen: &Seen) -> Status {
    let Some(greeting) = greeting(&seen.observation.facts) else { return Status::Unknown };
    match greeting.get(..3) {
        Some("220") if unclear(seen).is_some() => Status::Warn,
        Some("220") if is_asked(seen) => Status::Pass,
        Some("220") => Status::Unknown,
        _ => Status::Warn,
    }
}

pub fn words(seen: &Seen) -> String {
    let Some(greeting) = greeting(&seen.observation.facts) else {
        return "was reached, and its greeting was not recorded: nothing is known of it".to_owned();
    };
    let told = format!("greets with \"{greeting}\"");
    match (greeting.get(..3), unclear(seen)) {
        (Some("220"), None) if is_asked(seen) => told,
        (Some("220"), None) => format!("{told}, which a mail server could send too, and NOOP was not asked"),
        (Some("220"), Some(why)) => format!(
            "{told}, which a mail server could send too, and NOOP did not tell ({why}): check which service listens there"
        ),
        (Some("120"), _) => format!("{told}: it is there and not ready yet, try again later"),
        (Some("421"), _) => {
            format!("{told}: it is there and takes nobody now (too many users, or it is going down), look at its log")
        }
        (Some("530"), _) => {
            format!("{told} in place of 220: it is there and refuses, look at its log and at whom it lets in")
        }
        _ => format!(
            "{told}, a code that FTP has no greeting with, so whether it is FTP cannot be told: check which service listens there"
        ),
    }
}

fn greeting(facts: &Facts) -> Option<String> {
    facts.get(&metric::BANNER)
}

/// Why NOOP, which tells FTP from mail, got no answer.
fn unclear(seen: &Seen) -> Option<&str> {
    seen.observation.trouble_at(Step::Command)
}

/// NOOP was sent, and something came of it.
fn is_asked(seen: &Seen) -> bool {
    seen.observation.steps.iter().any(|s| s.step == Step::Command)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::{Failure, FailureKind, Observation, Planned, ProbeKind};

    #[test]
    fn a_server_that_is_not_ready_is_a_warning() {
        let (ok, unclear, unasked) = (Some(true), Some(false), None);
        for (banner, asked, worth, part) in [
            (Some("220 ProFTPD"), ok, Status::Pass, "greets with \"220 ProFTPD\""),
            (Some("220 x"), unclear, Status::Warn, "a mail server could send too"),
            (Some("120 soon"), unasked, Status::Warn, "not ready yet"),
            (Some("421 full"), unasked, Status::Warn, "takes nobody now"),
            (Some("530 no"), unasked, Status::Warn, "refuses"),
            (Some("200 news.example ready"), unasked, Status::Warn, "whether it is FTP cannot be told"),
            (Some("220 x"), unasked, Status::Unknown, "was not asked"),
            (None, unasked, Status::Unknown, "was not recorded"),
        ] {
            let mut observation = Observation::new(ProbeKind::Ftp);
            if let Some(banner) = banner {
                observation.facts.set(&metric::BANNER, banner);
            }
            match asked {
                Some(true) => observation.step_ok(Step::Command, Duration::ZERO),
                Some(false) => {
                    let failure = Failure::new(Step::Command, FailureKind::Closed, "closed");
                    observation.step_noted(&failure, Duration::ZERO);
                }
                None => {}
            }
            let seen = Seen { of: Planned::Item(0), address: None, observation, started_ms: 0, duration_ms: 0 };
            assert!(status(&seen) == worth && words(&seen).contains(part), "{}", words(&seen));
        }
    }
}
