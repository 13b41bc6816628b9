//! RTSP: a server that answers OPTIONS is alive, also with 401; what comes of DESCRIBE is told beside it.

use crate::model::{Facts, RtspDescribed, RtspLoginState, RtspMedia, RtspScheme, Seen, Status, Step, metric};

pub fn status(seen: &Seen) -> Status {
    let facts = &seen.observation.facts;
    let options = match code(facts) {
        Some(code) if is_in_trouble(code) => Status::Warn,
        Some(_) => Status::Pass,
        // RTSP, and no answer to what was asked.
        None if seen.observation.trouble_at(Step::Options).is_some() => Status::Warn,
        None => Status::Unknown,
    };
    match described(facts) {
        Some(described) => options.worst(worth(&described)),
        // Recorded, and in no form that is known.
        None if facts.has(&metric::RTSP_DESCRIBE) => options.worst(Status::Unknown),
        None => options,
    }
}

pub fn words(seen: &Seen) -> String {
    let facts = &seen.observation.facts;
    let by = facts.get::<String>(&metric::RTSP_SERVER).map(|s| format!(" by {s}")).unwrap_or_default();
    let Some(code) = code(facts) else {
        return match seen.observation.trouble_at(Step::Options) {
            Some(why) => format!("speaks RTSP{by} and did not answer OPTIONS ({why}): look at the server"),
            None => "was reached, and what it answered was not recorded: nothing is known of it".to_owned(),
        };
    };
    let time = facts.get::<f64>(&metric::RTSP_RTT_MS).map(|ms| format!(" in {ms:.1} ms")).unwrap_or_default();
    let methods = facts.get::<Vec<String>>(&metric::RTSP_METHODS).unwrap_or_default();
    let methods = if methods.is_empty() { String::new() } else { format!(", methods {}", methods.join(" ")) };
    let meaning = match code {
        401 => " (it wants a login before it says more)",
        code if is_in_trouble(code) => ": the server itself is in trouble, look at its log",
        _ => "",
    };
    let describe = described(facts).map(|d| words_of_description(&d, seen)).unwrap_or_default();
    format!("answered OPTIONS with {code}{time}{by}{meaning}{methods}{describe}")
}

fn worth(described: &RtspDescribed) -> Status {
    match (described.status, described.login) {
        (_, Some(RtspLoginState::Refused)) => Status::Warn,
        // It is there, and nobody may look at it without a login.
        (Some(401), _) => Status::Pass,
        (Some(200), _) if described.media.as_ref().is_some_and(|media| !media.is_empty()) => Status::Pass,
        _ => Status::Warn,
    }
}

fn words_of_description(described: &RtspDescribed, seen: &Seen) -> String {
    let path = &described.path;
    let realm = described.realm.as_ref().map(|r| format!(", realm \"{r}\"")).unwrap_or_default();
    let by = format!("{}{realm}", scheme(described.scheme));
    let said = match (described.status, described.login) {
        (None, _) => {
            let why = seen.observation.trouble_at(Step::Describe).unwrap_or("no answer");
            format!("DESCRIBE of {path} came to nothing ({why}): look at the stream behind it")
        }
        (_, Some(RtspLoginState::Refused)) => format!(
            "login refused for {path} ({by}): check RTC_CHECK_RTSP_USERNAME and RTC_CHECK_RTSP_PASSWORD before the next run, as cameras lock users out after a few wrong tries"
        ),
        (Some(401), Some(RtspLoginState::Spared)) => {
            format!("{path} asks for a login ({by}), which was tried once in this run at this camera already")
        }
        (Some(401), Some(RtspLoginState::Unsupported)) => {
            format!("{path} asks for a login of a kind that is not known here (neither Digest nor Basic)")
        }
        (Some(401), _) => format!(
            "{path} asks for a login ({by}): set RTC_CHECK_RTSP_USERNAME and RTC_CHECK_RTSP_PASSWORD to look at it"
        ),
        (Some(404), _) => format!("the path {path} does not exist there (404): check --rtsp-path"),
        (Some(200), _) => match described.media.as_deref().unwrap_or_default() {
            [] => format!("{path} is described without any media: look at the stream behind it"),
            media => format!("{path} carries {}", carried(media)),
        },
        (Some(403), _) => format!("{path} is forbidden (403): check what this user may see"),
        (Some(code), _) => format!("DESCRIBE of {path} was answered {code}: look at the stream behind it"),
    };
    format!("; {said}{}", how(described))
}

fn carried(media: &[RtspMedia]) -> String {
    let one = |m: &RtspMedia| format!("{} ({})", m.kind, m.codecs.join(", "));
    media.iter().map(one).collect::<Vec<_>>().join(" and ")
}

