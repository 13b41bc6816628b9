//! Many hosts of which the same is to be said: the sentence without its host, the times from the least to the most, and
//! the hosts as a short list. Draws nothing.

use std::net::IpAddr;

use crate::model::{Check, masked};

/// So many hosts are listed one by one; more are told by their count.
pub(super) const LISTED: usize = 4;

/// Hosts of a folded block that are listed at most, runs of addresses counted as one; the JSON report has them all.
const MOST: usize = 16;

/// What stands in a sentence for the host that it is about.
const HOST: &str = "HOST";

/// All of a few; of more the count, the first and the last: `50 hosts, 192.0.2.1 … 192.0.2.50`.
pub(super) fn ends(hosts: &[String]) -> String {
    match hosts {
        [first, .., last] if hosts.len() > LISTED => format!("{} hosts, {first} … {last}", hosts.len()),
        few => few.join(", "),
    }
}

/// Every host, addresses that follow each other as a run (`192.0.2.1-192.0.2.50`).
pub(super) fn all(hosts: &[String]) -> String {
    let mut runs: Vec<(&str, &str, usize)> = Vec::new();
    for host in hosts {
        match runs.last_mut() {
            Some((_, last, count)) if follows(last, host) => (*last, *count) = (host, *count + 1),
            _ => runs.push((host, host, 1)),
        }
    }
    let told = |(first, last, count): &(&str, &str, usize)| match count {
        1 => (*first).to_owned(),
        2 => format!("{first}, {last}"),
        _ => format!("{first}-{last}"),
    };
    let shown: Vec<String> = runs.iter().take(MOST).map(told).collect();
    let more: usize = runs.iter().skip(MOST).map(|(_, _, count)| count).sum();
    let more = if more == 0 { String::new() } else { format!(" and {more} more (the JSON report has them all)") };
    shown.join(", ") + &more
}

fn follows(one: &str, next: &str) -> bool {
    match (one.parse(), next.parse()) {
        (Ok(IpAddr::V4(one)), Ok(IpAddr::V4(next))) => u32::from(one).checked_add(1) == Some(u32::from(next)),
        _ => false,
    }
}

/// The host as a list names it: with its address, unless it is that address itself.
pub(super) fn host(check: &Check) -> String {
    match super::table::other_address(check) {
        Some(address) => format!("{} ({address})", check.target),
        None => check.target.clone(),
    }
}

/// The reason with [`HOST`] in place of the host's name and address.
pub(super) fn without_host(check: &Check) -> String {
    let address = check.address.map(masked::shown).unwrap_or_default();
    let forms = [format!("{} ({address})", check.target), format!("[{address}]"), address, check.target.clone()];
    forms.iter().fold(check.reason.clone(), |text, form| replaced(&text, form))
}

/// Replaces `form` where it is a word of its own, not the beginning of another address or name.
fn replaced(text: &str, form: &str) -> String {
    if form.is_empty() || form == "[]" {
        return text.to_owned();
    }
    let joins = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, after)) = rest.split_once(form) {
        let mut next = after.chars();
        let ends = match (next.next(), next.next()) {
            (Some('.' | ':'), Some(c)) if form.contains(':') => !joins(c),
            (Some('.'), Some(c)) => !joins(c),
            (Some(c), _) => !joins(c),
            (None, _) => true,
        };
        let begins = !before.ends_with(|c: char| joins(c) || matches!(c, '.' | ':'));
        out.push_str(before);
        out.push_str(if begins && ends { HOST } else { form });
        rest = after;
    }
    out + rest
}

/// The text with `#` for the numbers of its times (`ms`, `s`) and days (`d`).
pub(super) fn mask(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let masked = |(n, word): (usize, &&str)| match time(&words, n) {
        Some(_) => "#".to_owned(),
        None => (*word).to_owned(),
    };
    words.iter().enumerate().map(masked).collect::<Vec<_>>().join(" ")
}

/// Texts with the same [`mask`] as one, whose times reach from the least to the most.
pub(super) fn merge(texts: &[String]) -> String {
    let all: Vec<Vec<&str>> = texts.iter().map(|t| t.split_whitespace().collect()).collect();
    let Some(first) = all.first() else { return String::new() };
    let merged = |(n, word): (usize, &&str)| {
        let mut times: Vec<(f64, &str)> = all.iter().filter_map(|words| time(words, n)).collect();
        times.sort_by(|a, b| a.0.total_cmp(&b.0));
        match (times.first(), times.last()) {
            (Some((least, from)), Some((most, to))) if least < most => {
                let opened = if word.starts_with('(') { "(" } else { "" };
                format!("{opened}{from}-{to}")
            }
            _ => (*word).to_owned(),
        }
    };
    first.iter().enumerate().map(merged).collect::<Vec<_>>().join(" ")
}

/// The number at `n`, if a unit of time follows it.
fn time<'a>(words: &[&'a str], n: usize) -> Option<(f64, &'a str)> {
    let unit = words.get(n + 1)?.trim_end_matches([',', '.', ';', ':', ')']);
    let number = words.get(n)?.trim_start_matches('(');
    let value = number.parse().ok().filter(|v: &f64| v.is_finite())?;
    matches!(unit, "ms" | "s" | "d").then_some((value, number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(of: &[&str]) -> Vec<String> {
        of.iter().map(|t| (*t).to_owned()).collect()
    }

    #[test]
    fn many_hosts_are_short() {
        assert_eq!(ends(&texts(&["a", "b", "c", "d"])), "a, b, c, d");
        assert_eq!(ends(&texts(&["a", "b", "c", "d", "e"])), "5 hosts, a … e");
        let mixed =
            texts(&["192.0.2.1", "192.0.2.2", "192.0.2.3", "cam.example (192.0.2.9)", "192.0.3.0", "192.0.3.1"]);
        assert_eq!(all(&mixed), "192.0.2.1-192.0.2.3, cam.example (192.0.2.9), 192.0.3.0, 192.0.3.1");
        let names: Vec<String> = (0..40).map(|n| format!("cam{n}")).collect();
        assert!(all(&names).ends_with("cam15 and 24 more (the JSON report has them all)"));
    }

    #[test]
    fn a_host_is_replaced_where_it_is_a_word() {
        let said = "RTSP at 192.0.2.1: ICMP from 192.0.2.10; allow TCP 554 to 192.0.2.1.";
        assert_eq!(replaced(said, "192.0.2.1"), "RTSP at HOST: ICMP from 192.0.2.10; allow TCP 554 to HOST.");
        assert_eq!(replaced("STAMP to 192.0.2.1:862", "192.0.2.1"), "STAMP to HOST:862");
        assert_eq!(replaced("run `rtc-check serve` at rtc", "rtc"), "run `rtc-check serve` at HOST");
        assert_eq!(replaced("to ::1 and 2001:db8::1 and ::1:2", "::1"), "to HOST and 2001:db8::1 and ::1:2");
    }

    #[test]
    fn times_alone_may_differ() {
        let said = texts(&["answered 200 in 1.2 ms, cert 61 d", "answered 200 in 14 ms, cert 61 d"]);
        assert_eq!(mask(&said[0]), mask(&said[1]));
        assert_eq!(merge(&said), "answered 200 in 1.2-14 ms, cert 61 d");
        assert_ne!(mask("answered 200"), mask("answered 401"));
        assert_eq!(merge(&texts(&["refused (2.4 ms)", "refused (25 ms)"])), "refused (2.4-25 ms)");
    }
}
