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
