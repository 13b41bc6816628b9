//! Messages of the Janus Gateway's API (janus.conf.meetecho.com/docs/rest.html and websockets): JSON requests out, answers
//! and events in. Bytes to values and back; knows no session, no order and no time.

use serde::Serialize;
use serde_json::{Map, Value, json};

/// Longest message that is read, in bytes.
pub const LONGEST: usize = 64 * 1024;
/// Most candidates that are taken out of one message.
pub const MOST_CANDIDATES: usize = 64;
/// Most messages that are taken out of one answer to a long poll.
pub const MOST_MESSAGES: usize = 64;
/// Most names of plugins that are kept.
const MOST_PLUGINS: usize = 64;

/// The plugin that sends media back.
pub const ECHO_TEST: &str = "janus.plugin.echotest";

/// What is asked of a server. No `Debug`: a token must not be printed.
pub struct Request<'a> {
    /// Comes back in the answer.
    pub transaction: &'a str,
    pub session: Option<u64>,
    pub handle: Option<u64>,
    pub token: Option<&'a str>,
    pub api_secret: Option<&'a str>,
    pub ask: Ask<'a>,
}

/// The requests that a call takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Ask<'a> {
    Info,
    Create,
    /// To a plugin, by its name.
    Attach(&'a str),
    /// An SDP offer to the EchoTest plugin, with what is to be sent back.
    Offer {
        sdp: &'a str,
    },
    /// One candidate of ours.
    Trickle(&'a Candidate),
    /// There will be no more of them.
    TrickleDone,
    KeepAlive,
    Hangup,
    Detach,
    Destroy,
}

impl Ask<'_> {
    /// The request's name.
    pub fn name(&self) -> &'static str {
        match self {
            Ask::Info => "info",
            Ask::Create => "create",
            Ask::Attach(_) => "attach",
            Ask::Offer { .. } => "message",
            Ask::Trickle(_) | Ask::TrickleDone => "trickle",
            Ask::KeepAlive => "keepalive",
            Ask::Hangup => "hangup",
            Ask::Detach => "detach",
            Ask::Destroy => "destroy",
        }
    }

    fn more(&self, object: &mut Map<String, Value>) {
        let mut set = |key: &str, value: Value| object.insert(key.to_owned(), value);
        match self {
            Ask::Attach(plugin) => {
                set("plugin", json!(plugin));
            }
            Ask::Offer { sdp } => {
                set("body", json!({ "audio": true, "video": true }));
                set("jsep", json!({ "type": "offer", "sdp": sdp }));
            }
            Ask::Trickle(candidate) => {
                set("candidate", json!(candidate));
            }
            Ask::TrickleDone => {
                set("candidate", json!({ "completed": true }));
            }
            _ => {}
        }
    }
}

impl Request<'_> {
    /// The request as JSON.
    pub fn encode(&self) -> String {
        let mut object = Map::new();
        object.insert("janus".to_owned(), json!(self.ask.name()));
        object.insert("transaction".to_owned(), json!(self.transaction));
        let mut known = |key: &str, value: Option<Value>| {
            if let Some(value) = value {
                object.insert(key.to_owned(), value);
            }
        };
        known("session_id", self.session.map(Value::from));
        known("handle_id", self.handle.map(Value::from));
        known("token", self.token.map(Value::from));
        known("apisecret", self.api_secret.map(Value::from));
        self.ask.more(&mut object);
        Value::Object(object).to_string()
    }
}

/// An ICE candidate as both sides write it (RFC 8839 section 5.1, with its place in the SDP).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Candidate {
    /// `candidate:1 1 udp 2015363327 192.0.2.1 20000 typ host`
    pub candidate: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sdp_mid: Option<String>,
    #[serde(rename = "sdpMLineIndex", skip_serializing_if = "Option::is_none")]
    pub sdp_m_line_index: Option<u16>,
}

/// One message of a server.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Of the request that it answers.
    pub transaction: Option<String>,
    pub session: Option<u64>,
    /// The handle that it comes from.
    pub sender: Option<u64>,
    pub says: Says,
}

/// What a server says. Text is as it came: not fit to print.
#[derive(Clone, Debug, PartialEq)]
pub enum Says {
    ServerInfo(ServerInfo),
    /// Done; the new session's or handle's number where one was asked for.
    Success(Option<u64>),
    /// Understood; an event will follow.
    Ack,
    Error(ServerError),
    /// Of a plugin.
    Event(Event),
    Trickle(Trickle),
    /// ICE and DTLS are through, as the server sees it.
    WebrtcUp,
    /// Media begin, or have stopped, to come to the server.
    Media {
        video: bool,
        receiving: bool,
    },
    /// So many packets were lost lately: of what the server sends (`uplink` as this side sees it is false) or gets.
    SlowLink {
        video: bool,
        uplink: bool,
        lost: u64,
    },
    Hangup(String),
    Detached,
    /// The session timed out.
    Timeout,
    KeepAlive,
    /// Another message of the API, by its name.
    Other(String),
}

/// A server's own error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerError {
    pub code: i64,
    pub reason: String,
}

/// What a server says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerInfo {
    pub name: String,
    /// `1102` for 1.1.2.
    pub version: Option<u64>,
    pub version_string: Option<String>,
    /// Names of its plugins, sorted.
    pub plugins: Vec<String>,
}

