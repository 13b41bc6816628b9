//! The span that a run is a part of, as W3C's trace context names it (`traceparent`, `tracestate`).

/// A caller's span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parent {
    pub trace: [u8; 16],
    pub span: [u8; 8],
    pub flags: u8,
    /// `tracestate`, as it came.
    pub state: String,
}

/// The longest `tracestate` that is handed on (W3C Trace Context section 3.3.1.5 asks for no more).
const LONGEST_STATE: usize = 512;

impl Parent {
    /// Reads `00-<trace>-<span>-<flags>`; a later version may have more behind them (section 3.2.4). `None` for anything
    /// else, and then the run is a trace of its own.
    pub fn read(traceparent: &str, tracestate: &str) -> Option<Self> {
        let mut parts = traceparent.trim().split('-');
        let [version] = bytes(parts.next()?)?;
        let (trace, span, [flags]) = (bytes(parts.next()?)?, bytes(parts.next()?)?, bytes(parts.next()?)?);
        let ended = parts.next().is_none();
        let valid = version != 0xff && (ended || version != 0) && trace != [0; 16] && span != [0; 8];
        let state = tracestate.trim();
        let fits = state.len() <= LONGEST_STATE && state.bytes().all(|b| (0x20..0x7f).contains(&b));
        let state = if fits { state.to_owned() } else { String::new() };
        valid.then_some(Self { trace, span, flags, state })
    }
}

/// Exactly `N` bytes in small hexadecimal digits.
fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * N || !digits.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    let mut out = [0; N];
    for (byte, pair) in out.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callers_span_is_read_as_the_recommendation_has_it() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let parent = Parent::read(good, "vendor=1").unwrap();
        assert_eq!((parent.trace[0], parent.span[7], parent.flags), (0x4b, 0xb7, 1));
        assert_eq!(parent.state, "vendor=1");
        assert!(Parent::read("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more", "").is_some());
        assert_eq!(Parent::read(good, &"x".repeat(513)).unwrap().state, "");
        for wrong in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473é-00f067aa0ba902b7-01",
        ] {
            assert_eq!(Parent::read(wrong, ""), None, "{wrong}");
        }
    }
}
