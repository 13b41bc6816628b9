//! A request as comma-separated values (RFC 4180), a row a flow and host. A spreadsheet takes no cell for a formula.

use crate::model::firewall::{Opening, Reason, Request, need};
use crate::report::text::clean;

const COLUMNS: [&str; 13] = [
    "destination",
    "addresses",
    "protocol",
    "ports",
    "service",
    "role",
    "need",
    "group",
    "why",
    "rule",
    "document",
    "section",
    "row",
];

/// Between the values of several reasons in one cell, in the same order in each column.
const BETWEEN: &str = "; ";

/// Draws it; there is no place for notes.
pub(super) fn draw(request: &Request) -> String {
    let head = COLUMNS.join(",") + "\r\n";
    request.opened.iter().fold(head, |out, opening| out + &row(opening))
}

fn row(opening: &Opening) -> String {
    let addresses: Vec<String> = opening.addresses.iter().map(ToString::to_string).collect();
    let each = |of: fn(&Reason) -> Option<&str>| {
        let all: Vec<&str> = opening.reasons.iter().map(|r| of(r).unwrap_or_default()).collect();
        match all.iter().all(|value| Some(value) == all.first()) {
            true => all.first().copied().unwrap_or_default().to_owned(),
            false => all.join(BETWEEN),
        }
    };
    let cells = [
        opening.host.to_string(),
        addresses.join(" "),
        opening.protocol.as_str().to_ascii_lowercase(),
        opening.ports.map_or_else(String::new, |p| p.to_string()),
        each(|r| Some(&r.service)),
        each(|r| Some(r.role.as_str())),
        need(&opening.reasons).to_string(),
        each(|r| r.group.as_deref()),
        each(|r| Some(&r.why)),
        each(|r| r.rule.as_ref().map(|rule| rule.as_str())),
        each(|r| r.source.as_ref().map(|s| s.document.as_str())),
        each(|r| r.source.as_ref().map(|s| s.section.as_str())),
        each(|r| r.source.as_ref().map(|s| s.row.as_str())),
    ];
    cells.map(|text| cell(&text)).join(",") + "\r\n"
}

/// One line without control characters, quoted where it must be, and behind an apostrophe where a spreadsheet would
/// compute it.
pub(in crate::report) fn cell(text: &str) -> String {
    let mut text = clean(text, true);
    if text.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']) {
        text.insert(0, '\'');
    }
    match text.contains([',', '"', '\'', ';']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn cells_are_quoted_and_no_formulas() {
        for (text, want) in [
            ("plain", "plain"),
            ("a,b", "\"a,b\""),
            ("say \"a\"", "\"say \"\"a\"\"\""),
            ("=cmd|' /C calc'!A0", "\"'=cmd|' /C calc'!A0\""),
            ("-1", "\"'-1\""),
            ("\t@SUM(A1)\r\n", "\"'@SUM(A1)\""),
        ] {
            assert_eq!(cell(text), want);
        }
    }

    proptest! {
        /// What a spreadsheet reads from the cell is looked at, not its quoting: `"=1` is text.
        #[test]
        fn a_cell_stays_one_cell_on_one_line(text in any::<String>()) {
            let cell = cell(&text);
            prop_assert!(!cell.contains(['\r', '\n']));
            let value = match cell.strip_prefix('"').and_then(|c| c.strip_suffix('"')) {
                Some(quoted) => {
                    prop_assert!(!quoted.replace("\"\"", "").contains('"'), "{}", cell);
                    quoted.replace("\"\"", "\"")
                }
                None => {
                    prop_assert!(!cell.contains([',', '"']), "{}", cell);
                    cell.clone()
                }
            };
            prop_assert!(!value.starts_with(['=', '+', '-', '@', '\t']), "{}", cell);
        }
    }
}
