//! The HTML page of a report: what stands in it, that no text of the network breaks out of its place, and what a browser
//! and an accessibility checker make of it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]
#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "tests read the clock and the environment, and say what is missing"
)]

mod page;
#[path = "harness/readers.rs"]
#[allow(dead_code, reason = "each test crate uses its part of the harness")]
mod readers;
mod reports;

use std::process::Command;
use std::time::Instant;

use page::Parsed;
use proptest::prelude::*;
use rtc_check::model::{Report, Status};
use rtc_check::report::{Format, Style, render};

fn html(report: &Report) -> String {
    render(report, Format::Html, &Style::default())
}

/// Every kind of page that a browser is shown.
fn all() -> Vec<(&'static str, Report)> {
    vec![
        ("agent", reports::agent()),
        ("diagnosed", reports::diagnosed()),
        ("measured", reports::measured()),
        ("healthy", reports::healthy()),
        ("unresolved", reports::unresolved()),
        ("fallback", reports::fallback()),
        ("pictured", reports::pictured()),
        ("many_ports", reports::many_ports()),
        ("empty", reports::empty()),
    ]
}

#[test]
fn a_page_without_a_check() {
    let page = html(&reports::empty());
    let (before, rest) = page.split_once("<style>").unwrap();
    let (_, after) = rest.split_once("</style>").unwrap();
    insta::assert_snapshot!("html_empty", format!("{before}<style>…</style>{after}"));
}

#[test]
fn a_page_needs_nothing_else_and_is_whole() {
    for (name, report) in all() {
        let page = html(&report);
        let parsed = Parsed::read(&page).unwrap_or_else(|e| panic!("{name}: {e}"));
        for outside in ["url(", "@import", "http-equiv=\"refresh\"", "<script", "<link", "<img", "javascript:"] {
            assert!(!page.contains(outside), "{name}: {outside}");
        }
        assert!(page.contains("default-src 'none'"), "{name}");
        assert_eq!(parsed.count("h1"), 1, "{name}");
        assert_eq!(parsed.count("main"), 1, "{name}");
        parsed.heads_follow_each_other();
        parsed.ids_are_unique_and_links_lead_somewhere();
        for check in report.checks.iter().filter(|c| c.status != Status::Skip) {
            let words = check.reason.split("; see ").next().unwrap().replace('"', "&quot;");
            assert!(page.contains(words.trim_end_matches('.')), "{name}: {words}");
        }
    }
}

#[test]
fn findings_come_first_with_what_to_do() {
    let page = html(&reports::diagnosed());
    let at = |text: &str| page.find(text).unwrap_or_else(|| panic!("no {text}"));
    assert!(at("id=\"verdict\"") < at("id=\"findings\"") && at("id=\"findings\"") < at("id=\"problems\""));
    assert!(at("1. TCP 8989 is dropped after hop 2") < at("To do"));
    assert!(page.contains("by the administrator of the firewall"));
    assert!(page.contains("<pre class=\"ask\">"));
}

#[test]
fn pictures_are_named_and_told_in_words() {
    let page = html(&reports::pictured());
    let parsed = Parsed::read(&page).unwrap();
    for told in [
        "Between 35 ms and 612 ms within 10 s. 20 lost towards the target. 2 lost from the target.",
        "Of ports 19099-20099: 5 silent.",
        "this machine (192.0.2.77); hop 1: 192.0.2.1; hop 2: 198.51.100.1; TCP 8989 ends here; hop 3: 198.51.100.9",
    ] {
        assert!(page.contains(told), "{told}");
    }
    assert_eq!(page.matches("role=\"img\"").count(), page.matches("<desc id=").count());
    assert!(parsed.count("figure") >= 5, "{}", parsed.count("figure"));
}

#[test]
fn a_redacted_way_is_drawn_with_its_tokens() {
    let mut report = reports::pictured();
    let mut redactor = rtc_check::redact::Redactor::new([rtc_check::model::Redacted::Addresses]);
    report = redactor.report(&report).unwrap();
    let page = html(&report);
    assert!(page.contains("hop 2: documentation4-") && !page.contains("198.51.100.1<"), "tokens in place of addresses");
    assert!(page.contains("TCP 8989 ends here"));
}

#[test]
fn thousands_of_ports_are_few_rectangles_and_thousands_of_checks_take_no_time() {
    let page = html(&reports::many_ports());
    assert!(page.matches("<rect").count() < 20 && page.len() < 60_000, "{} bytes", page.len());
    // Ten times as many checks take about ten times as long, not a hundred times.
    let many = reports::many_checks();
    let mut few = many.clone();
    few.checks.truncate(1100);
    let took = |report: &Report| {
        let times = (0..3).map(|_| {
            let begun = Instant::now();
            assert!(html(report).len() > 1000);
            begun.elapsed()
        });
        times.min().unwrap()
    };
    let (few, many) = (took(&few), took(&many));
    assert!(many < few * 40, "{few:?} for 1,100 and {many:?} for 11,000");
}

#[test]
fn a_browser_and_an_accessibility_checker_find_nothing_wrong() {
    let Some(node) = readers::node("html.mjs") else { return };
    let Some(chromium) = readers::system("chromium") else { return };
    let dir = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("pages");
    std::fs::create_dir_all(&dir).unwrap();
    for (name, report) in all() {
        std::fs::write(dir.join(format!("{name}.html")), html(&report)).unwrap();
    }
    let names: Vec<String> = all().iter().map(|(name, _)| format!("{name}.html")).collect();
    // A browser talks to its maker by itself: it gets a network in which there is nobody.
    let mut alone = Command::new("unshare");
    alone.args(["--user", "--map-root-user", "--net", "sh", "-c", "ip link set lo up; exec \"$@\"", "sh"]);
    alone.arg(node.get_program()).args(node.get_args()).arg(chromium.get_program()).arg(&dir).args(names);
    let done = alone.output().expect("unshare runs");
    let (said, complained) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{said}\n{complained}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn no_text_breaks_out_of_its_place(report in reports::reports()) {
        let page = html(&report);
        let parsed = Parsed::read(&page).map_err(TestCaseError::fail)?;
        parsed.ids_are_unique_and_links_lead_somewhere();
        prop_assert!(!page.contains(|c: char| c.is_control() && c != '\n'));
    }
}
