//! Lines that never grow wider than the terminal: words in tones are wrapped, broken where one is longer than a line,
//! and coloured only when the style says so. Knows no report.

use std::borrow::Cow;

use super::Style;
use super::text::{clean, pieces, width};

/// How a word stands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    Strong,
    Faint,
    Good,
    Caution,
    Unsure,
    Bad,
}

impl Tone {
    /// Parameters of the ANSI sequence Select Graphic Rendition (ECMA-48), empty for none.
    fn sgr(self) -> &'static str {
        match self {
            Tone::Plain => "",
            Tone::Strong => "1",
            Tone::Faint => "2",
            Tone::Good => "32",
            Tone::Caution => "33",
            Tone::Unsure => "35",
            Tone::Bad => "1;31",
        }
    }
}

/// Text in a tone; its words are wrapped like those of any other.
pub(super) struct Span<'a>(pub Tone, pub Cow<'a, str>);

/// A span of `text`.
pub(super) fn span<'a>(tone: Tone, text: impl Into<Cow<'a, str>>) -> Span<'a> {
    Span(tone, text.into())
}

/// Where lines gather.
pub(super) struct Page {
    style: Style,
    out: String,
}

impl Page {
    pub(super) fn new(style: &Style) -> Self {
        Self { style: Style { width: style.width.max(20), ..*style }, out: String::new() }
    }

    pub(super) fn style(&self) -> &Style {
        &self.style
    }

    /// One of two texts, as the place of output can show it.
    pub(super) fn pick(&self, unicode: &'static str, ascii: &'static str) -> &'static str {
        if self.style.unicode { unicode } else { ascii }
    }

    pub(super) fn blank(&mut self) {
        self.out.push('\n');
    }

    /// A line that is already laid out and fits, its first word in a tone.
    pub(super) fn ready_line(&mut self, indent: usize, tone: Tone, first: &str, rest: &str) {
        let mut line = Line::new(indent);
        if !first.is_empty() {
            line.push(tone, first, self.style.colour);
            line.leave_tone();
        }
        line.text.push_str(rest);
        self.end_line(&mut line, 0);
    }

    /// One paragraph: its first line indented by `indent`, the others by `hang` columns.
    pub(super) fn flow(&mut self, indent: usize, hang: usize, spans: &[Span<'_>]) {
        let mut line = Line::new(indent);
        for Span(tone, text) in spans {
            for word in clean(text, self.style.unicode).split_whitespace() {
                if !line.takes(word, self.style.width) && line.has_words && hang + width(word) <= self.style.width {
                    self.end_line(&mut line, hang);
                }
                self.put(&mut line, hang, *tone, word);
            }
        }
        self.end_line(&mut line, hang);
    }

    /// Puts a word on the line, in pieces over several lines where it is longer than one.
    fn put(&mut self, line: &mut Line, hang: usize, tone: Tone, word: &str) {
        if line.takes(word, self.style.width) {
            return line.push(tone, word, self.style.colour);
        }
        if line.has_words {
            self.end_line(line, hang);
        }
        let room = self.style.width.saturating_sub(line.used.max(hang)).max(2);
        for (n, piece) in pieces(word, room).into_iter().enumerate() {
            if n > 0 {
                self.end_line(line, hang);
            }
            line.push(tone, piece, self.style.colour);
        }
    }

    fn end_line(&mut self, line: &mut Line, hang: usize) {
        let done = std::mem::replace(line, Line::new(hang));
        self.out.push_str(done.finish().trim_end());
        self.out.push('\n');
    }

    pub(super) fn finish(self) -> String {
        self.out
    }
}

/// The line in the making.
struct Line {
    text: String,
    used: usize,
    tone: Tone,
    has_words: bool,
}

impl Line {
    fn new(indent: usize) -> Self {
        Self { text: " ".repeat(indent), used: indent, tone: Tone::Plain, has_words: false }
    }

    fn takes(&self, word: &str, columns: usize) -> bool {
        self.used + usize::from(self.has_words) + width(word) <= columns
    }

    fn push(&mut self, tone: Tone, word: &str, colour: bool) {
        if tone != self.tone && colour {
            self.leave_tone();
        }
        if self.has_words {
            self.text.push(' ');
            self.used += 1;
        }
        if tone != self.tone && colour {
            self.text.push_str(&format!("\x1b[{}m", tone.sgr()));
            self.tone = tone;
        }
        self.text.push_str(word);
        self.used += width(word);
        self.has_words = true;
    }

    fn leave_tone(&mut self) {
        if self.tone != Tone::Plain {
            self.text.push_str("\x1b[0m");
            self.tone = Tone::Plain;
        }
    }

    fn finish(mut self) -> String {
        self.leave_tone();
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(width: usize, colour: bool) -> Page {
        Page::new(&Style { width, colour, unicode: true })
    }

    #[test]
    fn words_wrap_at_the_edge_and_hang() {
        let mut page = page(20, false);
        page.flow(0, 2, &[span(Tone::Bad, "FAIL"), span(Tone::Plain, "allow UDP 19099-20099 outbound")]);
        assert_eq!(page.finish(), "FAIL allow UDP\n  19099-20099\n  outbound\n");
    }

    #[test]
    fn a_word_longer_than_a_line_is_broken_and_nothing_is_lost() {
        let mut page = page(20, false);
        let word = "2001:0db8:85a3:0000:0000:8a2e:0370:7334";
        page.flow(1, 4, &[span(Tone::Plain, "at"), span(Tone::Plain, word)]);
        let out = page.finish();
        assert!(out.lines().all(|l| width(l) <= 20), "{out}");
        assert_eq!(out.split_whitespace().collect::<String>(), format!("at{word}"));
    }

    #[test]
    fn a_tone_ends_with_its_line() {
        let mut page = page(20, true);
        page.flow(0, 0, &[span(Tone::Bad, "FAIL over there at last")]);
        assert_eq!(page.finish(), "\x1b[1;31mFAIL over there at\x1b[0m\n\x1b[1;31mlast\x1b[0m\n");
    }
}
