//! The identification exchange of SSH (RFC 4253 section 4.2): which line of what a server sends first is its
//! identification. Bytes in, a reading out; bounded whatever the server sends.

pub mod kexinit;

/// Bytes looked at before giving up.
pub const MAX_BYTES: usize = 8 * 1024;
/// Lines that a server may send before its identification before we give up.
pub const MAX_LINES: usize = 50;
/// Length of the identification with its CR LF (RFC 4253 section 4.2).
pub const MAX_IDENTIFICATION: usize = 255;

/// What the bytes so far are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Not decided: more bytes are needed.
    More,
    /// The identification line without its line end, such as `SSH-2.0-OpenSSH_9.6`.
    Identification(String),
    /// Not SSH; the start of what came instead, unsanitised.
    Garbage(String),
    /// Longer than the bounds above.
    TooLarge,
}

/// Reads what a server has sent since the connection was opened.
pub fn read_identification(bytes: &[u8]) -> Reading {
    let mut rest = bytes.get(..MAX_BYTES).unwrap_or(bytes);
    for _ in 0..=MAX_LINES {
        let Some(end) = rest.iter().position(|b| *b == b'\n') else {
            return unfinished(rest, bytes.len());
        };
        let (line, tail) = rest.split_at(end);
        if line.starts_with(b"SSH-") {
            return identification(line);
        }
        if line.contains(&0) || foreign(line) {
            return garbage(line);
        }
        rest = tail.get(1..).unwrap_or_default();
    }
    Reading::TooLarge
}

/// How many of `bytes` the lines up to the identification have, itself and its line end included; all where there is none.
pub fn identified(bytes: &[u8]) -> usize {
    let mut end = 0;
    for line in bytes.split_inclusive(|b| *b == b'\n') {
        end += line.len();
        if line.starts_with(b"SSH-") {
            break;
        }
    }
    end
}

/// A line that has not ended yet.
fn unfinished(line: &[u8], total: usize) -> Reading {
    if line.contains(&0) || foreign(line) {
        garbage(line)
    } else if total >= MAX_BYTES || (line.starts_with(b"SSH-") && line.len() > MAX_IDENTIFICATION) {
        Reading::TooLarge
    } else {
        Reading::More
    }
}

/// `SSH-protoversion-softwareversion`, comments after a space.
fn identification(line: &[u8]) -> Reading {
    if line.len() + 1 > MAX_IDENTIFICATION {
        return Reading::TooLarge;
    }
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let version = line.get(4..).unwrap_or_default();
    if version.first().is_some_and(u8::is_ascii_digit) && version.contains(&b'-') && !line.contains(&0) {
        Reading::Identification(String::from_utf8_lossy(line).into_owned())
    } else {
        garbage(line)
    }
}

/// First lines that belong to another protocol and will not be followed by an SSH identification.
fn foreign(line: &[u8]) -> bool {
    [&b"HTTP/"[..], b"220 ", b"220-", b"RTSP/", b"+OK", b"* OK"].iter().any(|p| line.starts_with(p))
}

fn garbage(line: &[u8]) -> Reading {
    Reading::Garbage(String::from_utf8_lossy(line.get(..80).unwrap_or(line)).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn id(text: &str) -> Reading {
        Reading::Identification(text.to_owned())
    }

    #[test]
    fn the_identification_is_found() {
        assert_eq!(read_identification(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"), id("SSH-2.0-OpenSSH_9.2p1 Debian-2"));
        assert_eq!(read_identification(b"SSH-1.99-Cisco-1.25\n"), id("SSH-1.99-Cisco-1.25"));
        assert_eq!(read_identification(b"Keep out\r\n\r\nSSH-2.0-x\r\nrest"), id("SSH-2.0-x"));
    }

    #[test]
    fn what_follows_the_identification_is_left() {
        assert_eq!(identified(b"Keep out\r\nSSH-2.0-x\r\n\0\0\x01"), 21);
        assert_eq!(identified(b"none"), 4);
    }

    #[test]
    fn half_a_line_waits_for_more() {
        assert_eq!(read_identification(b""), Reading::More);
        assert_eq!(read_identification(b"SSH-2.0-Open"), Reading::More);
        assert_eq!(read_identification(b"Welcome\r\n"), Reading::More);
    }

    #[test]
    fn other_protocols_and_nonsense_are_garbage() {
        for bytes in
            [&b"HTTP/1.1 400 Bad Request\r\n"[..], b"220 mail ESMTP\r\n", b"SSH-\r\n", b"\x16\x03\x01\x00\x02\x02\x28"]
        {
            assert!(matches!(read_identification(bytes), Reading::Garbage(_)), "{bytes:?}");
        }
    }

    #[test]
    fn the_bounds_hold() {
        let long_id = [b"SSH-2.0-".to_vec(), vec![b'a'; 300]].concat();
        assert_eq!(read_identification(&long_id), Reading::TooLarge);
        assert_eq!(read_identification(&[long_id, b"\r\n".to_vec()].concat()), Reading::TooLarge);
        assert_eq!(read_identification(&vec![b'a'; MAX_BYTES]), Reading::TooLarge);
        assert_eq!(read_identification(&b"x\n".repeat(MAX_LINES + 1)), Reading::TooLarge);
        let fifty = [b"x\n".repeat(MAX_LINES), b"SSH-2.0-y\n".to_vec()].concat();
        assert_eq!(read_identification(&fifty), id("SSH-2.0-y"));
    }

    proptest! {
        #[test]
        fn no_input_panics_and_a_verdict_is_final(bytes in proptest::collection::vec(any::<u8>(), 0..600), cut in 0usize..600) {
            let whole = read_identification(&bytes);
            if let Some(part) = bytes.get(..cut) {
                match read_identification(part) {
                    Reading::Identification(line) => prop_assert_eq!(whole, Reading::Identification(line)),
                    Reading::TooLarge => prop_assert_eq!(whole, Reading::TooLarge),
                    _ => {}
                }
            }
        }

        #[test]
        fn any_identification_is_read_back(software in "[!-,.-~]{1,200}", before in "[a-z ]{0,40}") {
            let line = format!("SSH-2.0-{software}");
            let sent = format!("{before}\r\n{line}\r\n");
            prop_assert_eq!(read_identification(sent.as_bytes()), id(&line));
        }
    }
}