/// An event of a plugin.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// The plugin refused.
    pub error: Option<ServerError>,
    pub jsep: Option<Jsep>,
}

/// A session description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Jsep {
    /// `answer`, or what the server calls it.
    pub kind: String,
    pub sdp: String,
}

/// Candidates of the server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trickle {
    pub candidates: Vec<Candidate>,
    /// There will be no more of them.
    pub completed: bool,
}

/// Bytes that are no message of the API, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotJanus {
    #[error("longer than 64 KiB")]
    TooLong,
    #[error("no JSON")]
    NoJson,
    #[error("JSON without the member \"janus\"")]
    NoMember,
    /// A member that the message needs is missing or of another type.
    #[error("a Janus message that lacks what it must have")]
    Incomplete,
}

/// Reads a message, or the messages of an answer to a long poll.
///
/// # Errors
/// [`NotJanus`] for what is no message; of several, one that is none spoils them all.
pub fn decode(bytes: &[u8]) -> Result<Vec<Message>, NotJanus> {
    if bytes.len() > LONGEST {
        return Err(NotJanus::TooLong);
    }
    match serde_json::from_slice(bytes).map_err(|_| NotJanus::NoJson)? {
        Value::Array(all) => all.iter().take(MOST_MESSAGES).map(message).collect(),
        one => Ok(vec![message(&one)?]),
    }
}

fn message(value: &Value) -> Result<Message, NotJanus> {
    let name = text(value, "janus").ok_or(NotJanus::NoMember)?;
    Ok(Message {
        transaction: text(value, "transaction").map(str::to_owned),
        session: number(value, "session_id"),
        sender: number(value, "sender"),
        says: says(name, value).ok_or(NotJanus::Incomplete)?,
    })
}

fn says(name: &str, value: &Value) -> Option<Says> {
    let flag = |key: &str| value.get(key).and_then(Value::as_bool);
    let video = || Some(text(value, "type")? == "video");
    Some(match name {
        "server_info" => Says::ServerInfo(server_info(value)),
        "success" => Says::Success(value.get("data").and_then(|data| number(data, "id"))),
        "ack" => Says::Ack,
        "error" => {
            let error = value.get("error")?;
            Says::Error(ServerError {
                code: error.get("code").and_then(Value::as_i64)?,
                reason: text(error, "reason").unwrap_or_default().to_owned(),
            })
        }
        "event" => Says::Event(event(value)),
        "trickle" => Says::Trickle(trickle(value.get("candidate")?)?),
        "webrtcup" => Says::WebrtcUp,
        "media" => Says::Media { video: video()?, receiving: flag("receiving")? },
        "slowlink" => Says::SlowLink {
            video: video().or_else(|| text(value, "media").map(|m| m == "video")).unwrap_or(false),
            uplink: flag("uplink")?,
            lost: number(value, "lost").unwrap_or(0),
        },
        "hangup" => Says::Hangup(text(value, "reason").unwrap_or_default().to_owned()),
        "detached" => Says::Detached,
        "timeout" => Says::Timeout,
        "keepalive" => Says::KeepAlive,
        other => Says::Other(other.to_owned()),
    })
}

fn server_info(value: &Value) -> ServerInfo {
    let plugins = value.get("plugins").and_then(Value::as_object);
    let mut plugins: Vec<String> = plugins.into_iter().flat_map(Map::keys).take(MOST_PLUGINS).cloned().collect();
    plugins.sort_unstable();
    ServerInfo {
        name: text(value, "name").unwrap_or_default().to_owned(),
        version: number(value, "version"),
        version_string: text(value, "version_string").map(str::to_owned),
        plugins,
    }
}

/// A plugin tells an error in its own data.
fn event(value: &Value) -> Event {
    let data = value.get("plugindata").and_then(|p| p.get("data"));
    let error = data.and_then(|data| {
        let code = data.get("error_code").and_then(Value::as_i64)?;
        Some(ServerError { code, reason: text(data, "error").unwrap_or_default().to_owned() })
    });
    let jsep = value.get("jsep").and_then(|jsep| {
        let kind = text(jsep, "type").unwrap_or_default().to_owned();
        Some(Jsep { kind, sdp: text(jsep, "sdp")?.to_owned() })
    });
    Event { error, jsep }
}

/// One candidate, several, or the end of them.
fn trickle(value: &Value) -> Option<Trickle> {
    let all: &[Value] = match value {
        Value::Array(all) => all,
        one => std::slice::from_ref(one),
    };
    let mut trickle = Trickle::default();
    for one in all.iter().take(MOST_CANDIDATES) {
        if one.get("completed").and_then(Value::as_bool) == Some(true) {
            trickle.completed = true;
        } else {
            trickle.candidates.push(candidate(one)?);
        }
    }
    Some(trickle)
}

fn candidate(value: &Value) -> Option<Candidate> {
    Some(Candidate {
        candidate: text(value, "candidate")?.to_owned(),
        sdp_mid: text(value, "sdpMid").map(str::to_owned),
        sdp_m_line_index: number(value, "sdpMLineIndex").and_then(|n| u16::try_from(n).ok()),
    })
}

fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key)?.as_str()
}

fn number(value: &Value, key: &str) -> Option<u64> {
    value.get(key)?.as_u64()
}

#[cfg(test)]
mod tests;
