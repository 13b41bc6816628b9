//! What holds for the judgement of every kind of rule.

use std::collections::BTreeSet;

use crate::judge::check::judge;
use crate::model::{Host, Observation, Planned, ProbeKind, Seen, Status};
use crate::plan::{Plan, Request};
use crate::profile::Spec;

/// A row of each kind, and what it says beside its target and need.
const ROWS: [(&str, &str); 17] = [
    ("http", "port = 80"),
    ("https", "port = 443\nexpect = \"host\""),
    ("http-redirect", "port = 80"),
    ("ws", "port = 80"),
    ("wss", "port = 443\nsubprotocol = \"sip\""),
    ("stun", "port = 3478"),
    ("rtp", "ports = \"1000-1099\""),
    ("dns", ""),
    ("turn", "port = 3478"),
    ("turns", "port = 5349"),
    ("gre", ""),
    ("ssh", "port = 22"),
    ("rtsp", "port = 554"),
    ("rtmp", "port = 1935"),
    ("sip", "port = 5060"),
    ("ike", "port = 500"),
    ("ftp", "port = 21"),
];

/// A number for each kind: a new one does not compile until it is here, and then wants its row above.
fn number(spec: &Spec) -> u8 {
    match spec {
        Spec::Http(_) => 0,
        Spec::Redirect(_) => 1,
        Spec::Ws(_) => 2,
        Spec::Stun => 3,
        Spec::Range => 4,
        Spec::Ssh => 5,
        Spec::Dns => 6,
        Spec::Turn(_) => 7,
        Spec::Rtsp(_) => 8,
        Spec::Rtmp(_) => 9,
        Spec::Sip(_) => 10,
        Spec::Ike(_) => 11,
        Spec::Gre => 12,
        Spec::Ftp => 13,
    }
}

fn plan() -> Plan {
    let need = "need = \"required\"\nsource = { document = \"D\", section = \"S\", row = \"R\" }";
    let rows = ROWS.map(|(service, more)| format!("[{service}.{service}-row]\nto = \"far\"\n{more}\n{need}\n"));
    let roles = "[roles.far]\ndescription = \"F\"\n";
    let text = format!("name = \"p\"\ntitle = \"P\"\nvantages = [\"client\"]\n{roles}{}", rows.concat());
    let profile = crate::profile::load("p.toml", &text).unwrap_or_else(|e| panic!("{e}"));
    let host: Host = "far.example".parse().unwrap();
    Plan::new(&profile, &Request { targets: [("far".into(), vec![host])].into(), ..Request::default() }).unwrap()
}

#[test]
fn what_was_not_seen_never_passes() {
    let plan = plan();
    let numbers: BTreeSet<u8> = plan.items.iter().map(|item| number(&item.rule.spec)).collect();
    assert_eq!(numbers, (0..14).collect(), "every kind has its row");
    for item in &plan.items {
        // It went through, and noted nothing that shows it.
        let observation = Observation::new(ProbeKind::Tcp);
        let address = Some("192.0.2.1".parse().unwrap());
        let seen = Seen { of: Planned::Item(0), address, observation, started_ms: 0, duration_ms: 0 };
        let judged = judge(item, &seen, false);
        assert_eq!(judged.status, Status::Unknown, "{}: {}", item.rule.id, judged.reason);
    }
}
