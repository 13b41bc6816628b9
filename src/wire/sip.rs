//! SIP (RFC 3261) over UDP, TCP, TLS and WebSockets (RFC 7118), as much as OPTIONS takes. Bytes to values and back; knows
//! no transaction and no time.

mod options;
mod reply;
mod stream;
mod via;

pub use options::{Carrier, KEY_HEADER, Options, Origin};
pub use reply::{ok, reply};
pub use stream::{Framed, framed};
pub use via::Via;

/// Longest message that is read, in bytes.
pub const LONGEST: usize = 16 * 1024;
/// Most header lines that are read.
pub const MOST_HEADERS: usize = 128;
/// Longest value that is kept of a header, in bytes.
const LONGEST_VALUE: usize = 256;

/// The head of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub start: Start,
    /// Lower-case full name and value, in order; a folded value is one.
    headers: Vec<(String, String)>,
}

/// The first line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    Request { method: String, uri: String },
    Response { status: u16, reason: String },
}

impl Message {
    /// A header's first value, by its full name in lower case; longer ones are cut at 256 bytes.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// The topmost Via, if it can be read.
    pub fn via(&self) -> Option<Via> {
        self.header("via").and_then(Via::read)
    }

    /// Whether it is the answer to that request: same Call-ID, CSeq and branch.
    pub fn answers(&self, request: &Options<'_>) -> bool {
        let branch = request.branch();
        let via = self.via().is_some_and(|v| v.branch.as_deref() == Some(&branch));
        let cseq = self.header("cseq").is_some_and(|v| v.split_ascii_whitespace().eq(["1", "OPTIONS"]));
        matches!(self.start, Start::Response { .. })
            && via
            && cseq
            && self.header("call-id") == Some(request.call_id().as_str())
    }
}

/// Bytes that are no SIP message, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotSip {
    #[error("longer than 16 KiB or 128 header lines")]
    TooLong,
    #[error("no text")]
    NoText,
    #[error("a first line that is not SIP/2.0")]
    FirstLine,
    #[error("a header line without a name")]
    Header,
    #[error("a header that does not end")]
    Unfinished,
    /// Via, To, From, Call-ID or CSeq (RFC 3261 section 8.1.1).
    #[error("a header that every SIP message has is missing")]
    Missing,
}

/// Reads a message's head; the body is left alone.
///
/// # Errors
/// [`NotSip`].
pub fn decode(bytes: &[u8]) -> Result<Message, NotSip> {
    if bytes.len() > LONGEST {
        return Err(NotSip::TooLong);
    }
    // A body may be anything.
    let unfinished = if looks_like_sip(bytes) { NotSip::Unfinished } else { NotSip::FirstLine };
    let end = bytes.windows(4).position(|w| w == b"\r\n\r\n").ok_or(unfinished)?;
    let head = bytes.get(..end).unwrap_or_default();
    let head = std::str::from_utf8(head).map_err(|_| NotSip::NoText)?;
    let mut lines = head.split("\r\n");
    let start = start(lines.next().unwrap_or_default()).ok_or(NotSip::FirstLine)?;
    let headers = headers(lines)?;
    let message = Message { start, headers };
    let whole = ["via", "to", "from", "call-id", "cseq"].iter().all(|name| message.header(name).is_some());
    if whole { Ok(message) } else { Err(NotSip::Missing) }
}

fn looks_like_sip(bytes: &[u8]) -> bool {
    let line = bytes.split(|b| *b == b'\r').next().unwrap_or_default();
    std::str::from_utf8(line).ok().and_then(start).is_some()
}

fn start(line: &str) -> Option<Start> {
    if let Some(rest) = line.strip_prefix("SIP/2.0 ") {
        let (status, reason) = rest.split_once(' ').unwrap_or((rest, ""));
        let digits = status.len() == 3 && status.bytes().all(|b| b.is_ascii_digit());
        let status = status.parse().ok().filter(|s| digits && (100..700).contains(s))?;
        return Some(Start::Response { status, reason: cut(reason) });
    }
    let mut parts = line.strip_suffix(" SIP/2.0")?.split(' ');
    let (method, uri) = (parts.next()?, parts.next()?);
    let token = |b: u8| b.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&b);
    let whole = parts.next().is_none() && !method.is_empty() && method.bytes().all(token) && !uri.is_empty();
    whole.then(|| Start::Request { method: cut(method), uri: cut(uri) })
}

fn headers<'a>(lines: impl Iterator<Item = &'a str>) -> Result<Vec<(String, String)>, NotSip> {
    let mut headers: Vec<(String, String)> = Vec::new();
    for (count, line) in lines.enumerate() {
        if count == MOST_HEADERS {
            return Err(NotSip::TooLong);
        }
        if line.starts_with([' ', '\t']) {
            let (_, value) = headers.last_mut().ok_or(NotSip::Header)?;
            *value = cut(&format!("{value} {}", line.trim()));
            continue;
        }
        let (name, value) = line.split_once(':').ok_or(NotSip::Header)?;
        let name = full_name(name.trim_end());
        if name.is_empty() || name.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(NotSip::Header);
        }
        headers.push((name, cut(value.trim())));
    }
    Ok(headers)
}

