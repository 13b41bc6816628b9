//! What a client wants of a port that speaks several services, by how it begins. Knows no service but by its beginning,
//! and no deadline.

use std::io::Cursor;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, Chain, Join, ReadHalf, WriteHalf};

use super::counters::Cut;
use super::face::Words;
use crate::wire::rtmp::handshake::VERSION;

/// The longest first line that is waited for, in bytes; only HTTP's may be longer.
const LONGEST_LINE: usize = 2048;

/// A stream whose first bytes were heard, and are read once more by what serves it.
pub(super) type Heard<S> = Join<Chain<Cursor<Vec<u8>>, ReadHalf<S>>, WriteHalf<S>>;

/// The service for this client: one that the server begins, the only one there is, or what the first bytes ask for.
/// `None` where nothing is spoken and where the client leaves without a word.
pub(super) async fn hear<S>(mut stream: S, words: &[Words]) -> Result<(Option<&Words>, Heard<S>), Cut>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut said = Vec::new();
    let wanted = match (words.iter().find(|w| w.server_begins()), words) {
        (Some(first), _) => Some(first),
        (None, []) => None,
        (None, [only]) => Some(only),
        (None, several) => listen(&mut stream, several, &mut said).await?,
    };
    let (read, write) = tokio::io::split(stream);
    Ok((wanted, tokio::io::join(Cursor::new(said).chain(read), write)))
}

/// Hears the client until it is plain what it wants.
async fn listen<'a>(
    stream: &mut (impl AsyncRead + Unpin),
    words: &'a [Words],
    said: &mut Vec<u8>,
) -> Result<Option<&'a Words>, Cut> {
    loop {
        let mut some = [0; 512];
        let count = stream.read(&mut some).await.map_err(|_| Cut::Protocol)?;
        said.extend_from_slice(some.get(..count).unwrap_or_default());
        let over = count == 0 || said.len() >= LONGEST_LINE;
        match wanted(said, words, over) {
            None if !over => {}
            wanted => return Ok(wanted),
        }
    }
}

/// What `said` begins; `None` where that is open yet, and, once it is `over`, where nothing was said.
fn wanted<'a>(said: &[u8], words: &'a [Words], over: bool) -> Option<&'a Words> {
    let of = |kind: fn(&Words) -> bool| words.iter().find(|w| kind(w));
    // RTMP's version begins no line of text.
    if said.first()? == &VERSION {
        return of(|w| *w == Words::Rtmp).or(words.first());
    }
    let mut texts = words.iter().filter(|w| **w != Words::Rtmp);
    if let (Some(only), None) = (texts.next(), texts.next()) {
        return Some(only);
    }
    // Empty lines may come before a request (RFC 9112 section 2.2, RFC 3261 section 7.5).
    let mut lines = said.split_inclusive(|b| *b == b'\n').filter(|line| !line.trim_ascii().is_empty());
    let line = lines.next().filter(|line| over || line.ends_with(b"\n"))?;
    let version = line.trim_ascii_end().rsplit(|b| *b == b' ').next().unwrap_or_default();
    let asked = match version {
        v if v.starts_with(b"RTSP/") => of(|w| *w == Words::Rtsp),
        v if v.starts_with(b"SIP/") => of(|w| *w == Words::Sip),
        _ => None,
    };
    // HTTP has an answer to everything.
    asked.or_else(|| of(|w| matches!(w, Words::Http(_)))).or(words.first())
}

/// What comes up to `end`, in at most `longest` bytes; `None` where it does not.
pub(super) async fn until(stream: &mut (impl AsyncRead + Unpin), end: &[u8], longest: usize) -> Option<Vec<u8>> {
    let mut said = Vec::new();
    let mut byte = [0];
    while said.len() < longest && !said.ends_with(end) {
        stream.read_exact(&mut byte).await.ok()?;
        said.extend_from_slice(&byte);
    }
    said.ends_with(end).then_some(said)
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;
    use crate::serve::face::Site;

    fn all() -> [Words; 4] {
        [Words::Http(Site::default()), Words::Rtmp, Words::Rtsp, Words::Sip]
    }

    #[test]
    fn the_first_byte_or_line_tells_services_apart() {
        let words = all();
        for (said, place) in [
            (&b"GET /a HTTP/1.1\r\n"[..], 0),
            (b"OPTIONS * HTTP/1.1\r\n", 0),
            (b"\x03", 1),
            (b"OPTIONS rtsp://a/ RTSP/1.0\r\n", 2),
            (b"OPTIONS sip:a SIP/2.0\r\n", 3),
            (b"\r\n\r\nOPTIONS sip:a SIP/2.0\r\n", 3),
            (b"\x16\x03\x01 noise\n", 0),
        ] {
            assert_eq!(wanted(said, &words, false), Some(&words[place]), "{said:?}");
        }
        for unfinished in [&b""[..], b"G", b"OPTIONS sip:a SIP/2", b"\r\n\r\n"] {
            assert_eq!(wanted(unfinished, &words, false), None, "{unfinished:?}");
        }
        assert_eq!(wanted(b"GET /", &words, true), Some(&words[0]));
        assert_eq!(wanted(b"", &words, true), None);
        assert_eq!(wanted(b"G", &words[..2], false), Some(&words[0]), "text against RTMP: one byte is enough");
    }

    /// The service that is heard, and what it then reads.
    async fn heard(words: &[Words], said: &[u8]) -> (Option<Words>, Vec<u8>) {
        let (mut client, server) = tokio::io::duplex(1);
        let speaking = async {
            client.write_all(said).await.unwrap();
            drop(client);
        };
        let hearing = async {
            let (wanted, mut stream) = hear(server, words).await.unwrap();
            let mut read = Vec::new();
            stream.read_to_end(&mut read).await.unwrap();
            (wanted.cloned(), read)
        };
        tokio::join!(speaking, hearing).1
    }

    #[tokio::test]
    async fn what_was_heard_is_read_once_more_however_it_is_cut() {
        for said in [&b"OPTIONS sip:a SIP/2.0\r\n\r\n"[..], b"GET / HTTP/1.1\r\n\r\n", b"\x03abc", b"x", b""] {
            let (wanted, read) = heard(&all(), said).await;
            assert_eq!((wanted.is_some(), &*read), (!said.is_empty(), said));
        }
        assert_eq!(heard(&all(), b"OPTIONS sip:a SIP/2.0\r\n").await.0, Some(Words::Sip));
        let long = [b'a'; 3 * LONGEST_LINE];
        assert_eq!(heard(&all(), &long).await, (Some(all()[0].clone()), long.to_vec()));
        assert_eq!(heard(&[], b"GET").await, (None, b"GET".to_vec()));
        let ssh = [Words::Sip, Words::Http(Site::default()), Words::Ssh];
        assert_eq!(heard(&ssh, b"GET").await, (Some(Words::Ssh), b"GET".to_vec()));
    }
}
