//! From what the operating system or a peer said to a [`Failure`]: errno first, then the error's own words. Also the
//! one place where text from a peer is made fit to print. Opens no socket.

use std::io::{Error, ErrorKind};

use crate::model::{Failure, FailureKind, Step};

/// The class of an error of the operating system; what no peer or network can cause is `Internal`.
pub fn io_kind(error: &Error) -> FailureKind {
    match error.raw_os_error() {
        Some(libc::EHOSTDOWN | libc::ENONET) => return FailureKind::Unreachable,
        Some(libc::EAFNOSUPPORT) => return FailureKind::NoRoute,
        Some(libc::EMSGSIZE) => return FailureKind::TooBig,
        _ => {}
    }
    match error.kind() {
        ErrorKind::ConnectionRefused => FailureKind::Refused,
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe => FailureKind::Reset,
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => FailureKind::Unreachable,
        ErrorKind::PermissionDenied => FailureKind::Prohibited,
        ErrorKind::AddrNotAvailable => FailureKind::NoRoute,
        ErrorKind::TimedOut => FailureKind::TimedOut,
        ErrorKind::UnexpectedEof | ErrorKind::NotConnected => FailureKind::Closed,
        ErrorKind::InvalidData => FailureKind::Garbage,
        _ => FailureKind::Internal,
    }
}

/// The failure at `step` that `error` on an open connection means. A TLS alert inside it (a missing client certificate
/// arrives only after a TLS 1.3 handshake) is named.
pub fn io(step: Step, error: &Error) -> Failure {
    if let Some(tls) = tls_inside(error) {
        return Failure::new(step, FailureKind::TlsRefused, clean(&tls.to_string(), 200));
    }
    let kind = io_kind(error);
    let detail = match kind {
        FailureKind::Reset => "the connection was reset".to_owned(),
        FailureKind::Closed => "the connection was closed".to_owned(),
        _ => clean(&error.to_string(), 200),
    };
    Failure::new(step, kind, detail)
}

/// The TLS error that tokio-rustls wraps into an I/O error.
pub fn tls_inside(error: &Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

/// Nothing in the time given: `what` is what was waited for.
pub fn timed_out(step: Step, what: &str, after: std::time::Duration) -> Failure {
    Failure::new(step, FailureKind::TimedOut, format!("{what} in {}", seconds(after)))
}

/// `5.0 s`, `0.20 s`.
pub fn seconds(d: std::time::Duration) -> String {
    let s = d.as_secs_f64();
    if s < 1.0 { format!("{s:.2} s") } else { format!("{s:.1} s") }
}

/// Text of a peer, fit to print: no control characters, no invisible or direction-changing ones, at most `max`
/// characters.
pub fn clean(text: &str, max: usize) -> String {
    let mut out = String::new();
    for (count, c) in text.trim().chars().filter(|c| !invisible(*c)).enumerate() {
        if count == max {
            out.push('…');
            break;
        }
        out.push(if c.is_control() || c.is_whitespace() { ' ' } else { c });
    }
    out
}

fn invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{ad}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errno_decides() {
        for (errno, kind) in [
            (libc::ECONNREFUSED, FailureKind::Refused),
            (libc::EHOSTUNREACH, FailureKind::Unreachable),
            (libc::ENETUNREACH, FailureKind::Unreachable),
            (libc::EACCES, FailureKind::Prohibited),
            (libc::EPERM, FailureKind::Prohibited),
            (libc::ETIMEDOUT, FailureKind::TimedOut),
            (libc::ECONNRESET, FailureKind::Reset),
            (libc::EPIPE, FailureKind::Reset),
            (libc::EADDRNOTAVAIL, FailureKind::NoRoute),
            (libc::EAFNOSUPPORT, FailureKind::NoRoute),
            (libc::EMFILE, FailureKind::Internal),
        ] {
            assert_eq!(io_kind(&Error::from_raw_os_error(errno)), kind, "errno {errno}");
        }
    }

    #[test]
    fn peer_text_cannot_move_the_cursor_or_grow() {
        assert_eq!(clean("\x1b[2Jnginx\r\n\u{202e}x", 40), " [2Jnginx  x");
        assert_eq!(clean("abcdef", 3), "abc…");
        assert_eq!(clean("abc", 3), "abc");
    }
}
