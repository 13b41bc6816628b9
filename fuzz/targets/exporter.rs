//! Any text as a scrape's query, a list of hosts, a web configuration and an `Authorization` header: each is read or told in
//! a sentence that can be printed, and no host that is not on the list gets past it.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use rtc_check::exporter::{AllowList, Entry, Web, basic, patience, query};

fn printable(sentence: &str) {
    assert!(!sentence.is_empty() && !sentence.chars().any(char::is_control), "{sentence:?}");
}

fuzz_target!(|text: &str| {
    let allowed = AllowList::new(["*.allowed.example", "192.0.2.0/24"].map(|e| e.parse().expect("an entry")).to_vec());
    match query::parse(text) {
        Ok(query) => match query.bound(&[("rtc", true), ("export-s3", false)]) {
            Ok(bound) => {
                for (_, host) in bound.into_iter().filter(|(_, host)| allowed.refusal(host).is_none()) {
                    let host = host.bare();
                    assert!(host.ends_with(".allowed.example") || host.starts_with("192.0.2."), "{host}");
                }
            }
            Err(sentence) => printable(&sentence),
        },
        Err(sentence) => printable(&sentence),
    }
    if let Ok(entry) = text.parse::<Entry>() {
        assert_eq!(entry.to_string().parse::<Entry>().as_ref(), Ok(&entry));
    }
    if let Err(sentence) = Web::read(text, Path::new("/nonexistent")) {
        printable(&sentence);
    }
    if let Ok(budget) = patience::budget(Some(text), None) {
        assert!(!budget.is_zero() && budget <= patience::LONGEST);
    }
    let _ = basic::credentials(text);
});
