//! SIP messages one after the other in a stream, told apart by Content-Length (RFC 3261 section 18.3).

use super::{LONGEST, Message, decode, start};

/// A first line is no longer.
const LONGEST_LINE: usize = 512;

/// What a stream's bytes begin with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Framed {
    /// Too few bytes to tell.
    More,
    /// A message, and how many bytes it takes with its body and the line ends before it.
    Message(Message, usize),
    /// No SIP.
    Foreign,
}

/// Reads the first message. Line ends before it keep the connection alive (RFC 5626 section 3.5.1) and are skipped. One
/// without Content-Length has no body; what is longer than [`LONGEST`] never becomes whole.
pub fn framed(bytes: &[u8]) -> Framed {
    let skipped = bytes.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
    let rest = bytes.get(skipped..).unwrap_or_default();
    let line_end = rest.windows(2).position(|w| w == b"\r\n");
    let line = rest.get(..line_end.unwrap_or(rest.len())).unwrap_or_default();
    let text = std::str::from_utf8(line).ok();
    if line.first().is_some_and(|b| !b.is_ascii_alphabetic()) {
        return Framed::Foreign;
    }
    match line_end {
        Some(_) if text.and_then(start).is_none() => return Framed::Foreign,
        None if line.len() > LONGEST_LINE || line.iter().any(|b| *b != b'\r' && b.is_ascii_control()) => {
            return Framed::Foreign;
        }
        None => return Framed::More,
        Some(_) => {}
    }
    let Some(head) = rest.windows(4).position(|w| w == b"\r\n\r\n").map(|end| end + 4) else { return Framed::More };
    let Ok(message) = decode(rest.get(..head).unwrap_or_default()) else { return Framed::Foreign };
    let body = match message.header("content-length").map(|text| text.parse::<usize>()) {
        None => 0,
        Some(Ok(length)) => length,
        Some(Err(_)) => return Framed::Foreign,
    };
    match head.checked_add(body).filter(|whole| *whole <= LONGEST) {
        Some(whole) if rest.len() >= whole => Framed::Message(message, skipped + whole),
        _ => Framed::More,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEAD: &str = "SIP/2.0 200 OK\r\nVia: SIP/2.0/TCP a\r\nTo: b\r\nFrom: c\r\nCall-ID: d\r\nCSeq: 1 OPTIONS\r\n";

    fn used(text: &str) -> Option<usize> {
        match framed(text.as_bytes()) {
            Framed::Message(_, used) => Some(used),
            Framed::More | Framed::Foreign => None,
        }
    }

    #[test]
    fn a_message_ends_where_its_content_length_says() {
        let whole = format!("\r\n\r\n{HEAD}l: 4\r\n\r\nbody");
        assert_eq!(used(&format!("{whole}SIP/2.0 200")), Some(whole.len()));
        for cut in 0..whole.len() {
            assert_eq!(framed(&whole.as_bytes()[..cut]), Framed::More, "{cut}");
        }
        let bare = format!("{HEAD}\r\n");
        assert_eq!(used(&format!("{bare}more")), Some(bare.len()));
    }

    #[test]
    fn strangers_and_nonsense_are_told_soon() {
        for text in [
            "HTTP/1.1 400 Bad Request\r\n",
            "\x16\x03\x01\x02",
            "SSH-2.0-x\r\n",
            &"x".repeat(600),
            &format!("{HEAD}Content-Length: -1\r\n\r\n"),
            "SIP/2.0 200 OK\r\nVia: x\r\n\r\n",
        ] {
            assert_eq!(framed(text.as_bytes()), Framed::Foreign, "{text}");
        }
        let huge = format!("{HEAD}Content-Length: 99999999999\r\n\r\n");
        assert_eq!(framed(huge.as_bytes()), Framed::More);
    }

    proptest! {
        #[test]
        fn no_stream_panics_and_no_more_is_used_than_came(bytes in proptest::collection::vec(any::<u8>(), 0..300), n: u16) {
            let mut all = format!("{HEAD}Content-Length: {n}\r\n\r\n").into_bytes();
            all.extend_from_slice(&bytes);
            for stream in [&bytes, &all] {
                if let Framed::Message(_, used) = framed(stream) {
                    prop_assert!(used <= stream.len());
                }
            }
        }
    }
}
