//! RTSP: a server that answers OPTIONS is alive, also with 401; what comes of DESCRIBE is told beside it.

use serde::Deserialize;

use crate::model::{Facts, Seen, Status, Step, metric};

/// `observed.rtsp_describe`.
#[derive(Deserialize)]
struct Described {
    path: String,
    status: Option<u16>,
    login: Option<String>,
    scheme: Option<String>,
    realm: Option<String>,
    #[serde(default)]
    media: Vec<Media>,
}

#[derive(Deserialize)]
struct Media {
    kind: String,
    #[serde(default)]
    codecs: Vec<String>,
}

pub fn status(seen: &Seen) -> Status {
    let facts = &seen.observation.facts;
    let options = match code(facts) {
        Some(code) if is_in_trouble(code) => Status::Warn,
        Some(_) => Status::Pass,
        // RTSP, and no answer to what was asked.
        None => Status::Warn,
    };
    described(facts).map_or(options, |d| options.worst(d.worth()))
}

pub fn words(seen: &Seen) -> String {
    let facts = &seen.observation.facts;
    let by = facts.get::<String>(&metric::RTSP_SERVER).map(|s| format!(" by {s}")).unwrap_or_default();
    let Some(code) = code(facts) else {
        let why = failure(seen, Step::Options).unwrap_or("it answers something else");
        return format!("speaks RTSP{by} and did not answer OPTIONS ({why}): look at the server");
    };
    let time = facts.get::<f64>(&metric::RTSP_RTT_MS).map(|ms| format!(" in {ms:.1} ms")).unwrap_or_default();
    let methods = facts.get::<Vec<String>>(&metric::RTSP_METHODS).unwrap_or_default();
    let methods = if methods.is_empty() { String::new() } else { format!(", methods {}", methods.join(" ")) };
    let meaning = match code {
        401 => " (it wants a login before it says more)",
        code if is_in_trouble(code) => ": the server itself is in trouble, look at its log",
        _ => "",
    };
    let describe = described(facts).map(|d| d.words(seen)).unwrap_or_default();
    format!("answered OPTIONS with {code}{time}{by}{meaning}{methods}{describe}")
}

impl Described {
    fn worth(&self) -> Status {
        match (self.status, self.login.as_deref()) {
            (_, Some("refused")) => Status::Warn,
            // It is there, and nobody may look at it without a login.
            (Some(401), _) => Status::Pass,
            (Some(200), _) if !self.media.is_empty() => Status::Pass,
            _ => Status::Warn,
        }
    }

    fn words(&self, seen: &Seen) -> String {
        let path = &self.path;
        let realm = self.realm.as_ref().map(|r| format!(", realm \"{r}\"")).unwrap_or_default();
        let by = format!("{}{realm}", scheme(self.scheme.as_deref()));
        let said = match (self.status, self.login.as_deref()) {
            (None, _) => {
                let why = failure(seen, Step::Describe).unwrap_or("no answer");
                format!("DESCRIBE of {path} came to nothing ({why}): look at the stream behind it")
            }
            (_, Some("refused")) => format!(
                "login refused for {path} ({by}): check RTC_CHECK_RTSP_USERNAME and RTC_CHECK_RTSP_PASSWORD before the next run, as cameras lock users out after a few wrong tries"
            ),
            (Some(401), Some("spared")) => {
                format!("{path} asks for a login ({by}), which was tried once in this run at this camera already")
            }
            (Some(401), Some("unsupported")) => {
                format!("{path} asks for a login of a kind that is not known here (neither Digest nor Basic)")
            }
            (Some(401), _) => format!(
                "{path} asks for a login ({by}): set RTC_CHECK_RTSP_USERNAME and RTC_CHECK_RTSP_PASSWORD to look at it"
            ),
            (Some(404), _) => format!("the path {path} does not exist there (404): check --rtsp-path"),
            (Some(200), _) if self.media.is_empty() => {
                format!("{path} is described without any media: look at the stream behind it")
            }
            (Some(200), _) => format!("{path} carries {}", self.carried()),
            (Some(403), _) => format!("{path} is forbidden (403): check what this user may see"),
            (Some(code), _) => format!("DESCRIBE of {path} was answered {code}: look at the stream behind it"),
        };
        format!("; {said}{}", self.how())
    }

    fn carried(&self) -> String {
        let one = |m: &Media| format!("{} ({})", m.kind, m.codecs.join(", "));
        self.media.iter().map(one).collect::<Vec<_>>().join(" and ")
    }

    /// How the login went over the wire.
    fn how(&self) -> &'static str {
        match (self.login.as_deref(), self.scheme.as_deref()) {
            (Some("digest"), _) => ", after a login by Digest",
            (Some("basic"), _) => {
                ", after a login by Basic: the server offers nothing better, and the password crossed the network in clear text"
            }
            (Some("refused" | "sent"), Some("basic")) => {
                " (by Basic, as the server offers nothing better: the password crossed the network in clear text)"
            }
            _ => "",
        }
    }
}

fn scheme(name: Option<&str>) -> &'static str {
    match name {
        Some("digest") => "Digest",
        Some("basic") => "Basic",
        _ => "no known scheme",
    }
}

fn described(facts: &Facts) -> Option<Described> {
    facts.get(&metric::RTSP_DESCRIBE)
}

fn code(facts: &Facts) -> Option<u16> {
    facts.get(&metric::RTSP_STATUS)
}

fn failure(seen: &Seen, step: Step) -> Option<&str> {
    let steps = &seen.observation.steps;
    steps.iter().find(|s| s.step == step && s.result != "ok").map(|s| s.result.as_str())
}

/// A server that does not know OPTIONS is alive all the same.
fn is_in_trouble(code: u16) -> bool {
    code >= 500 && code != 501
}
