//! A stranger's text in Markdown: nothing in it becomes markup, a link, a mention, a reference or an emoji, in CommonMark,
//! and in what GitHub and GitLab make of text beyond it. They look for those in rendered text too, where a backslash has
//! gone; only code is safe from that, so a word that could be one stands as code.

use crate::report::text::clean;

/// Longer texts are cut, so that a table of many rows stays below what a page may have.
const LONGEST: usize = 600;

/// One line of running text.
pub(super) fn text(words: &str) -> String {
    flow(words, false)
}

/// The same in a table, where a bar ends the cell even in code.
pub(super) fn cell(words: &str) -> String {
    flow(words, true)
}

fn flow(words: &str, in_table: bool) -> String {
    let words = clean(words, true);
    let cut = words.char_indices().nth(LONGEST).and_then(|(end, _)| words.get(..end));
    let mut out = String::with_capacity(words.len() + 16);
    for (n, word) in cut.unwrap_or(&words).split(' ').enumerate() {
        if n > 0 {
            out.push(' ');
        }
        match is_obeyed(word) {
            true => {
                let (before, core, after) = parts(word);
                let core = code(&if in_table { core.replace('|', "¦") } else { core.to_owned() });
                out.extend([before, &core, after]);
            }
            false => escape(&mut out, word, n == 0),
        }
    }
    if cut.is_some() {
        out.push('…');
    }
    out
}

/// A word without the sentence's own signs around it: a bracket that opens before it, and `.,;:)` after it. What closes a
/// bracket within it stays, as does the end of `2001:db8::`.
fn parts(word: &str) -> (&str, &str, &str) {
    let rest = word.trim_start_matches('(');
    let is_closed = |core: &str| core.matches(')').count() > core.matches('(').count();
    let mut core = rest;
    while let Some(last) = core.chars().next_back() {
        let is_sign = match last {
            '.' | ',' | ';' => true,
            ':' => !core.ends_with("::") || core.ends_with(":::"),
            ')' => is_closed(core),
            _ => false,
        };
        if !is_sign {
            break;
        }
        core = core.get(..core.len() - 1).unwrap_or_default();
    }
    match core.is_empty() {
        true => ("", word, ""),
        false => {
            (word.get(..word.len() - rest.len()).unwrap_or_default(), core, rest.get(core.len()..).unwrap_or_default())
        }
    }
}

/// It could be a link, a mention (`@name`), a reference (`#1`, `!1`, `$1`, `%1`, `&1`, `~label`, `[issue:1]`, `GH-1`, a
/// commit), a formula or an emoji (`:100:`).
fn is_obeyed(word: &str) -> bool {
    let lower = word.to_ascii_lowercase();
    word.contains(['@', '#', '!', '$', '~', '^', '{', '}', '['])
        || word.len() > 1 && word.contains('&')
        || word.trim_end_matches(['%', ',', '.', ';', ')', ':']).contains('%')
        || word.matches(':').count() > 1
        || lower.contains("://")
        || lower.contains("www.")
        || lower.contains("mailto:")
        || lower.contains("xmpp:")
        || lower.contains("gh-")
        || is_commit(&lower)
}

/// Hexadecimal digits as many as a commit's short name has, or more.
fn is_commit(word: &str) -> bool {
    let hex = |part: &str| part.len() >= 7 && part.bytes().all(|b| b.is_ascii_hexdigit());
    word.split(|c: char| !c.is_ascii_alphanumeric()).any(hex)
}

/// Behind a backslash what CommonMark could obey; at the beginning of a line also what begins a list, a heading, or one of
/// GitLab's quick actions (`/close`).
fn escape(out: &mut String, word: &str, first: bool) {
    let marker =
        first && (word.starts_with(['-', '+', '=', '/']) || word.trim_end_matches(['.', ')']).parse::<u64>().is_ok());
    for (n, c) in word.chars().enumerate() {
        let begins = marker && (n == 0 && !c.is_ascii_digit() || matches!(c, '.' | ')'));
        if begins || matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '&') {
            out.push('\\');
        }
        out.push(c);
    }
}

/// A code span whose own backticks do not end it.
pub(super) fn code(words: &str) -> String {
    let words = clean(words, true);
    let ticks = "`".repeat(longest_run(&words) + 1);
    match words.starts_with('`') || words.ends_with('`') {
        _ if words.is_empty() => String::new(),
        true => format!("{ticks} {words} {ticks}"),
        false => format!("{ticks}{words}{ticks}"),
    }
}

/// A block of code of clean lines, which none of them ends.
pub(super) fn fence(lines: &[String]) -> String {
    let ticks = "`".repeat(lines.iter().map(|line| longest_run(line)).max().unwrap_or(0).max(2) + 1);
    format!("{ticks}text\n{}\n{ticks}", lines.join("\n"))
}

fn longest_run(words: &str) -> usize {
    words.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_a_reader_could_obey_stands_as_code() {
        for (words, want) in [
            ("plain words, 1.5 % (95%)", "plain words, 1.5 % (95%)"),
            ("ask @root about #12 and x%1", "ask `@root` about `#12` and `x%1`"),
            ("see https://evil.example/a_b.", "see `https://evil.example/a_b`."),
            ("www.example.com", "`www.example.com`"),
            ("2001:db8:100::1 a:b", "`2001:db8:100::1` a:b"),
            ("RTC | UDP <b>x</b> *c* _d_", "RTC \\| UDP \\<b\\>x\\</b\\> \\*c\\* \\_d\\_"),
            ("[a](b) a&b & c", "`[a](b)` `a&b` \\& c"),
            ("at https://127.0.0.1/.", "at `https://127.0.0.1/`."),
            ("(TCP 127.0.0.1:1:38525): no", "(TCP `127.0.0.1:1:38525`): no"),
            ("([2001:db8::1]:443), [::1]:", "(`[2001:db8::1]:443`), `[::1]`:"),
            ("2001:db8::, ::: https://a.example/b_(c); :::", "`2001:db8::`, `::`: `https://a.example/b_(c)`; `::`:"),
            ("/close", "\\/close"),
            ("- list", "\\- list"),
            ("1. list", "1\\. list"),
            ("in deadbeef or feedfacecafe, 2026-11-21", "in `deadbeef` or `feedfacecafe`, 2026-11-21"),
        ] {
            assert_eq!(text(words), want);
        }
        assert_eq!(text("a`@`b"), "``a`@`b``");
        assert_eq!(cell("@a|b"), "`@a¦b`");
        assert_eq!(fence(&["```".to_owned()]), "````text\n```\n````");
    }

    proptest! {
        #[test]
        fn a_cell_is_one_cell_on_one_line(words in any::<String>()) {
            let cell = cell(&words);
            prop_assert!(!cell.contains(char::is_control));
            let bare = |(n, c): (usize, char)| c == '|' && !cell[..n].ends_with('\\');
            prop_assert!(!cell.char_indices().any(bare), "{}", cell);
        }
    }
}
