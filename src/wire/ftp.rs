//! FTP's replies (RFC 959 section 4.2): a code and text, on one line or several. Bytes in, a reading out; bounded
//! whatever the server sends.

/// Most bytes of one reply.
pub const LONGEST: usize = 8 * 1024;
/// Longest text that is kept, in bytes.
const LONGEST_TEXT: usize = 256;

/// A whole reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// 100 to 599.
    pub code: u16,
    /// The text of its first line that has some, unsanitised.
    pub text: String,
}

/// What bytes so far are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Not decided: more bytes are needed.
    More,
    /// A reply, and how many bytes it has.
    Reply(Reply, usize),
    /// Another protocol, or none.
    Foreign,
}

/// Reads what a server has sent since the last reply.
pub fn read(bytes: &[u8]) -> Reading {
    let bytes = bytes.get(..LONGEST).unwrap_or(bytes);
    let (mut used, mut begun): (usize, Option<Reply>) = (0, None);
    for line in bytes.split_inclusive(|b| *b == b'\n') {
        if !line.ends_with(b"\n") {
            // A line within a reply may be anything; the first one may not.
            let foreign = begun.is_none() && !may_begin(line) || line.contains(&0);
            return if foreign { Reading::Foreign } else { Reading::More };
        }
        used += line.len();
        let parsed = coded(line);
        match (&mut begun, parsed) {
            (None, None) => return Reading::Foreign,
            (None, Some((code, true, text))) => return Reading::Reply(Reply { code, text }, used),
            (None, Some((code, false, text))) => begun = Some(Reply { code, text }),
            (Some(reply), Some((code, true, text))) if code == reply.code => {
                let text = if reply.text.is_empty() { text } else { reply.text.clone() };
                return Reading::Reply(Reply { code, text }, used);
            }
            (Some(reply), _) if reply.text.is_empty() => reply.text = kept(line),
            _ => {}
        }
    }
    Reading::More
}

/// Code, whether the reply ends with this line, and its text.
fn coded(line: &[u8]) -> Option<(u16, bool, String)> {
    let (digits, rest) = line.split_at_checked(3)?;
    if line.contains(&0) || !matches!(digits, [b'1'..=b'5', b, c] if b.is_ascii_digit() && c.is_ascii_digit()) {
        return None;
    }
    let code = std::str::from_utf8(digits).ok()?.parse().ok()?;
    let last = match rest.first()? {
        b' ' | b'\r' | b'\n' => true,
        b'-' => false,
        _ => return None,
    };
    Some((code, last, kept(rest.get(1..).unwrap_or_default())))
}

/// Whether it may become the first line of a reply.
fn may_begin(part: &[u8]) -> bool {
    let digits = part.get(..3).unwrap_or(part);
    let first = digits.first().is_none_or(|b| (b'1'..=b'5').contains(b));
    first && digits.iter().all(u8::is_ascii_digit) && part.get(3).is_none_or(|b| matches!(b, b' ' | b'-' | b'\r'))
}

fn kept(text: &[u8]) -> String {
    String::from_utf8_lossy(text.get(..LONGEST_TEXT).unwrap_or(text)).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn reply(bytes: &[u8]) -> (u16, String, usize) {
        match read(bytes) {
            Reading::Reply(reply, used) => (reply.code, reply.text, used),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn replies_of_one_line_and_of_several() {
        assert_eq!(reply(b"220 ProFTPD ready\r\nrest"), (220, "ProFTPD ready".to_owned(), 19));
        assert_eq!(reply(b"220\r\n"), (220, String::new(), 5));
        // RFC 959 section 4.2.
        let several = b"123-First line\r\nSecond line\r\n  234 A line beginning with numbers\r\n123 The last line\r\n";
        assert_eq!(reply(several), (123, "First line".to_owned(), several.len()));
        assert_eq!(reply(b"220-\r\nWelcome\r\n220 x\r\n").1, "Welcome");
    }

    #[test]
    fn half_a_reply_waits_and_another_protocol_does_not() {
        for half in ["", "2", "220", "220 half", "220-one\r\n", "220-one\r\n220-two\r\nx"] {
            assert_eq!(read(half.as_bytes()), Reading::More, "{half:?}");
        }
        for other in ["SSH-2.0-x\r\n", "HTTP/1.1 400\r\n", "22x", "999 x\r\n", "2200 x\r\n", "\r\n", "220 \0"] {
            assert_eq!(read(other.as_bytes()), Reading::Foreign, "{other:?}");
        }
        let flood = [b"220-".as_slice(), &vec![b'x'; 3 * LONGEST]].concat();
        assert_eq!(read(&flood), Reading::More);
    }

    proptest! {
        #[test]
        fn no_input_panics_and_a_verdict_is_final(rest in proptest::collection::vec(any::<u8>(), 0..300), cut in 0usize..300) {
            let bytes = [b"220-".as_slice(), &rest].concat();
            if let Some(Reading::Reply(early, used)) = bytes.get(..cut).map(read) {
                prop_assert_eq!(read(&bytes), Reading::Reply(early, used));
            }
            let _ = read(&rest);
        }
    }
}
