//! A page whose answer is known: what came back, and whether it is that answer.

use crate::model::{KnownPage, Outcome, PageAnswer, Seen, Status, metric};

use super::aim::Aim;
use super::check::Judgement;
use super::{reason, remedy};

/// Judges what was seen of it; it only informs.
pub fn judge(page: &KnownPage, aim: &Aim<'_>, seen: &Seen) -> Judgement {
    let answer: Option<PageAnswer> = seen.observation.facts.get(&metric::PORTAL);
    let (status, reason) = match (&seen.observation.outcome, answer) {
        (Outcome::Skipped(because), _) => (Status::Skip, reason::skipped(because)),
        (Outcome::Failed(failure), _) if failure.step == crate::model::Step::Name => {
            (Status::Unknown, remedy::name(aim, failure))
        }
        (Outcome::Failed(failure), _) => (
            Status::Unknown,
            format!("{page} at {}: {}; nothing is shown of a captive portal.", aim.to(), failure.detail),
        ),
        (Outcome::Measured, Some(answer)) if answer.same => {
            (Status::Pass, format!("{page} at {} came back as it is known.", aim.to()))
        }
        (Outcome::Measured, Some(answer)) => (Status::Warn, tampered(page, aim, &answer)),
        (Outcome::Measured, None) => (Status::Unknown, format!("{page} was not recorded.")),
    };
    Judgement { status, reason }
}

fn tampered(page: &KnownPage, aim: &Aim<'_>, answer: &PageAnswer) -> String {
    format!("{page} at {} is known to say {}, and {} came back.", aim.to(), wanted(page), told(answer))
}

/// What is known of a page, in words.
pub fn wanted(page: &KnownPage) -> String {
    let printable = |c: char| if c.is_control() { ' ' } else { c };
    match page.text.is_empty() {
        true => "nothing (204)".to_owned(),
        false => format!("\"{}\"", page.text.chars().take(60).map(printable).collect::<String>()),
    }
}

/// What came back, in words.
pub fn told(answer: &PageAnswer) -> String {
    match (&answer.location, answer.bytes) {
        (Some(to), _) => format!("status {} with a redirect to {to}", answer.status),
        (None, 0) => format!("status {} without a page", answer.status),
        (None, bytes) => format!("status {} with {bytes} bytes that begin \"{}\"", answer.status, answer.begins),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Host, Observation, Planned, ProbeKind};

    fn judged(answer: PageAnswer) -> Judgement {
        let page: KnownPage = "http://ok.example/check=all well".parse().unwrap();
        let mut observation = Observation::new(ProbeKind::Http);
        observation.facts.set(&metric::PORTAL, answer);
        let address = "192.0.2.7".parse().ok();
        let seen = Seen { of: Planned::Trial(0), address, observation, started_ms: 0, duration_ms: 0 };
        judge(&page, &Aim::of_host(&Host::Name("ok.example".to_owned()), address), &seen)
    }

    #[test]
    fn only_the_known_answer_is_the_known_answer() {
        let good = PageAnswer { status: 200, same: true, bytes: 8, begins: "all well".to_owned(), location: None };
        assert_eq!(judged(good.clone()).status, Status::Pass);
        let bad = PageAnswer { same: false, status: 302, location: Some("http://login.example/".to_owned()), ..good };
        let judged = judged(bad);
        assert_eq!(judged.status, Status::Warn);
        assert!(judged.reason.contains("\"all well\"") && judged.reason.contains("login.example"), "{}", judged.reason);
    }
}
