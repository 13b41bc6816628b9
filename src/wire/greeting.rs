//! Which protocol the first bytes of a peer belong to, so that a probe that meets another service can name it. Looks at
//! a bounded prefix, decides nothing about whether the rest is well formed.

use super::ike::{MARKER, is_ike};

/// Bytes that are looked at.
pub const LOOKED_AT: usize = 512;

/// Beginnings that belong to one protocol alone.
const BEGINNINGS: [(&[u8], &str); 15] = [
    (b"HTTP/", "HTTP"),
    (b"<!DOCTYPE", "HTTP"),
    (b"<html", "HTTP"),
    (b"RTSP/", "RTSP"),
    (b"SIP/", "SIP"),
    (b"SSH-", "SSH"),
    (b"+OK", "POP3"),
    (b"* OK", "IMAP"),
    (b"RFB ", "VNC"),
    (b"AMQP", "AMQP"),
    (b"-ERR", "Redis"),
    // A record of TLS: an alert or a handshake, of version 3 (RFC 8446 section 5.1).
    (b"\x15\x03", "TLS"),
    (b"\x16\x03", "TLS"),
    // Requests of a peer that takes us for a server; RTSP and HTTP have OPTIONS too.
    (b"OPTIONS sip:", "SIP"),
    (b"INVITE sip:", "SIP"),
];

/// The protocol's name as people write it; `None` where the bytes tell nothing.
pub fn protocol(bytes: &[u8]) -> Option<&'static str> {
    let whole = bytes;
    let bytes = bytes.get(..LOOKED_AT).unwrap_or(bytes);
    let begun = BEGINNINGS.iter().find(|(start, _)| bytes.starts_with(start)).map(|(_, name)| *name);
    let shaped = || stun(bytes).or_else(|| ike(whole)).or_else(|| framed(bytes)).or_else(|| tpkt(bytes));
    begun.or_else(|| greeted(bytes)).or_else(shaped)
}

/// FTP and SMTP greet alike (RFC 959 section 4.2, RFC 5321 section 4.2).
fn greeted(bytes: &[u8]) -> Option<&'static str> {
    if !bytes.starts_with(b"220 ") && !bytes.starts_with(b"220-") {
        return None;
    }
    let line = bytes.split(|b| *b == b'\n').next().unwrap_or_default().to_ascii_uppercase();
    let mail = line.windows(4).any(|w| w == b"SMTP");
    Some(if mail { "SMTP" } else { "FTP" })
}

/// Two zero bits and the magic cookie (RFC 8489 section 5).
fn stun(bytes: &[u8]) -> Option<&'static str> {
    let cookie = bytes.get(4..8) == Some(&super::stun::COOKIE);
    (cookie && bytes.first().is_some_and(|b| b & 0xC0 == 0)).then_some("STUN")
}

/// TPKT, which carries RDP and H.323 (RFC 1006): its length, and a data unit of X.224 that fits into it. RTMP may begin
/// with the same three bytes.
fn tpkt(bytes: &[u8]) -> Option<&'static str> {
    let length = u16::from_be_bytes([*bytes.get(2)?, *bytes.get(3)?]);
    let known = matches!(bytes.get(5)? & 0xF0, 0x70 | 0x80 | 0xC0 | 0xD0 | 0xE0 | 0xF0);
    let fits = u16::from(*bytes.get(4)?) + 5 <= length;
    (bytes.starts_with(&[3, 0]) && length >= 7 && known && fits).then_some("TPKT")
}

/// A whole message of IKE, with or without the marker of UDP 4500 (RFC 3948 section 2.2).
fn ike(bytes: &[u8]) -> Option<&'static str> {
    (is_ike(bytes) || bytes.strip_prefix(&MARKER).is_some_and(is_ike)).then_some("IKE")
}

/// A SETTINGS frame of HTTP/2 on stream 0 (RFC 9113 section 6.5), RTMP's S0 with the whole of S1, MySQL's greeting.
fn framed(bytes: &[u8]) -> Option<&'static str> {
    let settings = bytes.get(..2) == Some(&[0, 0]) && bytes.get(3) == Some(&4) && bytes.get(5..9) == Some(&[0; 4]);
    let mysql = bytes.get(3..5) == Some(&[0, 10]) && bytes.get(5).is_some_and(u8::is_ascii_digit);
    let rtmp = bytes.first() == Some(&3) && bytes.len() >= LOOKED_AT;
    match (settings, mysql, rtmp) {
        (true, _, _) => Some("HTTP/2"),
        (_, true, _) => Some("MySQL"),
        (_, _, true) => Some("RTMP"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_words_name_their_protocol() {
        for (bytes, name) in [
            (&b"HTTP/1.1 400 Bad Request\r\n"[..], "HTTP"),
            (b"RTSP/1.0 200 OK\r\n", "RTSP"),
            (b"SIP/2.0 200 OK\r\n", "SIP"),
            (b"OPTIONS sip:192.0.2.1 SIP/2.0\r\n", "SIP"),
            (b"SSH-2.0-OpenSSH_9.2\r\n", "SSH"),
            (b"220 ProFTPD Server\r\n", "FTP"),
            (b"220 mail.example ESMTP Postfix\r\n", "SMTP"),
            (b"\x15\x03\x01\x00\x02\x02\x0a", "TLS"),
            (b"\x00\x00\x12\x04\x00\x00\x00\x00\x00", "HTTP/2"),
            (b"\x01\x01\x00\x00\x21\x12\xa4\x42", "STUN"),
            (b"\x03\x00\x00\x13\x0e\xd0\x00\x00\x124\x00\x02\x0f\x08\x00\x02\x00\x00\x00", "TPKT"),
            (b"\x4a\x00\x00\x00\x0a8.0.36\x00", "MySQL"),
        ] {
            assert_eq!(protocol(bytes), Some(name), "{bytes:?}");
        }
        let ike = super::super::ike::write_refusal([1; 8]);
        assert_eq!(protocol(&ike), Some("IKE"));
        assert_eq!(protocol(&[&MARKER[..], &ike].concat()), Some("IKE"));
        assert_eq!(protocol(&ike[1..]), None);
        assert_eq!(protocol(&[[3].as_slice(), &[7; 1536]].concat()), Some("RTMP"));
        assert_eq!(protocol(&[[3, 0, 0, 1].as_slice(), &[0; 1533]].concat()), Some("RTMP"), "S1 has a time too");
    }

    #[test]
    fn what_tells_nothing_has_no_name() {
        let requests =
            [&b"OPTIONS rtsp://192.0.2.1/ RTSP/1.0\r\n"[..], b"GET / HTTP/1.1\r\n", b"OPTIONS * HTTP/1.1\r\n"];
        assert_eq!(requests.map(protocol), [None; 3], "nobody who answers begins so");
        for bytes in [&b""[..], b"\x03", b"hello", b"\xff\xfe\xfd", b"22", b"\x00\x00\x00\x00"] {
            assert_eq!(protocol(bytes), None, "{bytes:?}");
        }
    }
}