/// How the login went over the wire.
fn how(described: &RtspDescribed) -> &'static str {
    match (described.login, described.scheme) {
        (Some(RtspLoginState::Digest), _) => ", after a login by Digest",
        (Some(RtspLoginState::Basic), _) => {
            ", after a login by Basic: the server offers nothing better, and the password crossed the network in clear text"
        }
        (Some(RtspLoginState::Refused | RtspLoginState::Sent), Some(RtspScheme::Basic)) => {
            " (by Basic, as the server offers nothing better: the password crossed the network in clear text)"
        }
        _ => "",
    }
}

fn scheme(scheme: Option<RtspScheme>) -> &'static str {
    match scheme {
        Some(RtspScheme::Digest) => "Digest",
        Some(RtspScheme::Basic) => "Basic",
        None => "no known scheme",
    }
}

fn described(facts: &Facts) -> Option<RtspDescribed> {
    facts.get(&metric::RTSP_DESCRIBE)
}

fn code(facts: &Facts) -> Option<u16> {
    facts.get(&metric::RTSP_STATUS)
}

/// A server that does not know OPTIONS is alive all the same.
fn is_in_trouble(code: u16) -> bool {
    code >= 500 && code != 501
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::model::{Failure, FailureKind, Observation, Planned, ProbeKind};

    fn seen(status: Option<u16>, describe: Option<Value>, failed: Option<Step>) -> Seen {
        let mut observation = Observation::new(ProbeKind::Rtsp);
        if let Some(status) = status {
            observation.facts.set(&metric::RTSP_STATUS, status);
        }
        if let Some(describe) = describe {
            observation.facts.set(&metric::RTSP_DESCRIBE, describe);
        }
        if let Some(step) = failed {
            let failure = Failure::new(step, FailureKind::Garbage, "its CSeq is 7");
            observation.step_noted(&failure, std::time::Duration::ZERO);
        }
        Seen { of: Planned::Item(0), address: None, observation, started_ms: 0, duration_ms: 0 }
    }

    #[track_caller]
    fn told(seen: &Seen, worth: Status, parts: &[&str]) {
        let words = words(seen);
        assert_eq!(status(seen), worth, "{words}");
        assert!(parts.iter().all(|part| words.contains(part)), "{words}");
    }

    #[test]
    fn any_answer_is_alive_and_trouble_is_a_warning() {
        told(&seen(Some(200), None, None), Status::Pass, &["with 200"]);
        told(&seen(Some(401), None, None), Status::Pass, &["401", "wants a login"]);
        told(&seen(Some(501), None, None), Status::Pass, &["501"]);
        told(&seen(Some(503), None, None), Status::Warn, &["503", "in trouble"]);
        told(&seen(None, None, None), Status::Unknown, &["was not recorded"]);
        told(&seen(Some(200), Some(json!({ "login": "by magic" })), None), Status::Unknown, &["with 200"]);
        told(&seen(None, None, Some(Step::Options)), Status::Warn, &["speaks RTSP", "its CSeq is 7"]);
    }

    #[test]
    fn a_description_is_told() {
        let with = |value| seen(Some(200), Some(value), None);
        let media = json!([{ "kind": "video", "codecs": ["H264"] }, { "kind": "audio", "codecs": ["PCMU"] }]);
        let known = |login: &str, scheme: &str, status: u16| {
            with(
                json!({ "path": "/live", "status": status, "login": login, "scheme": scheme, "realm": "cam", "media": media }),
            )
        };
        told(
            &known("digest", "digest", 200),
            Status::Pass,
            &["/live carries video (H264) and audio (PCMU), after a login by Digest"],
        );
        told(&known("basic", "basic", 200), Status::Pass, &["clear text"]);
        told(
            &known("asked", "digest", 401),
            Status::Pass,
            &["asks for a login (Digest, realm \"cam\")", "RTC_CHECK_RTSP_USERNAME"],
        );
        told(&known("spared", "digest", 401), Status::Pass, &["tried once"]);
        told(&known("refused", "digest", 401), Status::Warn, &["login refused for /live"]);
        told(&known("refused", "basic", 401), Status::Warn, &["login refused", "clear text"]);
        told(&with(json!({ "path": "/x", "status": 404, "login": "none" })), Status::Warn, &["/x does not exist"]);
        told(&with(json!({ "path": "/x", "status": 503, "login": "none" })), Status::Warn, &["answered 503"]);
        told(&with(json!({ "path": "/x", "status": 200, "media": [] })), Status::Warn, &["without any media"]);
        let hung = seen(Some(200), Some(json!({ "path": "/x" })), Some(Step::Describe));
        told(&hung, Status::Warn, &["DESCRIBE of /x came to nothing (garbage: its CSeq is 7)"]);
    }
}
