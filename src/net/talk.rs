//! Words back and forth over a stream that somebody else opened: what a server says is read until it is understood, and
//! bounded in time and size whatever it is. Knows no protocol but by the name that a stranger's first bytes have.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::classify::{self, clean};
use crate::model::{Failure, FailureKind, Step};
use crate::wire::greeting;

/// What bytes so far are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading<T> {
    /// Not decided: more bytes are needed.
    More,
    /// Understood, and how many bytes of it.
    Done(T, usize),
    /// Another protocol, or none.
    Foreign,
}

/// Why nothing was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotSpoken {
    pub failure: Failure,
    /// The protocol that answered instead, by [`greeting::protocol`]; for `observed.met`.
    pub met: Option<&'static str>,
}

impl From<Failure> for NotSpoken {
    fn from(failure: Failure) -> Self {
        Self { failure, met: None }
    }
}

/// What is waited for.
#[derive(Clone, Copy, Debug)]
pub struct Awaited {
    pub step: Step,
    /// The protocol, as people write it: `RTSP`.
    pub protocol: &'static str,
    /// No longer than this.
    pub timeout: Duration,
}

/// A stream, and what was read of it and not yet understood.
pub struct Talk<S> {
    stream: S,
    unread: Vec<u8>,
    /// The beginning of what was sent since something was last understood.
    sent: Vec<u8>,
    /// Most bytes that one thing to be understood may have.
    limit: usize,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Talk<S> {
    /// A talk in which nothing was said yet.
    pub fn new(stream: S, limit: usize) -> Self {
        Self { stream, unread: Vec::new(), sent: Vec::new(), limit }
    }

    /// Sends `bytes`.
    ///
    /// # Errors
    /// `Reset`, `Closed`, `TimedOut`; where the server had spoken already and hung up, what it said.
    pub async fn send(&mut self, bytes: &[u8], awaited: Awaited) -> Result<(), NotSpoken> {
        let room = greeting::LOOKED_AT.saturating_sub(self.sent.len()).min(bytes.len());
        self.sent.extend_from_slice(bytes.get(..room).unwrap_or_default());
        let sending = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        match tokio::time::timeout(awaited.timeout, sending).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(classify::io(awaited.step, &error).into()),
            Err(_) => Err(classify::timed_out(awaited.step, "the server took no more bytes", awaited.timeout).into()),
        }
    }

    /// Reads until `read` understands what came, or does not.
    ///
    /// # Errors
    /// `TimedOut`, `Closed`, `Reset`, `Garbage` with what was met, `TooLarge`.
    pub async fn read<T>(&mut self, awaited: Awaited, read: impl FnMut(&[u8]) -> Reading<T>) -> Result<T, NotSpoken> {
        match tokio::time::timeout(awaited.timeout, self.unhurried(awaited, read)).await {
            Ok(result) => result,
            Err(_) => Err(self.too_late(awaited)),
        }
    }

    async fn unhurried<T>(
        &mut self,
        awaited: Awaited,
        mut read: impl FnMut(&[u8]) -> Reading<T>,
    ) -> Result<T, NotSpoken> {
        loop {
            match read(&self.unread) {
                Reading::Done(value, used) => {
                    self.unread.drain(..used.min(self.unread.len()));
                    self.sent.clear();
                    return Ok(value);
                }
                Reading::Foreign => return Err(self.foreign(awaited)),
                Reading::More if self.unread.len() >= self.limit => {
                    let detail =
                        format!("more than {} bytes without a complete {} answer", self.limit, awaited.protocol);
                    return Err(Failure::new(awaited.step, FailureKind::TooLarge, detail).into());
                }
                Reading::More => {}
            }
            let mut chunk = [0u8; 4096];
            let room = (self.limit - self.unread.len()).min(chunk.len());
            let came = match chunk.get_mut(..room) {
                Some(room) => self.stream.read(room).await,
                None => Ok(0),
            };
            match came {
                Ok(0) => return Err(self.closed(awaited)),
                Ok(count) => self.unread.extend_from_slice(chunk.get(..count).unwrap_or_default()),
                Err(error) => return Err(self.broken(awaited, &error)),
            }
        }
    }

    fn too_late(&self, awaited: Awaited) -> NotSpoken {
        if self.is_whole_echo() {
            return echo(awaited.step, awaited.protocol);
        }
        let words = match self.unread.is_empty() {
            true => format!("no {} answer", awaited.protocol),
            false => {
                format!("the answer ({}) did not become a complete {} answer", shown(&self.unread), awaited.protocol)
            }
        };
        let failure = classify::timed_out(awaited.step, &words, awaited.timeout);
        NotSpoken { failure, met: self.stranger(awaited) }
    }

