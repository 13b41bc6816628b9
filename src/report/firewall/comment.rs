//! Comments for files that a machine reads: what a stranger's text may hold there, and what a flow's comment says.

use crate::model::firewall::{Flow, Opening, Protocol, Reason, Request, need};
use crate::model::{Host, PortRange};
use crate::report::text::clean;

/// A comment line of its own is cut here.
const LINE: usize = 400;

/// Hosts named in a flow's comment.
const HOSTS: usize = 3;

/// `text` in signs that mean nothing inside a comment or a quoted string of nft, iptables, a shell, HCL or PowerShell, all
/// of which AWS takes in descriptions too, and in at most `most` bytes.
pub(super) fn plain(text: &str, most: usize) -> String {
    let mut signs = String::new();
    for c in clean(text, false).chars() {
        match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' => signs.push(c),
            ' ' | '.' | '_' | '-' | ':' | '/' | '(' | ')' | ',' | '@' | '+' | '=' => signs.push(c),
            '|' => signs.push('/'),
            '[' | '{' => signs.push('('),
            ']' | '}' => signs.push(')'),
            ';' => signs.push(','),
            '&' => signs.push_str("and"),
            '\'' => {}
            _ => signs.push(' '),
        }
    }
    let mut plain = signs.split_whitespace().collect::<Vec<_>>().join(" ");
    if plain.len() > most {
        plain.truncate(most.saturating_sub(3));
        plain.truncate(plain.trim_end().len());
        plain.push_str("...");
        plain.truncate(most);
    }
    plain
}

/// A line of a file whose comments begin with `#`.
pub(super) fn line(text: &str) -> String {
    format!("# {}\n", plain(text, LINE))
}

/// `HTTPS, secure WebSocket to rtc.example (rtc.https, rtc.gateway), required`, in at most `most` bytes.
pub(super) fn label(flow: &Flow<'_>, most: usize) -> String {
    let mut services: Vec<&str> = Vec::new();
    for reason in &flow.reasons {
        if !services.contains(&reason.service.as_str()) {
            services.push(&reason.service);
        }
    }
    let rules: Vec<&str> = flow.reasons.iter().filter_map(|r| r.rule.as_ref()).map(|r| r.as_str()).collect();
    let rules = if rules.is_empty() { String::new() } else { format!(" ({})", rules.join(", ")) };
    let need = need(flow.reasons.iter().copied());
    plain(&format!("{} to {}{rules}, {need}", services.join(", "), hosts(flow)), most)
}

fn hosts(flow: &Flow<'_>) -> String {
    let named: Vec<String> = flow.hosts.iter().take(HOSTS).map(ToString::to_string).collect();
    match flow.hosts.len().saturating_sub(HOSTS) {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

/// What stands above a flow's rule: each reason, and below it its document's row. Nothing where the flow before has the
/// same.
pub(super) fn reasons(flow: &Flow<'_>, before: Option<&Flow<'_>>, indent: &str) -> String {
    if before.is_some_and(|b| b.reasons == flow.reasons) {
        return String::new();
    }
    flow.reasons
        .iter()
        .flat_map(|r| [Some(why(r)), row(r)])
        .flatten()
        .map(|text| format!("{indent}{}", line(&text)))
        .collect()
}

/// `rtc.https, required: HTTPS to rtc (RTC server: …)`.
pub(super) fn why(reason: &Reason) -> String {
    let group = reason.group.as_ref().map_or_else(String::new, |g| format!(" in group {g}"));
    let rule = reason.rule.as_ref().map_or_else(|| reason.role.to_string(), ToString::to_string);
    format!("{rule}, {}{group}: {}", reason.need, reason.why)
}

fn row(reason: &Reason) -> Option<String> {
    reason.source.as_ref().map(|s| format!("- {}, {}: {}", s.document, s.section, s.row))
}

/// The head of a file whose comments begin with `#`: what it is, then `usage`, then the request's notes.
pub(super) fn head(request: &Request, usage: &[&str]) -> String {
    let mut out = line(&format!("Firewall request of rtc-check: {}", request.title));
    request.about.iter().for_each(|text| out += &line(text));
    out.push_str("#\n");
    // The program's own words stand as they are.
    usage.iter().for_each(|text| out += &(format!("# {text}").trim_end().to_owned() + "\n"));
    if !usage.is_empty() {
        out.push_str("#\n");
    }
    request.notes.iter().for_each(|text| out += &line(text));
    for opening in request.unresolved() {
        out += &line(&format!("NOT OPENED, because the name is not resolved: {}", flow_words(opening)));
    }
    out
}

/// The words of a file in which nothing is opened; it changes nothing where it is loaded.
pub(super) fn nothing(request: &Request) -> String {
    head(request, &["Nothing to ask for: this file changes nothing."])
}

fn flow_words(opening: &Opening) -> String {
    format!("{} {}", opening.host, service_ports(opening.protocol, opening.ports))
}

/// `TCP 443`, `UDP 19099-20099`, `GRE`.
pub(super) fn service_ports(protocol: Protocol, ports: Option<PortRange>) -> String {
    match ports {
        Some(ports) => format!("{} {ports}", protocol.as_str()),
        None => protocol.as_str().to_owned(),
    }
}

/// A host with its addresses, where these are not itself.
pub(super) fn place(opening: &Opening) -> (String, Vec<String>) {
    match &opening.host {
        Host::Address(address) => (address.to_string(), Vec::new()),
        Host::Name(name) => (name.clone(), opening.addresses.iter().map(ToString::to_string).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn documents_rows_stay_readable() {
        assert_eq!(
            plain("RTC | UDP | 19099 … 20099 | RTP Media (Audio & Video) (3)", 200),
            "RTC / UDP / 19099 ... 20099 / RTP Media (Audio and Video) (3)"
        );
        assert_eq!(
            plain("a\"; drop; add rule {x}\n\\$(reboot) `id` 'q' #", 80),
            "a , drop, add rule (x) (reboot) id q"
        );
        assert_eq!(plain("abcdefgh", 6), "abc...");
    }

    proptest! {
        #[test]
        fn nothing_gets_out_of_a_comment(text in any::<String>(), most in 0usize..300) {
            let plain = plain(&text, most);
            prop_assert!(plain.len() <= most);
            prop_assert!(plain.chars().all(|c| c.is_ascii_alphanumeric() || " ._-:/(),@+=".contains(c)), "{}", plain);
        }
    }
}
