//! What is wrong with a profile, told the way a compiler tells it: the place, the line quoted, what was expected. Knows
//! nothing of TOML or of profiles: it is handed a text, spans and sentences.

use std::fmt;

use super::read::{Problem, Span};

/// Characters of a long line that are quoted.
const QUOTED: usize = 100;

/// One error of a file, with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// What is wrong, in one sentence without a stop.
    pub message: String,
    /// The file, as the caller named it.
    pub file: String,
    /// 1-based.
    pub line: usize,
    /// 1-based, in characters.
    pub column: usize,
    /// The line as it stands there, control characters replaced, or the part of a long line around the place.
    pub quoted: String,
    /// Characters of `quoted` before the place.
    pub indent: usize,
    /// Characters that are wrong, at least 1; no further than the end of the line.
    pub length: usize,
    /// What would be right.
    pub expected: Option<String>,
}

/// Every error of a file, in the order of their places; never empty.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
    more: usize,
}

impl Diagnostics {
    /// The errors, in the order of their places.
    pub fn list(&self) -> &[Diagnostic] {
        &self.list
    }

    /// Puts each of `problems` at its line of `text`; `more` counts those that were dropped beyond the bound.
    pub(super) fn locate(file: &str, text: &str, mut problems: Vec<Problem>, more: usize) -> Self {
        problems.sort_by_key(|p| p.at.start);
        let lines = line_starts(text);
        let list = problems.into_iter().map(|p| locate(file, text, &lines, p)).collect();
        Self { list, more }
    }
}

/// Byte offsets at which lines start.
fn line_starts(text: &str) -> Vec<usize> {
    std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect()
}

fn locate(file: &str, text: &str, lines: &[usize], problem: Problem) -> Diagnostic {
    let Problem { at, message, expected } = problem;
    let index = lines.partition_point(|start| *start <= at.start).saturating_sub(1);
    let start = lines.get(index).copied().unwrap_or(0);
    let line = text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or("");
    let before = text.get(start..at.start).map_or(0, |s| s.chars().count());
    let after = marked(line, start, &at);
    let skip = if before + after > QUOTED { before.saturating_sub(QUOTED / 2) } else { 0 };
    Diagnostic {
        message: printable(&message),
        file: printable(file),
        line: index + 1,
        column: before + 1,
        quoted: printable(&line.chars().skip(skip).take(QUOTED).collect::<String>()),
        indent: before - skip,
        length: after.clamp(1, (QUOTED - (before - skip).min(QUOTED)).max(1)),
        expected: expected.map(|e| printable(&e)),
    }
}

/// How many characters of `line`, which starts at byte `start`, lie in `at`.
fn marked(line: &str, start: usize, at: &Span) -> usize {
    let end = at.end.min(start + line.len());
    line.get(at.start.saturating_sub(start)..end.saturating_sub(start)).map_or(0, |s| s.chars().count())
}

/// One line that a terminal can be trusted with: a file's own escape sequences do not reach it.
fn printable(text: &str) -> String {
    let safe = |c: char| match c {
        '\t' => ' ',
        c if c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') =>
        {
            '\u{fffd}'
        }
        c => c,
    };
    text.chars().map(safe).collect()
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.line.to_string();
        let margin = " ".repeat(number.len());
        writeln!(f, "error: {}", self.message)?;
        writeln!(f, "{margin}--> {}:{}:{}", self.file, self.line, self.column)?;
        writeln!(f, "{margin} |")?;
        writeln!(f, "{number} | {}", self.quoted)?;
        write!(f, "{margin} | {}{}", " ".repeat(self.indent), "^".repeat(self.length))?;
        match &self.expected {
            Some(expected) => writeln!(f, " expected {expected}"),
            None => writeln!(f),
        }
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, diagnostic) in self.list.iter().enumerate() {
            if i > 0 {
                writeln!(f)?;
            }
            write!(f, "{diagnostic}")?;
        }
        if self.more > 0 {
            writeln!(f, "\nand {} more errors", self.more)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str, span: Span) -> Diagnostic {
        let problem = Problem { at: span, message: "wrong".to_owned(), expected: Some("right".to_owned()) };
        Diagnostics::locate("my.toml", text, vec![problem], 0).list.remove(0)
    }

    #[test]
    fn a_place_is_a_line_and_a_column_in_characters() {
        let text = "a = 1\nä = \"ü\" # x\n";
        let d = at(text, text.find('"').unwrap()..text.find(" #").unwrap());
        assert_eq!((d.line, d.column, d.length), (2, 5, 3));
        assert_eq!(
            d.to_string(),
            "error: wrong\n --> my.toml:2:5\n  |\n2 | ä = \"ü\" # x\n  |     ^^^ expected right\n"
        );
    }

    #[test]
    fn a_long_line_is_quoted_around_its_place() {
        let text = format!("{}!{}", "x".repeat(5000), "y".repeat(5000));
        let d = at(&text, 5000..9000);
        assert_eq!((d.column, d.quoted.chars().count()), (5001, QUOTED));
        assert_eq!(d.quoted.chars().nth(d.indent), Some('!'));
        assert!(d.indent + d.length <= QUOTED);
    }

    #[test]
    fn the_end_of_a_file_and_of_a_line_are_places() {
        assert_eq!((at("", 0..0).line, at("", 0..0).length), (1, 1));
        let d = at("abc", 3..3);
        assert_eq!((d.line, d.column, d.length), (1, 4, 1));
        let d = at("abc\n", 4..4);
        assert_eq!((d.line, d.column, d.quoted.as_str()), (2, 1, ""));
    }

    #[test]
    fn escape_sequences_do_not_reach_the_terminal() {
        assert!(!at("\u{1b}[31m = 1", 0..3).to_string().contains('\u{1b}'));
    }
}
