//! What sizes, ICMP and hanging TLS say together.

use serde_json::json;

use super::*;
use crate::model::path::TooBig;
use crate::model::{Need, Transport};
use crate::plan::{Plan, Request};

/// A check at 198.51.100.10.
pub fn check(probe: ProbeKind, id: &str) -> Check {
    let text = json!({
        "id": format!("{id}/198.51.100.10"), "probe": probe, "role": "rtc", "target": "198.51.100.10",
        "address": "198.51.100.10", "need": Need::Required, "status": Status::Fail, "reason": "", "observed": {}, "limits": [],
        "started_ms": 0, "duration_ms": 0, "transport": Transport::Udp,
    });
    serde_json::from_value(text).unwrap()
}

/// A plan of nothing.
pub fn plan() -> Plan {
    let request = Request {
        targets: [("rtc".into(), vec![crate::model::Host::Address("198.51.100.10".parse().unwrap())])].into(),
        ..Request::default()
    };
    let profile = crate::profile::built_in("user").unwrap();
    Plan::new(&profile, &request).unwrap()
}

use SizeFate::{Local, Passed, Silent, TooBig as Big, Untried};

fn path(answerer: MtuAnswerer, fates: [(SizeFate, SizeFate); 5]) -> (Check, Mtu) {
    let sizes = [1200, 1280, 1372, 1400, 1472].into_iter().zip(fates);
    let sizes = sizes.map(|(bytes, (up, down))| MtuSize { bytes, packet: bytes + 28, up, down }).collect();
    let mtu = Mtu { answerer, port: 19_599, control: true, sizes, too_big: None };
    let mut check = check(ProbeKind::Path, "path.rtc");
    check.status = Status::Unknown;
    check.observed.set(&metric::LOCAL, "192.0.2.2");
    check.observed.set(&metric::MTU, &mtu);
    (check, mtu)
}

fn found(checks: &[Check]) -> Vec<(String, Status)> {
    find(&plan(), checks).into_iter().map(|f| (f.id, f.status)).collect()
}

const PASSED: (SizeFate, SizeFate) = (Passed, Passed);

#[test]
fn a_clean_way_has_nothing_to_say() {
    assert!(found(&[path(MtuAnswerer::Responder, [PASSED; 5]).0]).is_empty());
    assert!(found(&[path(MtuAnswerer::Stun, [(Passed, Untried); 5]).0]).is_empty());
}

#[test]
fn silence_of_large_ones_is_a_black_hole_with_its_directions_and_numbers() {
    let hole = [PASSED, (Silent, Untried), (Silent, Untried), (Silent, Untried), (Silent, Untried)];
    let (check, _) = path(MtuAnswerer::Responder, hole);
    let found = find(&plan(), &[check]).remove(0);
    assert_eq!((found.id.as_str(), found.status, found.who), ("path.mtu", Status::Warn, Some(Who::Firewall)));
    assert!(found.detail.contains("Packets of 1308 bytes and more are dropped towards the target (198.51.100.10)"));
    assert_eq!(found.ask.len(), 2);
    assert!(
        found.ask[0].contains("ICMP type 3 code 4")
            && found.ask[1].contains("to 1228 (the largest that was seen to pass), and clamp the MSS of TCP to 1188")
    );
    assert!(found.evidence[0].contains("none of 3 in packets of 1308 bytes"), "{:?}", found.evidence);
    let (check, _) = path(MtuAnswerer::Responder, [(Passed, Silent); 5]);
    let found = find(&plan(), &[check]).remove(0);
    assert_eq!(found.status, Status::Fail, "media do not pass");
    assert!(found.detail.contains("from the target"));
}

#[test]
fn a_strange_server_that_takes_no_large_request_is_not_blamed_on_the_way_unless_tls_hangs_too() {
    let hole = [(Passed, Untried), (Silent, Untried), (Silent, Untried), (Silent, Untried), (Silent, Untried)];
    let (way, _) = path(MtuAnswerer::Stun, hole);
    assert!(found(std::slice::from_ref(&way)).is_empty());
    let mut tls = check(ProbeKind::Ws, "rtc.gateway");
    tls.observed.set(&metric::FAILURE, Failure::new(Step::Tls, FailureKind::TimedOut, "no answer"));
    let both = find(&plan(), &[way.clone(), tls]).remove(0);
    assert_eq!((both.status, both.checks.len()), (Status::Fail, 2));
}

#[test]
fn a_hole_in_the_middle_is_none() {
    let odd = [PASSED, (Silent, Untried), PASSED, PASSED, PASSED];
    assert!(found(&[path(MtuAnswerer::Responder, odd).0]).is_empty());
}

#[test]
fn what_routers_refuse_aloud_is_a_note_unless_media_are_refused() {
    let with = |fates, mtu: u32| {
        let (mut check, mut seen) = path(MtuAnswerer::Responder, fates);
        seen.too_big = Some(TooBig { from: Some("192.0.2.1".parse().unwrap()), mtu: Some(mtu) });
        check.observed.set(&metric::MTU, seen);
        check
    };
    let big = (Big, Untried);
    assert_eq!(found(&[with([PASSED, PASSED, big, big, big], 1320)]), [("path.mtu-small".to_owned(), Status::Pass)]);
    assert_eq!(found(&[with([big; 5], 1000)]), [("path.mtu".to_owned(), Status::Warn)]);
    let local = (Local, Untried);
    let (check, _) = path(MtuAnswerer::Responder, [PASSED, PASSED, PASSED, local, local]);
    assert_eq!(found(&[check]), [("path.mtu-small".to_owned(), Status::Pass)]);
}

#[test]
fn a_tunnel_is_a_note() {
    let (mut check, _) = path(MtuAnswerer::Responder, [PASSED; 5]);
    let link = |kind| Link { interface: "wg0".to_owned(), kind, through: Vec::new(), driver: None };
    check.observed.set(&metric::WAY_OUT, link(LinkKind::Wired));
    assert!(found(std::slice::from_ref(&check)).is_empty());
    check.observed.set(&metric::WAY_OUT, link(LinkKind::Tunnel));
    assert_eq!(found(&[check]), [("path.tunnel".to_owned(), Status::Pass)]);
}
