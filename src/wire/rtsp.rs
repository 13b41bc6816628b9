//! RTSP (RFC 2326, RFC 7826), as much as asking takes: requests to text, what came back to an answer. Bytes to values;
//! knows no time. Bounded whatever a server sends; interleaved frames (`$`, RFC 2326 section 10.12) are not read.

pub mod login;
pub mod media;
#[cfg(test)]
mod tests;

/// Longest head of an answer that is read, in bytes.
pub const LONGEST_HEAD: usize = 16 * 1024;
/// Most header lines that are read.
pub const MOST_HEADERS: usize = 100;
/// Longest body that is read, in bytes.
pub const LONGEST_BODY: usize = 64 * 1024;
/// Most bytes that one answer may have.
pub const LONGEST: usize = LONGEST_HEAD + LONGEST_BODY;
/// Longest value that is kept of a header, in bytes.
pub const LONGEST_VALUE: usize = 2048;
/// Most methods that are kept of `Public`, and the longest of them.
const MOST_METHODS: usize = 32;
const LONGEST_METHOD: usize = 32;
const BEGINNING: &[u8] = b"RTSP/";

/// One request without a body.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    pub method: &'a str,
    /// Absolute: see [`uri`].
    pub uri: &'a str,
    /// Which answer belongs to it (RFC 2326 section 12.17).
    pub cseq: u32,
    pub agent: &'a str,
    /// Value of the Authorization header.
    pub authorization: Option<&'a str>,
}

impl Request<'_> {
    /// The request as it is sent; a description is asked for as SDP.
    pub fn encode(&self) -> String {
        let (method, uri, cseq, agent) = (self.method, self.uri, self.cseq, self.agent);
        let accept = if method == "DESCRIBE" { "Accept: application/sdp\r\n" } else { "" };
        let login = self.authorization.map(|value| format!("Authorization: {value}\r\n")).unwrap_or_default();
        format!("{method} {uri} RTSP/1.0\r\nCSeq: {cseq}\r\nUser-Agent: {agent}\r\n{accept}{login}\r\n")
    }
}

/// `rtsp://host:port/path`; an IPv6 address literal gets its brackets, a path its slash.
pub fn uri(host: &str, port: u16, path: &str) -> String {
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    format!("rtsp://{host}:{port}/{}", path.strip_prefix('/').unwrap_or(path))
}

/// Whether `path` can stand in a request line: no white space, nothing that a terminal or a server acts on.
pub fn is_path(path: &str) -> bool {
    !path.is_empty() && path.len() <= 1024 && path.bytes().all(|b| b.is_ascii_graphic())
}

/// A whole answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// Lower-case name and value, in order; a folded value is one.
    headers: Vec<(String, String)>,
    pub body: Body,
}

/// What follows the head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    Whole(Vec<u8>),
    /// Not read: the answer says that it has so many bytes.
    TooLong(u64),
}

impl Answer {
    /// A header's first value, by its name in lower case; longer ones are cut.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// Every value of a header that may stand more than once.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// Which request it answers.
    pub fn cseq(&self) -> Option<u32> {
        self.header("cseq")?.parse().ok()
    }

    /// The methods that `Public` names (RFC 2326 section 12.28).
    pub fn methods(&self) -> Vec<String> {
        let words = self.values("public").flat_map(|v| v.split(',')).map(str::trim);
        let is_method = |w: &&str| {
            !w.is_empty() && w.len() <= LONGEST_METHOD && w.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        };
        words.filter(is_method).take(MOST_METHODS).map(str::to_owned).collect()
    }
}

/// The answer of a server that streams nothing to the OPTIONS request of this head; `None` for any other request.
pub fn ok(head: &[u8], server: &str) -> Option<String> {
    let mut lines = std::str::from_utf8(head).ok()?.split("\r\n");
    let mut words = lines.next()?.split(' ');
    let is_options = words.next()? == "OPTIONS" && words.nth(1)?.starts_with("RTSP/") && words.next().is_none();
    let mut headers = lines.filter_map(|line| line.split_once(':'));
    let (_, cseq) = headers.find(|(name, _)| name.eq_ignore_ascii_case("cseq"))?;
    let cseq: u32 = cseq.trim().parse().ok().filter(|_| is_options)?;
    Some(format!("RTSP/1.0 200 OK\r\nCSeq: {cseq}\r\nServer: {server}\r\nPublic: OPTIONS\r\n\r\n"))
}

/// What bytes so far are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Not decided: more bytes are needed.
    More,
    /// An answer, and how many bytes it has.
    Answer(Answer, usize),
    /// It begins as RTSP does and is no answer.
    Malformed(NotRtsp),
    /// Another protocol, or none.
    Foreign,
}

