//! RTMP, over TLS or not.

use crate::model::{RtmpSaid, Seen, Status, Step, metric};
use crate::profile::RtmpSpec;

/// A refusal is an RTMP server's answer, because no document names an application.
pub fn status(seen: &Seen) -> Status {
    let Some(said) = said(seen) else { return Status::Unknown };
    let trouble = said.code.is_some_and(|code| is_in_trouble(&code));
    match said.accepted {
        _ if trouble || unanswered(seen).is_some() => Status::Warn,
        Some(_) => Status::Pass,
        None => Status::Unknown,
    }
}

pub fn words(spec: &RtmpSpec, seen: &Seen) -> String {
    let Some(said) = said(seen) else {
        return "was reached, and what it answered was not recorded: nothing is known of it".to_owned();
    };
    let app = &spec.app;
    let server = said.server.as_ref().map(|s| format!(" ({s})")).unwrap_or_default();
    let code = match (&said.code, &said.description) {
        (Some(code), Some(description)) => format!("{code}: {description}"),
        (Some(text), None) | (None, Some(text)) => text.clone(),
        (None, None) => "without a code".to_owned(),
    };
    let digest = match said.echoed {
        true => "",
        false => ", though its S2 does not repeat what it was sent, as with servers that shake hands with a digest",
    };
    match (unanswered(seen), said.accepted) {
        (Some(why), _) => format!(
            "shook hands and did not answer connect to the application \"{app}\" ({why}): it is there, and may not have that application, which no document names; look at the server's log{digest}"
        ),
        (None, _) if said.code.as_deref().is_some_and(is_in_trouble) => {
            format!("answered connect{server} with {code}: the server itself is in trouble, look at its log{digest}")
        }
        (None, Some(false)) => format!(
            "is an RTMP server{server}: it refused the application \"{app}\", which no document names ({code}){digest}"
        ),
        (None, Some(true)) => format!("took connect to \"{app}\"{server} ({code}){digest}"),
        (None, None) => format!("shook hands, and its answer to connect was not recorded{digest}"),
    }
}

fn said(seen: &Seen) -> Option<RtmpSaid> {
    seen.observation.facts.get(&metric::RTMP)
}

/// What came in place of an answer to `connect`.
fn unanswered(seen: &Seen) -> Option<&str> {
    seen.observation.trouble_at(Step::Command)
}

/// The application is going down, or the server failed (Adobe's codes of NetConnection).
fn is_in_trouble(code: &str) -> bool {
    matches!(code, "NetConnection.Connect.AppShutdown" | "NetConnection.Connect.Failed")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::{Failure, FailureKind, Observation, Planned, ProbeKind};

    fn judged(said: Option<RtmpSaid>, unanswered: bool) -> (Status, String) {
        let mut observation = Observation::new(ProbeKind::Rtmp);
        if let Some(said) = said {
            observation.facts.set(&metric::RTMP, said);
        }
        if unanswered {
            let failure = Failure::new(Step::Command, FailureKind::Closed, "the server closed the connection");
            observation.step_noted(&failure, Duration::ZERO);
        }
        let seen = Seen { of: Planned::Item(0), address: None, observation, started_ms: 0, duration_ms: 0 };
        let spec = RtmpSpec { tls: false, app: "live".to_owned() };
        (status(&seen), words(&spec, &seen))
    }

    fn shaken(echoed: bool) -> RtmpSaid {
        let (accepted, code, description, server, capabilities) = (None, None, None, None, None);
        RtmpSaid { version: 3, echoed, accepted, code, description, server, capabilities }
    }

    fn with(code: &str) -> Option<RtmpSaid> {
        let (accepted, code, server) =
            (Some(code.ends_with("Success")), Some(code.to_owned()), Some("FMS/3".to_owned()));
        Some(RtmpSaid { accepted, code, server, ..shaken(true) })
    }

    #[test]
    fn any_answer_is_a_living_server_and_trouble_or_none_is_a_warning() {
        let (status, words) = judged(with("NetConnection.Connect.Success"), false);
        let told = "took connect to \"live\" (FMS/3) (NetConnection.Connect.Success)";
        assert_eq!((status, words.as_str()), (Status::Pass, told));
        for (said, unanswered, worth, parts) in [
            (with("NetConnection.Connect.Rejected"), false, Status::Pass, ["refused the application \"live\"", ""]),
            (with("NetConnection.Connect.AppShutdown"), false, Status::Warn, ["in trouble", ""]),
            (Some(shaken(false)), true, Status::Warn, ["did not answer connect", "digest"]),
            (Some(shaken(true)), false, Status::Unknown, ["was not recorded", ""]),
            (None, false, Status::Unknown, ["was not recorded", ""]),
        ] {
            let (status, words) = judged(said, unanswered);
            assert!(status == worth && parts.iter().all(|part| words.contains(part)), "{words}");
        }
    }
}
