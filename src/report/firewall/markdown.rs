//! A request for a ticket: a table in Markdown as GitHub, GitLab and Jira's importers read it.

use super::comment::{place, service_ports};
use crate::model::firewall::{Group, Reason, Request, need};
use crate::report::text::clean;

/// Draws it.
pub(super) fn draw(request: &Request) -> String {
    let mut out = format!("## Firewall request: {}\n\n", text(&request.title));
    request.about.iter().for_each(|line| out += &format!("- {}\n", text(line)));
    if !request.about.is_empty() {
        out.push('\n');
    }
    match request.opened.is_empty() {
        true => out += "Nothing to ask for.\n",
        false => {
            out += "Please allow outbound:\n\n| Destination | Protocol and port | Why | Need | Document and row |\n\
                    | --- | --- | --- | --- | --- |\n";
            request.groups().iter().for_each(|group| out += &row(group));
        }
    }
    if !request.notes.is_empty() {
        out.push('\n');
        request.notes.iter().for_each(|note| out += &format!("- {}\n", text(note)));
    }
    out
}

fn row(group: &Group<'_>) -> String {
    let hosts = group.openings.iter().map(|opening| match place(opening) {
        (host, addresses) if addresses.is_empty() => text(&host),
        (host, addresses) => format!("{} ({})", text(&host), addresses.join(", ")),
    });
    let hosts: Vec<String> = hosts.collect();
    let each = |of: fn(&Reason) -> String| {
        let mut all: Vec<String> = Vec::new();
        for line in group.reasons.iter().map(of).filter(|line| !line.is_empty()) {
            if !all.contains(&line) {
                all.push(line);
            }
        }
        all.join("<br>")
    };
    let needs = match group.reasons {
        [_] => need(group.reasons).to_string(),
        _ => each(|r| r.need.to_string()),
    };
    let source = |r: &Reason| {
        let row = |s: &crate::model::Source| format!("{}, {}: {}", text(&s.document), text(&s.section), text(&s.row));
        r.source.as_ref().map_or_else(String::new, row)
    };
    format!(
        "| {} | {} | {} | {needs} | {} |\n",
        hosts.join("<br>"),
        service_ports(group.protocol, group.ports),
        each(why),
        each(source)
    )
}

fn why(reason: &Reason) -> String {
    let rule = reason.rule.as_ref().map_or_else(String::new, |r| format!(" ({})", text(r.as_str())));
    let group = reason.group.as_ref().map_or_else(String::new, |g| format!(", group {}", text(g)));
    format!("{}{rule}{group}", text(&reason.why))
}

/// One line in which nothing is a sign of Markdown or HTML.
fn text(words: &str) -> String {
    let mut out = String::new();
    for c in clean(words, true).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '|' | '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '~' | '!' | '@' => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_cell_has_no_sign_of_its_own(words in any::<String>()) {
            let cell = text(&words);
            prop_assert!(!cell.contains(['\n', '\r', '<', '>']));
            let bare = |(n, c): (usize, char)| c == '|' && !cell[..n].ends_with('\\');
            prop_assert!(!cell.char_indices().any(bare), "{}", cell);
        }
    }
}
