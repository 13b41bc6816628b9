//! The end of a log: its whole lines, and where a line begins that was never finished.

/// What the end of a log holds.
#[derive(Debug, PartialEq, Eq)]
pub struct Tail<'a> {
    /// Whole lines without their newlines, oldest first.
    pub lines: Vec<&'a [u8]>,
    /// Bytes behind the last newline: a line whose writer was killed.
    pub unfinished: usize,
}

/// Reads the end of a log; `whole` says that `bytes` begins where the log does, so that its first line is one.
pub fn tail(bytes: &[u8], whole: bool) -> Tail<'_> {
    let end = bytes.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
    let (lines, rest) = bytes.split_at(end);
    let begin = match whole {
        true => 0,
        false => lines.iter().position(|b| *b == b'\n').map_or(end, |at| at + 1),
    };
    let lines = lines.get(begin..).unwrap_or_default();
    let lines = lines.split(|b| *b == b'\n').filter(|line| !line.is_empty()).collect();
    Tail { lines, unfinished: rest.len() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_at_both_ends_are_no_lines() {
        let read = |text: &'static str, whole| {
            let Tail { lines, unfinished } = tail(text.as_bytes(), whole);
            (lines.iter().map(|l| str::from_utf8(l).unwrap()).collect::<Vec<_>>(), unfinished)
        };
        assert_eq!(read("", true), (vec![], 0));
        assert_eq!(read("a\nb\n", true), (vec!["a", "b"], 0));
        assert_eq!(read("a\nb\nhal", true), (vec!["a", "b"], 3));
        assert_eq!(read("lf\nb\nhal", false), (vec!["b"], 3));
        assert_eq!(read("hal", false), (vec![], 3));
        assert_eq!(read("\n\na\n", true), (vec!["a"], 0));
    }
}