/// Why what begins as RTSP is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotRtsp {
    #[error("its head is longer than 16 KiB or 100 lines")]
    TooLong,
    #[error("its first line is no status line")]
    FirstLine,
    #[error("its head is no text")]
    NoText,
    #[error("its Content-Length is no number")]
    Length,
}

/// Reads what a server has sent.
pub fn read(bytes: &[u8]) -> Reading {
    // What went before may end in an empty line of its own.
    let skipped = bytes.iter().take(8).take_while(|b| matches!(b, b'\r' | b'\n')).count();
    let rest = bytes.get(skipped..).unwrap_or_default();
    let known = BEGINNING.len().min(rest.len());
    if rest.get(..known) != BEGINNING.get(..known) {
        return Reading::Foreign;
    }
    let head = match Head::read(rest.get(..LONGEST_HEAD).unwrap_or(rest)) {
        Ok(Some(head)) => head,
        Ok(None) if rest.len() >= LONGEST_HEAD => return Reading::Malformed(NotRtsp::TooLong),
        Ok(None) => return Reading::More,
        Err(why) => return Reading::Malformed(why),
    };
    let after = rest.get(head.length..).unwrap_or_default();
    let Some(claimed) = head.content_length() else { return Reading::Malformed(NotRtsp::Length) };
    let answer = |body| Answer { status: head.status, headers: head.headers, body };
    match usize::try_from(claimed) {
        Ok(length) if length <= LONGEST_BODY => match after.get(..length) {
            Some(body) => Reading::Answer(answer(Body::Whole(body.to_vec())), skipped + head.length + length),
            None => Reading::More,
        },
        _ => Reading::Answer(answer(Body::TooLong(claimed)), bytes.len()),
    }
}

struct Head {
    status: u16,
    headers: Vec<(String, String)>,
    /// With the empty line that ends it.
    length: usize,
}

impl Head {
    /// `None` where it does not end; its first line is looked at as soon as it does.
    fn read(bytes: &[u8]) -> Result<Option<Self>, NotRtsp> {
        let mut lines = bytes.split_inclusive(|b| *b == b'\n').filter(|line| line.ends_with(b"\n"));
        let Some(first) = lines.next() else {
            return if bytes.contains(&0) { Err(NotRtsp::NoText) } else { Ok(None) };
        };
        let mut head =
            Self { status: status(first).ok_or(NotRtsp::FirstLine)?, headers: Vec::new(), length: first.len() };
        for (count, line) in lines.enumerate() {
            head.length += line.len();
            match trimmed(line) {
                [] => return Ok(Some(head)),
                _ if count >= MOST_HEADERS => return Err(NotRtsp::TooLong),
                line if line.contains(&0) => return Err(NotRtsp::NoText),
                line => head.take(line),
            }
        }
        Ok(None)
    }

    /// A line without a name is left out: the answer stands without it.
    fn take(&mut self, line: &[u8]) {
        let text = String::from_utf8_lossy(line);
        if text.starts_with([' ', '\t']) {
            if let Some((_, value)) = self.headers.last_mut() {
                *value = cut(&format!("{value} {}", text.trim()));
            }
        } else if let Some((name, value)) = text.split_once(':') {
            self.headers.push((cut(&name.trim().to_ascii_lowercase()), cut(value.trim())));
        }
    }

    /// Zero where it is not given (RFC 2326 section 12.14); `None` for what is no number.
    fn content_length(&self) -> Option<u64> {
        match self.headers.iter().find(|(name, _)| name == "content-length") {
            Some((_, value)) if value.bytes().all(|b| b.is_ascii_digit()) => value.parse().ok(),
            Some(_) => None,
            None => Some(0),
        }
    }
}

/// The code of a status line: `RTSP/1.0 200 OK`.
fn status(line: &[u8]) -> Option<u16> {
    let line = std::str::from_utf8(trimmed(line)).ok()?;
    let (version, rest) = line.strip_prefix("RTSP/")?.split_once(' ')?;
    let is_version = matches!(version.as_bytes(), [a, b'.', b] if a.is_ascii_digit() && b.is_ascii_digit());
    let code = rest.split(' ').next()?;
    let is_code = is_version && code.len() == 3 && code.bytes().all(|b| b.is_ascii_digit());
    code.parse().ok().filter(|code| is_code && (100..600).contains(code))
}

/// Without the line's end; a lone LF ends one too (RFC 2326 section 4).
fn trimmed(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

fn cut(text: &str) -> String {
    let end = (0..=LONGEST_VALUE.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    text.get(..end).unwrap_or_default().to_owned()
}
