use std::collections::BTreeMap;

use super::*;
use crate::model::firewall::Opening;
use crate::plan;
use crate::profile::built_in;

fn request(profile: &str, targets: &[(&str, &str)], options: &[&str]) -> plan::Request {
    let hosts = |list: &str| list.split(',').map(|h| h.parse().unwrap()).collect();
    let _ = profile;
    plan::Request {
        targets: targets.iter().map(|(role, list)| ((*role).into(), hosts(list))).collect(),
        options: options.iter().map(|o| ((*o).to_owned(), true)).collect(),
        ..plan::Request::default()
    }
}

fn asked(profile: &str, request: &plan::Request, around: &Around) -> Request {
    let profile = built_in(profile).unwrap();
    let plan = Plan::new(&profile, request).unwrap();
    from_plan(&plan, &profile, around)
}

fn lines(opened: &[Opening]) -> Vec<String> {
    let line = |o: &Opening| {
        let ports = o.ports.map_or_else(String::new, |p| format!(" {p}"));
        let rules: Vec<String> =
            o.reasons.iter().map(|r| r.rule.as_ref().map_or("-".into(), ToString::to_string)).collect();
        format!("{} {}{ports}: {}", o.host, o.protocol.as_str(), rules.join(" "))
    };
    opened.iter().map(line).collect()
}

#[test]
fn every_row_of_an_agent_is_asked_for_and_no_other() {
    let request = request("agent", &[("rtc", "rtc.example"), ("acd", "192.0.2.20")], &[]);
    let around = Around { resolvers: vec!["192.0.2.53:53".parse().unwrap()], ..Around::default() };
    let asked = asked("agent", &request, &around);
    assert_eq!(
        lines(&asked.opened),
        [
            "rtc.example TCP 80: rtc.http",
            "rtc.example TCP 443: rtc.https",
            "rtc.example TCP 8989: rtc.gateway",
            "rtc.example TCP 8089: rtc.api",
            "rtc.example UDP 19099-20099: rtc.media",
            "192.0.2.20 TCP 80: acd.http",
            "192.0.2.20 TCP 443: acd.https",
            "192.0.2.20 TCP 8089: acd.websocket",
            "192.0.2.20 UDP 10000-20000: acd.media",
        ]
    );
    assert!(asked.notes.iter().any(|n| n.contains("192.0.2.53") && n.contains("--resolvers")), "{:?}", asked.notes);
    assert_eq!(
        asked.opened[0].reasons[0].why,
        "HTTP redirect to HTTPS to rtc (RTC server: web pages, video gateway and its media)"
    );
}

#[test]
fn services_on_one_port_of_one_host_are_one_opening_with_every_reason() {
    let request = request("dlegate", &[("dlegate", "192.0.2.5")], &[]);
    let around = Around {
        resolvers: vec!["127.0.0.53:53".parse().unwrap(), "192.0.2.53:53".parse().unwrap()],
        ..Around::default()
    };
    let asked = asked("dlegate", &request, &around);
    assert_eq!(
        lines(&asked.opened),
        [
            "192.0.2.5 TCP 443: dlegate.https dlegate.wss dlegate.fallback",
            "192.0.2.5 UDP 3478: dlegate.stun",
            "192.0.2.5 UDP 49152-65535: dlegate.media",
            "192.0.2.53 UDP 53: dlegate.names",
            "192.0.2.53 TCP 53: dlegate.names",
        ]
    );
}

#[test]
fn options_vantages_and_moved_ports_are_those_of_the_main_job() {
    let mut request = request(
        "valt",
        &[
            ("application", "192.0.2.1"),
            ("media", "192.0.2.2"),
            ("camera", "192.0.2.7,192.0.2.8"),
            ("cloud", "192.0.2.9"),
        ],
        &["cloud"],
    );
    request.targets.remove(&RoleName::from("media"));
    request.from = vec!["media-server".to_owned()];
    request.ports = BTreeMap::from([("camera.rtsp".into(), PortRange::single(8554).unwrap())]);
    request.skip = vec!["updates".to_owned(), "ssh".to_owned()];
    let lines = lines(&asked("valt", &request, &Around::default()).opened);
    assert!(lines.contains(&"192.0.2.7 TCP 8554: camera.rtsp".to_owned()), "{lines:?}");
    assert!(lines.contains(&"192.0.2.8 TCP 8554: camera.rtsp".to_owned()), "{lines:?}");
    assert!(lines.contains(&"192.0.2.9 GRE: cloud.gre".to_owned()), "{lines:?}");
    assert!(lines.contains(&"192.0.2.9 UDP 4500: cloud.ike-nat".to_owned()), "{lines:?}");
    assert!(!lines.iter().any(|l| l.contains(" 22:") || l.contains("ubuntu")), "{lines:?}");
}

#[test]
fn relays_and_stun_servers_of_the_operator_are_asked_for_too() {
    let mut request = request("user", &[("rtc", "192.0.2.10")], &[]);
    request.stun = vec![("stun.example".parse().unwrap(), 3478)];
    request.turn = vec!["turns:192.0.2.30:443".parse().unwrap(), "turn:192.0.2.30:3478".parse().unwrap()];
    let around = Around { stun: request.stun.clone(), ..Around::default() };
    let lines = lines(&asked("user", &request, &around).opened);
    assert_eq!(&lines[5..], ["stun.example UDP 3478: -", "192.0.2.30 TCP 443: -", "192.0.2.30 UDP 3478: -"]);
    request.skip = vec!["nat".to_owned(), "turn".to_owned()];
    assert_eq!(self::lines(&asked("user", &request, &around).opened).len(), 5);
}

#[test]
fn the_way_to_resolvers_is_asked_for_on_request() {
    let request = request("user", &[("rtc", "rtc.example")], &[]);
    let around = Around { resolvers: vec!["[2001:db8::53]:53".parse().unwrap()], look_ups: true, ..Around::default() };
    let asked = asked("user", &request, &around);
    assert_eq!(&lines(&asked.opened)[5..], ["2001:db8::53 UDP 53: -", "2001:db8::53 TCP 53: -"]);
    assert!(!asked.notes.iter().any(|n| n.contains("--resolvers")), "{:?}", asked.notes);
}