    fn closed(&self, awaited: Awaited) -> NotSpoken {
        if self.is_whole_echo() || self.stranger(awaited).is_some() {
            return self.foreign(awaited);
        }
        let detail = match self.unread.is_empty() {
            true => "the server closed the connection without a word".to_owned(),
            false => format!("the server closed the connection after {}", shown(&self.unread)),
        };
        Failure::new(awaited.step, FailureKind::Closed, detail).into()
    }

    fn broken(&self, awaited: Awaited, error: &std::io::Error) -> NotSpoken {
        match self.stranger(awaited) {
            Some(_) => self.foreign(awaited),
            None if self.is_whole_echo() => self.foreign(awaited),
            None => classify::io(awaited.step, error).into(),
        }
    }

    fn foreign(&self, awaited: Awaited) -> NotSpoken {
        if is_echo(&self.unread, &self.sent) {
            return echo(awaited.step, awaited.protocol);
        }
        let met = self.stranger(awaited);
        let said = shown(&self.unread);
        let detail = match met {
            Some(name) => format!("what listens there speaks {name} and not {}: it sent {said}", awaited.protocol),
            None => format!("what listens there does not speak {}: it sent {said}", awaited.protocol),
        };
        NotSpoken { failure: Failure::new(awaited.step, FailureKind::Garbage, detail), met }
    }

    /// All that was sent came back, as far as it is remembered. Two ends of one protocol may begin alike, so where it is
    /// not known that what came is none of it, no less shows an echo.
    fn is_whole_echo(&self) -> bool {
        self.unread.len() >= self.sent.len() && is_echo(&self.unread, &self.sent)
    }

    /// The protocol of what was read, if it is another than the one that was waited for.
    fn stranger(&self, awaited: Awaited) -> Option<&'static str> {
        greeting::protocol(&self.unread).filter(|name| *name != awaited.protocol)
    }
}

/// Whether what came begins as what was sent does, as far as both go; a few bytes may agree by chance.
pub fn is_echo(came: &[u8], sent: &[u8]) -> bool {
    const TELLING: usize = 8;
    let both = came.len().min(sent.len());
    both >= TELLING.min(sent.len().max(TELLING / 2)) && came.get(..both) == sent.get(..both)
}

/// An echo server, or a device that reflects what passes it: no service at all.
pub fn echo(step: Step, protocol: &str) -> NotSpoken {
    let detail = format!("what listens there sends back what it is sent, and does not speak {protocol}");
    Failure::new(step, FailureKind::Garbage, detail).into()
}

