//! What is drawn of one machine.

use super::*;
use crate::model::Redacted;
use crate::model::doctor::{Environment, Program};

fn doctor() -> Doctor {
    let line = |id: &str, title: &str, status, change: Option<&str>| Line {
        id: id.to_owned(),
        title: title.to_owned(),
        status,
        found: "what was found there, in words that are long enough to be wrapped at the edge of the terminal"
            .to_owned(),
        meaning: "what it means".to_owned(),
        change: change.map(str::to_owned),
    };
    let interface = |name: &str, kind, addresses: &[&str]| Interface {
        interface: name.to_owned(),
        kind,
        through: if name == "br0" { vec!["eth0".to_owned()] } else { Vec::new() },
        state: "up".to_owned(),
        mtu: Some(1500),
        addresses: addresses.iter().map(|a| (*a).to_owned()).collect(),
    };
    Doctor {
        schema: crate::model::doctor::DOCTOR_SCHEMA.to_owned(),
        tool: Program { name: "rtc-check".to_owned(), version: "0.1.0".to_owned(), features: vec!["media".to_owned()] },
        taken: "2026-11-21T08:30:00Z".to_owned(),
        lines: vec![
            line("raw-sockets", "raw sockets", Standing::Missing, Some("run it as root")),
            line("timestamps", "kernel timestamps", Standing::Ok, None),
            line("own-firewall", "own\u{1b}[2J firewall", Standing::Limited, None),
        ],
        environment: Environment {
            interfaces: vec![
                interface("br0", LinkKind::Wired, &["192.0.2.2/24", "2001:db8::2/64"]),
                interface("wg\u{1b}0", LinkKind::Tunnel, &[]),
            ],
            not_told: vec!["/etc/os-release cannot be read: Permission denied".to_owned()],
            ..Environment::default()
        },
        redacted: Vec::new(),
    }
}

#[test]
fn the_table_says_what_was_found_what_it_means_and_what_to_change() {
    insta::assert_snapshot!(render(&doctor(), Format::Table, &Style::default()));
}

#[test]
fn nothing_grows_wider_than_the_terminal_or_commands_it() {
    for width in [40, 60, 120] {
        let text = render(&doctor(), Format::Table, &Style { width, colour: false, unicode: true });
        assert!(text.lines().all(|l| super::super::text::width(l) <= width), "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
    }
    let redacted = Doctor { redacted: vec![Redacted::Names], ..doctor() };
    assert!(render(&redacted, Format::Table, &Style::default()).contains("Redacted: names"));
}

#[test]
fn the_document_reads_back() {
    let text = render(&doctor(), Format::Json, &Style::default());
    assert_eq!(serde_json::from_str::<Doctor>(&text).unwrap(), doctor());
}