/// Compact forms (RFC 3261 section 7.3.3) of the headers that are read here.
fn full_name(name: &str) -> String {
    let name = cut(name).to_ascii_lowercase();
    match name.as_str() {
        "v" => "via".to_owned(),
        "t" => "to".to_owned(),
        "f" => "from".to_owned(),
        "i" => "call-id".to_owned(),
        "l" => "content-length".to_owned(),
        _ => name,
    }
}

fn cut(text: &str) -> String {
    let mut end = text.len().min(LONGEST_VALUE);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const REQUEST: Options<'_> = Options { host: "acd.example", random: "k3b9", agent: "rtc-check/0" };

    #[test]
    fn the_request_is_one_of_rfc_7118_and_reads_back() {
        let text = REQUEST.encode(true);
        for line in [
            "OPTIONS sip:acd.example SIP/2.0\r\n",
            "\r\nVia: SIP/2.0/WSS k3b9.invalid;branch=z9hG4bKk3b9;rport\r\n",
            "\r\nContact: <sip:anonymous@k3b9.invalid;transport=ws>\r\n",
            "\r\nMax-Forwards: 70\r\n",
            "\r\nCSeq: 1 OPTIONS\r\n",
            "\r\nContent-Length: 0\r\n\r\n",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
        let read = decode(text.as_bytes()).unwrap();
        assert_eq!(read.start, Start::Request { method: "OPTIONS".to_owned(), uri: "sip:acd.example".to_owned() });
        assert!(!read.answers(&REQUEST), "a request answers nothing");
        let v6 = Options { host: "2001:db8::1", ..REQUEST }.encode(false);
        assert!(v6.starts_with("OPTIONS sip:[2001:db8::1] SIP/2.0\r\nVia: SIP/2.0/WS "), "{v6}");
    }

    #[test]
    fn an_answer_is_known_by_branch_call_id_and_cseq() {
        let request = decode(REQUEST.encode(true).as_bytes()).unwrap();
        let text = ok(&request, "x1", "rtc-check/0").unwrap();
        let answer = decode(text.as_bytes()).unwrap();
        assert_eq!(answer.start, Start::Response { status: 200, reason: "OK".to_owned() });
        assert!(answer.answers(&REQUEST));
        assert_eq!(answer.header("server"), Some("rtc-check/0"));
        assert_eq!(answer.header("to"), Some("<sip:acd.example>;tag=x1"));
        assert!(!answer.answers(&Options { random: "other", ..REQUEST }));
        assert_eq!(ok(&answer, "x1", "y"), None, "nobody answers an answer");
    }

    #[test]
    fn compact_and_folded_headers_are_read() {
        let text = "SIP/2.0 404 Not found\r\nv: SIP/2.0/WSS k3b9.invalid\r\n ;branch=z9hG4bKk3b9\r\nf: <sip:a@b>;tag=1\r\n\
                    t: <sip:c@d>;tag=2\r\ni: k3b9@k3b9.invalid\r\nCSeq: 1 OPTIONS\r\nServer: Asterisk\r\n\r\nbody \u{ff}";
        let answer = decode(text.as_bytes()).unwrap();
        assert!(answer.answers(&REQUEST), "{answer:?}");
        assert_eq!(answer.header("server"), Some("Asterisk"));
    }

    #[test]
    fn what_is_not_sip_says_why() {
        let good = REQUEST.encode(true);
        for (bytes, why) in [
            (b"".to_vec(), NotSip::FirstLine),
            (b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), NotSip::FirstLine),
            (b"SIP/2.0 99 Low\r\n\r\n".to_vec(), NotSip::FirstLine),
            (b"SIP/2.0 +20 x\r\n\r\n".to_vec(), NotSip::FirstLine),
            (b"SIP/2.0 700 High\r\n\r\n".to_vec(), NotSip::FirstLine),
            (b"SIP/2.0 200 OK\r\nVia".to_vec(), NotSip::Unfinished),
            (b"SIP/2.0 200 OK\r\n: x\r\n\r\n".to_vec(), NotSip::Header),
            (b"SIP/2.0 200 OK\r\n folded\r\n\r\n".to_vec(), NotSip::Header),
            (b"SIP/2.0 200 OK\r\nServer: x\r\n\r\n".to_vec(), NotSip::Missing),
            (b"SIP/2.0 200 \xff\xfe\r\n\r\n".to_vec(), NotSip::NoText),
            (vec![b'x'; LONGEST + 1], NotSip::TooLong),
            (format!("SIP/2.0 200 OK\r\n{}\r\n", "a: b\r\n".repeat(200)).into_bytes(), NotSip::TooLong),
        ] {
            assert_eq!(decode(&bytes), Err(why), "{:?}", String::from_utf8_lossy(&bytes));
        }
        assert!(decode(good.as_bytes()).is_ok());
    }

    proptest! {
        #[test]
        fn no_input_panics(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = decode(&bytes);
        }

        #[test]
        fn a_broken_message_never_panics_and_its_answer_reads_back(cut in 0usize..400, at in 0usize..400, byte: u8) {
            let mut bytes = REQUEST.encode(true).into_bytes();
            bytes.truncate(bytes.len().saturating_sub(cut % 40));
            if let Some(b) = bytes.get_mut(at) {
                *b = byte;
            }
            if let Ok(message) = decode(&bytes) && let Some(answer) = ok(&message, "t", "s") {
                let read = decode(answer.as_bytes()).unwrap();
                prop_assert_eq!(read.start, Start::Response { status: 200, reason: "OK".to_owned() });
            }
        }
    }
}
