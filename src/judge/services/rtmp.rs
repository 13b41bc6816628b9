//! RTMP, over TLS or not.

use serde::Deserialize;

use crate::model::{Seen, Status, Step, metric};
use crate::profile::RtmpSpec;

/// What the probe recorded, as far as it counts here.
#[derive(Default, Deserialize)]
struct Said {
    echoed: bool,
    accepted: Option<bool>,
    code: Option<String>,
    description: Option<String>,
    server: Option<String>,
}

/// A refusal is an RTMP server's answer, because no document names an application.
pub fn status(seen: &Seen) -> Status {
    let trouble = said(seen).code.is_some_and(|code| is_in_trouble(&code));
    if trouble || unanswered(seen).is_some() { Status::Warn } else { Status::Pass }
}

pub fn words(spec: &RtmpSpec, seen: &Seen) -> String {
    let said = said(seen);
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
        (None, None) => format!("answered{digest}"),
    }
}

fn said(seen: &Seen) -> Said {
    let none = Said { echoed: true, ..Said::default() };
    seen.observation.facts.get(&metric::RTMP).unwrap_or(none)
}

/// What came in place of an answer to `connect`.
fn unanswered(seen: &Seen) -> Option<&str> {
    let steps = &seen.observation.steps;
    steps.iter().find(|s| s.step == Step::Command && s.result != "ok").map(|s| s.result.as_str())
}

/// The application is going down, or the server failed (Adobe's codes of NetConnection).
fn is_in_trouble(code: &str) -> bool {
    matches!(code, "NetConnection.Connect.AppShutdown" | "NetConnection.Connect.Failed")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::model::{Failure, FailureKind, Observation, Planned, ProbeKind};

    fn judged(said: serde_json::Value, unanswered: bool) -> (Status, String) {
        let mut observation = Observation::new(ProbeKind::Rtmp);
        observation.facts.set(&metric::RTMP, said);
        if unanswered {
            let failure = Failure::new(Step::Command, FailureKind::Closed, "the server closed the connection");
            observation.step_noted(&failure, Duration::ZERO);
        }
        let seen = Seen { of: Planned::Item(0), address: None, observation, started_ms: 0, duration_ms: 0 };
        let spec = RtmpSpec { tls: false, app: "live".to_owned() };
        (status(&seen), words(&spec, &seen))
    }

    #[test]
    fn any_answer_is_a_living_server_and_trouble_or_none_is_a_warning() {
        let code = |code: &str| json!({ "echoed": true, "accepted": code.ends_with("Success"), "code": code, "server": "FMS/3" });
        let (status, words) = judged(code("NetConnection.Connect.Success"), false);
        assert_eq!(
            (status, words.as_str()),
            (Status::Pass, "took connect to \"live\" (FMS/3) (NetConnection.Connect.Success)")
        );
        let (status, words) = judged(code("NetConnection.Connect.Rejected"), false);
        assert!(status == Status::Pass && words.contains("refused the application \"live\""), "{words}");
        let (status, words) = judged(code("NetConnection.Connect.AppShutdown"), false);
        assert!(status == Status::Warn && words.contains("in trouble"), "{words}");
        let (status, words) = judged(json!({ "echoed": false }), true);
        assert!(
            status == Status::Warn && words.contains("did not answer connect") && words.contains("digest"),
            "{words}"
        );
    }
}