/// The beginning of what a peer sent, fit to be shown: text in quotation marks, anything else in hexadecimal digits.
pub fn shown(bytes: &[u8]) -> String {
    let line = bytes.split(|b| matches!(b, b'\r' | b'\n')).next().unwrap_or_default();
    let start = line.get(..60).unwrap_or(line);
    match std::str::from_utf8(start) {
        Ok(text) if !text.is_empty() && !text.contains(|c: char| c.is_control()) => format!("\"{}\"", clean(text, 60)),
        _ => {
            let digits: String = bytes.iter().take(12).map(|b| format!("{b:02x}")).collect();
            format!("{} bytes that begin with {digits}", bytes.len())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AWAITED: Awaited = Awaited { step: Step::Options, protocol: "RTSP", timeout: Duration::from_secs(5) };

    /// Understands a line that begins with `RTSP/`.
    fn line(bytes: &[u8]) -> Reading<String> {
        let known = b"RTSP/".len().min(bytes.len());
        if bytes.get(..known) != b"RTSP/".get(..known) {
            return Reading::Foreign;
        }
        match bytes.iter().position(|b| *b == b'\n') {
            Some(end) => Reading::Done(String::from_utf8_lossy(&bytes[..end]).into_owned(), end + 1),
            None => Reading::More,
        }
    }

    async fn heard(said: &[u8], close: bool) -> Result<String, NotSpoken> {
        let (mut server, client) = tokio::io::duplex(1 << 20);
        server.write_all(said).await.unwrap();
        let kept = (!close).then_some(server);
        let heard = Talk::new(client, 1000).read(AWAITED, line).await;
        drop(kept);
        heard
    }

    fn kind(heard: Result<String, NotSpoken>) -> (FailureKind, Option<&'static str>) {
        let not = heard.unwrap_err();
        (not.failure.kind, not.met)
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_understood_is_taken_and_the_rest_stays() {
        let (mut server, client) = tokio::io::duplex(100);
        server.write_all(b"RTSP/1\nRTSP/2\n").await.unwrap();
        let mut talk = Talk::new(client, 1000);
        assert_eq!(talk.read(AWAITED, line).await, Ok("RTSP/1".to_owned()));
        assert_eq!(talk.read(AWAITED, line).await, Ok("RTSP/2".to_owned()));
    }

    #[tokio::test(start_paused = true)]
    async fn silence_strangers_ends_and_floods_are_told_apart() {
        assert_eq!(kind(heard(b"", false).await), (FailureKind::TimedOut, None));
        assert_eq!(kind(heard(b"RTS", false).await), (FailureKind::TimedOut, None));
        assert_eq!(kind(heard(b"", true).await), (FailureKind::Closed, None));
        assert_eq!(kind(heard(b"RTSP/1.0", true).await), (FailureKind::Closed, None));
        assert_eq!(kind(heard(b"HTTP/1.1 400 Bad\r\n", false).await), (FailureKind::Garbage, Some("HTTP")));
        assert_eq!(kind(heard(b"\xff\x00\x01", false).await), (FailureKind::Garbage, None));
        let flood = [b"RTSP/".as_slice(), &[b'x'; 5000]].concat();
        assert_eq!(kind(heard(&flood, false).await), (FailureKind::TooLarge, None));
    }

    /// What is told of a server that answers `request` with `answer`, and closes or not.
    async fn answered(request: &[u8], answer: &[u8], close: bool) -> NotSpoken {
        let (mut server, client) = tokio::io::duplex(1 << 20);
        let mut talk = Talk::new(client, 1000);
        talk.send(request, AWAITED).await.unwrap();
        server.write_all(answer).await.unwrap();
        let kept = (!close).then_some(server);
        let heard = talk.read(AWAITED, line).await;
        drop(kept);
        heard.unwrap_err()
    }

    #[tokio::test(start_paused = true)]
    async fn an_echo_is_told_as_one_and_as_no_protocol() {
        let options = b"OPTIONS rtsp://192.0.2.1/ RTSP/1.0\r\nCSeq: 1\r\n\r\n";
        // Another protocol's request, one that this protocol's own answers could begin with, and one that is cut short.
        for request in [&options[..], b"SSH-2.0-us\r\n", b"\x16\x03\x01\x02\x00\x01"] {
            for close in [false, true] {
                let not = answered(request, request, close).await;
                assert_eq!((not.failure.kind, not.met), (FailureKind::Garbage, None), "{not:?}");
                assert!(not.failure.detail.contains("sends back what it is sent"), "{not:?}");
            }
        }
        let part = answered(options, &options[..20], false).await;
        assert!(part.failure.detail.contains("sends back what it is sent"), "{part:?}");
        // Whole where the peer could have meant it.
        let alike = answered(b"RTSP/1.0 and more", b"RTSP/1.0 and more", false).await;
        assert!(alike.failure.detail.contains("sends back what it is sent"), "{alike:?}");
        let part = answered(b"RTSP/1.0 and more", b"RTSP/1.0", false).await;
        assert_eq!(part.failure.kind, FailureKind::TimedOut);
        // What another protocol says that we did not.
        let ssh = answered(options, b"SSH-2.0-OpenSSH_9.2\r\n", false).await;
        assert_eq!((ssh.failure.kind, ssh.met), (FailureKind::Garbage, Some("SSH")));
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_sent_before_something_was_understood_is_no_echo() {
        let (mut server, client) = tokio::io::duplex(1 << 20);
        let mut talk = Talk::new(client, 1000);
        talk.send(b"SSH-2.0-us\r\n", AWAITED).await.unwrap();
        server.write_all(b"RTSP/1\nSSH-2.0-us\r\n").await.unwrap();
        assert_eq!(talk.read(AWAITED, line).await, Ok("RTSP/1".to_owned()));
        let not = talk.read(AWAITED, line).await.unwrap_err();
        assert_eq!(not.met, Some("SSH"), "{not:?}");
    }

    #[test]
    fn a_peers_bytes_are_shown_as_text_or_digits_and_never_move_the_cursor() {
        assert_eq!(shown(b"HTTP/1.1 400 Bad\r\nx"), "\"HTTP/1.1 400 Bad\"");
        assert_eq!(shown(b"\x1b[2J"), "4 bytes that begin with 1b5b324a");
        assert_eq!(shown(b"\xff\x00"), "2 bytes that begin with ff00");
    }
}
