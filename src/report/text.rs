//! Text from the network made fit for a terminal, and its width there. Knows no report.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Longer texts are cut here: a sentence or a document's row is far shorter, and only a peer's words can be longer.
const LONGEST: usize = 1000;

/// `text` on one line, without anything that a terminal would obey: control characters (escape sequences begin with
/// one), direction overrides and other characters that have no width are replaced or dropped, white space is folded,
/// and what is longer than 1,000 characters is cut. With `unicode` false the rest becomes ASCII too.
pub fn clean(text: &str, unicode: bool) -> String {
    let mut out = String::with_capacity(text.len().min(LONGEST));
    for (n, c) in text.split_whitespace().flat_map(|w| w.chars().chain([' '])).enumerate() {
        if n == LONGEST {
            out.push_str(if unicode { "…" } else { "..." });
            break;
        }
        push(&mut out, c, unicode);
    }
    out.truncate(out.trim_end().len());
    out
}

fn push(out: &mut String, c: char, unicode: bool) {
    match c {
        ' '..='~' => out.push(c),
        _ if c.is_control() => out.push(if unicode { '\u{fffd}' } else { '?' }),
        _ if c.width().unwrap_or(0) == 0 => {}
        _ if unicode => out.push(c),
        _ => out.push_str(ascii(c)),
    }
}

/// The nearest ASCII of what documents and this program write; `?` for the rest.
fn ascii(c: char) -> &'static str {
    match c {
        '…' => "...",
        '‐' | '‑' | '‒' | '–' | '—' | '−' => "-",
        '‘' | '’' => "'",
        '“' | '”' | '«' | '»' => "\"",
        '·' | '•' => "*",
        '→' => "->",
        '≤' => "<=",
        '≥' => ">=",
        '×' => "x",
        'µ' | 'μ' => "u",
        '✓' => "+",
        '✗' => "X",
        // The icons of VALT's rows, by the legend of its document.
        '🔓' => "[SSL disabled]",
        '🔒' => "[SSL enabled]",
        '🔧' => "[administration]",
        _ => "?",
    }
}

/// Columns that `text` takes.
pub(super) fn width(text: &str) -> usize {
    text.width()
}

/// Cuts `word` into pieces of at most `room` columns, preferably after a separator, as long identifiers have them.
pub(super) fn pieces(word: &str, room: usize) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = word;
    while width(rest) > room {
        let (piece, tail) = rest.split_at(cut(rest, room));
        pieces.push(piece);
        rest = tail;
    }
    if pieces.is_empty() || !rest.is_empty() {
        pieces.push(rest);
    }
    pieces
}

/// The byte at which to cut `text` so that what is before it fits `room`; at least one character.
fn cut(text: &str, room: usize) -> usize {
    let (mut used, mut end, mut after_separator) = (0, 0, 0);
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used > room && end > 0 {
            break;
        }
        end += c.len_utf8();
        if matches!(c, '/' | ',' | ';' | '-' | '_' | '&' | '?') {
            after_separator = end;
        }
    }
    if after_separator > end / 2 { after_separator } else { end }
}

/// JSON in which every character that a terminal could obey is written as its `\u` escape. Such characters occur only inside
/// strings, and serde_json has already escaped those below space, so this changes no value.
pub(super) fn escape_controls(json: String) -> String {
    use std::fmt::Write;
    let obeyed = |c: char| {
        ('\u{7f}'..='\u{9f}').contains(&c)
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !json.contains(obeyed) {
        return json;
    }
    json.chars().fold(String::with_capacity(json.len() + 16), |mut out, c| {
        if obeyed(c) {
            let _ = write!(out, "\\u{:04x}", u32::from(c));
        } else {
            out.push(c);
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_banner_cannot_command_the_terminal() {
        assert_eq!(
            clean("SSH-2.0\x1b]0;owned\x07\x1b[2J\u{9b}31m\r\nx", true),
            "SSH-2.0\u{fffd}]0;owned\u{fffd}\u{fffd}[2J\u{fffd}31m x"
        );
        assert_eq!(clean("a\x1b[31mb", false), "a?[31mb");
        assert_eq!(clean("ab\u{202e}cd\u{200b}\u{fe0f}", true), "abcd");
    }

    #[test]
    fn ascii_keeps_the_meaning_of_the_documents_signs() {
        assert_eq!(clean("19099 … 20099 – ≤ 300 ms", false), "19099 ... 20099 - <= 300 ms");
        assert_eq!(clean("日本", false), "??");
        assert_eq!(clean("🔓 TCP 80, 🔧 TCP 22", false), "[SSL disabled] TCP 80, [administration] TCP 22");
    }

    #[test]
    fn a_long_word_breaks_after_a_separator_near_the_edge() {
        assert_eq!(pieces("rtc.media/rtc.example.com", 12), ["rtc.media/", "rtc.example.", "com"]);
        assert_eq!(pieces("日本語", 3), ["日", "本", "語"]);
        assert_eq!(pieces("日", 1), ["日"]);
    }

    proptest! {
        #[test]
        fn clean_text_has_no_control_character_and_is_bounded(text in any::<String>(), unicode in any::<bool>()) {
            let clean = clean(&text, unicode);
            prop_assert!(!clean.contains(char::is_control));
            prop_assert!(unicode || clean.is_ascii());
            prop_assert!(clean.chars().count() <= LONGEST * 16 + 3);
        }

        #[test]
        fn pieces_fit_and_lose_nothing(word in "[a-z/é日]{0,60}", room in 2usize..20) {
            let pieces = pieces(&word, room);
            prop_assert_eq!(pieces.concat(), word.as_str());
            prop_assert!(pieces.iter().all(|p| width(p) <= room));
        }

        #[test]
        fn escaping_changes_no_value(text in any::<String>()) {
            let json = serde_json::to_string(&text).unwrap();
            let escaped = escape_controls(json);
            prop_assert_eq!(serde_json::from_str::<String>(&escaped).unwrap(), text);
            prop_assert!(!escaped.contains(char::is_control));
        }
    }
}
