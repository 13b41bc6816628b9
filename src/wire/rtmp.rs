//! RTMP (Adobe's "RTMP specification 1.0"), as much as a handshake and one `connect` take. Bytes to values and back;
//! knows no time and no socket.

pub mod amf0;
pub mod chunk;
pub mod handshake;

#[cfg(test)]
mod tests;

use amf0::Value;

/// Type of a message that holds a command in AMF0 (section 7.1.1).
pub const COMMAND_AMF0: u8 = 20;
/// The same in AMF3, of which only the byte before it differs as long as nothing in it switches to AMF3.
pub const COMMAND_AMF3: u8 = 17;
/// Transaction of `connect` (section 7.2.1.1).
const CONNECT: f64 = 1.0;

/// What `connect` is sent with.
#[derive(Clone, Copy, Debug)]
pub struct Connect<'a> {
    /// The application.
    pub app: &'a str,
    /// `rtmp://host:port/app`.
    pub url: &'a str,
    /// Name and version of the client, after `LNX `.
    pub agent: &'a str,
}

impl Connect<'_> {
    /// The command in chunks of 128 bytes, the size that holds until one is agreed (section 5.4.1).
    pub fn encode(&self) -> Vec<u8> {
        let text = |text: &str| Value::String(text.to_owned());
        let object = [
            ("app", text(self.app)),
            ("flashVer", text(&format!("LNX {}", self.agent))),
            ("tcUrl", text(self.url)),
            ("fpad", Value::Boolean(false)),
            ("capabilities", Value::Number(15.0)),
            // Every codec of the document's table, and seeking by frame.
            ("audioCodecs", Value::Number(4071.0)),
            ("videoCodecs", Value::Number(252.0)),
            ("videoFunction", Value::Number(1.0)),
            ("objectEncoding", Value::Number(0.0)),
        ];
        let object = Value::Object(object.map(|(name, value)| (name.to_owned(), value)).into());
        chunk::encode(COMMAND_AMF0, &amf0::encode(&[text("connect"), Value::Number(CONNECT), object]))
    }
}

/// Whether a message is a client's `connect`.
pub fn asks_to_connect(message: &chunk::Message) -> bool {
    let name = |bytes: &[u8]| amf0::decode(bytes).is_ok_and(|v| v.first().and_then(Value::text) == Some("connect"));
    match message.kind {
        COMMAND_AMF0 => name(&message.payload),
        COMMAND_AMF3 => message.payload.get(1..).is_some_and(name),
        _ => false,
    }
}

/// The `_result` that accepts it, in chunks, by a server that calls itself `server`.
pub fn accept(server: &str) -> Vec<u8> {
    let text = |text: &str| Value::String(text.to_owned());
    let object = |members: [(&str, Value); 2]| Value::Object(members.map(|(name, v)| (name.to_owned(), v)).into());
    let about = object([("fmsVer", text(server)), ("capabilities", Value::Number(31.0))]);
    let info = object([("level", text("status")), ("code", text("NetConnection.Connect.Success"))]);
    chunk::encode(COMMAND_AMF0, &amf0::encode(&[text("_result"), Value::Number(CONNECT), about, info]))
}

/// How a server answered `connect`. Every text is the peer's, unsanitised.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// `_result` and not `_error`.
    pub accepted: bool,
    /// `NetConnection.Connect.Success`.
    pub code: Option<String>,
    pub description: Option<String>,
    /// `fmsVer`: name and version that the server gives itself.
    pub server: Option<String>,
    pub capabilities: Option<f64>,
}

impl Answer {
    /// What a message says to `connect`; `None` where it is about something else.
    pub fn read(message: &chunk::Message) -> Option<Self> {
        let bytes = match message.kind {
            COMMAND_AMF0 => message.payload.as_slice(),
            COMMAND_AMF3 => message.payload.get(1..)?,
            _ => return None,
        };
        let values = amf0::decode(bytes).ok()?;
        let (name, transaction) = (values.first()?.text()?, values.get(1)?.number()?);
        let code = values.iter().find_map(|v| v.member("code")?.text());
        let accepted = match (name, code) {
            ("_result", _) if transaction == CONNECT => true,
            ("_error", _) if transaction == CONNECT => false,
            // Some servers tell a refusal as a status, which belongs to no transaction.
            ("onStatus", Some(code)) if code.starts_with("NetConnection.Connect") => code.ends_with(".Success"),
            _ => return None,
        };
        let member = |name: &str| values.iter().find_map(|v| v.member(name));
        let text = |name: &str| member(name).and_then(Value::text).map(str::to_owned);
        Some(Self {
            accepted,
            code: text("code"),
            description: text("description"),
            server: text("fmsVer"),
            capabilities: member("capabilities").and_then(Value::number),
        })
    }
}
