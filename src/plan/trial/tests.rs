use super::*;
use crate::plan::{Day, Plan, Waiver};

fn host(text: &str) -> Host {
    text.parse().unwrap()
}

/// A request with these hosts, by role.
fn asked(targets: &[(&str, &str)]) -> Request {
    let hosts = |(role, text): &(&str, &str)| (RoleName::from(*role), vec![host(text)]);
    Request { targets: targets.iter().map(hosts).collect(), ..Request::default() }
}

fn user() -> Request {
    asked(&[("rtc", "192.0.2.1")])
}

fn plan(profile: &str, request: &Request) -> Plan {
    Plan::new(&crate::profile::built_in(profile).unwrap(), request).unwrap()
}

fn error(profile: &str, request: &Request) -> String {
    Plan::new(&crate::profile::built_in(profile).unwrap(), request).unwrap_err().to_string()
}

fn ids(plan: &Plan) -> Vec<String> {
    plan.trials.iter().map(|t| t.check_id(None)).collect()
}

fn only(words: &[&str], request: Request) -> Request {
    Request { only: words.iter().map(|w| (*w).to_owned()).collect(), ..request }
}

fn skip(words: &[&str], request: Request) -> Request {
    Request { skip: words.iter().map(|w| (*w).to_owned()).collect(), ..request }
}

#[test]
fn every_profile_has_the_trials_of_its_rules() {
    let of = |profile: &str, targets: &[(&str, &str)]| ids(&plan(profile, &asked(targets)));
    assert_eq!(
        of("user", &[("rtc", "192.0.2.1")]),
        ["nat.rtc/192.0.2.1", "ice.rtc/192.0.2.1", "call.rtc/192.0.2.1", "path.rtc/192.0.2.1"]
    );
    assert_eq!(
        of("agent", &[("rtc", "192.0.2.1"), ("acd", "192.0.2.2"), ("ice", "192.0.2.3")]),
        [
            "nat.ice/192.0.2.3",
            "ice.rtc/192.0.2.1",
            "ice.acd/192.0.2.2",
            "call.rtc/192.0.2.1",
            "path.rtc/192.0.2.1",
            "path.ice/192.0.2.3",
            "path.acd/192.0.2.2"
        ],
        "a relay has no page to ask for an agent"
    );
    let rtc_server = of("rtc-server", &[("rtc", "192.0.2.1")]);
    assert_eq!(rtc_server, ["nat.rtc/192.0.2.1", "ice.rtc/192.0.2.1", "call.rtc/192.0.2.1", "path.rtc/192.0.2.1"]);
    let dlegate = of("dlegate", &[("dlegate", "d.example")]);
    assert_eq!(dlegate, ["nat.dlegate/d.example", "ice.dlegate/d.example", "path.dlegate/d.example"]);
    let acd = of("acd", &[("acd", "192.0.2.2")]);
    assert_eq!(
        acd,
        ["nat.acd/192.0.2.2", "ice.acd/192.0.2.2", "path.acd/192.0.2.2"],
        "what speaks SIP is no Janus Gateway"
    );
}

#[test]
fn nat_asks_the_operators_servers_first_and_media_ports_last() {
    let mut request = asked(&[("rtc", "192.0.2.1"), ("ice", "192.0.2.3")]);
    request.stun = vec![(host("stun.example"), 3478), (host("stun.example"), 3478)];
    request.turn = ["turn:relay.example", "turn:relay.example?transport=tcp"].map(|t| t.parse().unwrap()).to_vec();
    let TrialKind::Nat { servers } = &plan("user", &request).trials[0].kind else { panic!("no NAT") };
    let told: Vec<String> = servers.iter().map(|(host, port)| format!("{host} {port}")).collect();
    let want = ["stun.example 3478", "relay.example 3478", "192.0.2.3 80", "192.0.2.1 19599", "192.0.2.3 19599"];
    assert_eq!(told, want);
    let dlegate = plan("dlegate", &asked(&[("dlegate", "192.0.2.4")]));
    let TrialKind::Nat { servers } = &dlegate.trials[0].kind else { panic!("no NAT") };
    assert_eq!(servers[0], (host("192.0.2.4"), 3478), "STUN comes before the media range");
}

#[test]
fn a_relay_that_is_named_is_an_alternative_in_the_group_of_media() {
    let mut request = user();
    request.turn = ["turns:a.example:443", "turn:a.example", "turns:a.example:443?transport=tcp"]
        .map(|t| t.parse().unwrap())
        .to_vec();
    let of = |profile: &str, request: &Request| {
        let relays = plan(profile, request).trials.into_iter().filter(|t| matches!(t.kind, TrialKind::Turn(_)));
        relays.collect::<Vec<_>>()
    };
    let relays = of("user", &request);
    let ids: Vec<String> = relays.iter().map(|t| t.check_id(Some("192.0.2.9".parse().unwrap()))).collect();
    assert_eq!(ids, ["turn.tls-443/a.example/192.0.2.9", "turn.udp-3478/a.example/192.0.2.9"], "each once");
    assert!(relays.iter().all(|t| t.need == Need::Alternative && t.group.as_deref() == Some("media")));
    assert!(of("rtc-server", &request).iter().all(|t| t.group.is_none()), "a profile without that group");
}

#[test]
fn the_first_server_names_nat_in_its_family_and_the_address_in_the_other() {
    let trial = plan("user", &user()).trials.remove(0);
    assert_eq!(trial.check_id(Some("192.0.2.1".parse().unwrap())), "nat.rtc/192.0.2.1");
    assert_eq!(trial.check_id(Some("2001:db8::1".parse().unwrap())), "nat.rtc/2001:db8::1");
}

#[test]
fn words_select_trials_and_rules_alone_try_nothing() {
    let words = |request: &Request| plan("user", request).trials.iter().map(Trial::word).collect::<Vec<_>>();
    assert_eq!(words(&only(&["quality"], user())), [""; 0]);
    assert_eq!(words(&only(&["rtc.https"], user())), [""; 0]);
    assert_eq!(words(&only(&["rtp"], user())), [""; 0]);
    assert_eq!(words(&only(&["ice"], user())), ["ice"]);
    assert_eq!(words(&only(&["call", "nat.rtc"], user())), ["nat", "call"]);
    assert_eq!(words(&only(&["rtc"], user())), ["nat", "ice", "call", "path"]);
    assert_eq!(words(&only(&["path"], user())), ["path"]);
    assert_eq!(words(&skip(&["nat"], user())), ["ice", "call", "path"]);
    assert_eq!(words(&skip(&["ice.rtc", "call", "path"], user())), ["nat"]);
    assert_eq!(
        words(&skip(&["rtc.gateway", "rtc.api"], user())),
        ["nat", "ice", "path"],
        "no way to the gateway is left"
    );
    assert_eq!(
        words(&skip(&["rtp"], user())),
        ["ice", "call", "path"],
        "nobody is asked about NAT on ports that are left out"
    );
    let never = Request { call: CallMode::Never, ..user() };
    assert_eq!(words(&never), ["nat", "ice", "path"]);
    let relay = Request { turn: vec!["turn:a.example".parse().unwrap()], ..user() };
    assert_eq!(words(&only(&["turn"], relay.clone())), ["turn"]);
    assert_eq!(words(&only(&["turn.udp-3478"], relay)), ["turn"]);
}

#[test]
fn what_nothing_here_can_answer_is_a_usage_error() {
    let no_host = only(&["ice"], Request::default());
    assert!(error("user", &no_host).contains("--target rtc=HOST"));
    assert!(error("user", &only(&["nat"], Request::default())).contains("--stun HOST"));
    assert!(error("acd", &only(&["turn"], asked(&[("acd", "192.0.2.2")]))).contains("--turn URI"));
    let call = Request { call: CallMode::Always, ..asked(&[("dlegate", "d.example")]) };
    assert!(error("dlegate", &call).contains("no rule here leads to a Janus Gateway"));
    assert!(
        error("user", &only(&["call.acd"], user())).contains("nat, turn, ice, call, control, resolver, portal, path")
    );
    let stun = Request { stun: vec![(host("stun.example"), 3478)], ..only(&["nat"], Request::default()) };
    assert_eq!(ids(&plan("user", &stun)), ["nat.stun/stun.example"], "a STUN server alone is enough");
}

#[test]
fn a_kind_and_a_check_can_be_waived_by_their_words() {
    let waiver = |rule: &str| Waiver {
        rule: rule.into(),
        reason: "later".to_owned(),
        until: Day::new(2999, 1, 1).unwrap(),
        file: "c.toml".to_owned(),
    };
    let request =
        Request { waivers: vec![waiver("call"), waiver("ice.rtc")], allow_unknown: vec!["nat".into()], ..user() };
    let told: Vec<(bool, bool)> =
        plan("user", &request).trials.iter().map(|t| (t.waived.is_some(), t.allow_unknown)).collect();
    assert_eq!(told, [(false, true), (true, false), (true, false), (false, false)]);
}

#[test]
fn the_way_to_a_host_is_looked_at_once_at_ports_that_may_answer() {
    let both = plan("agent", &asked(&[("rtc", "192.0.2.1"), ("acd", "192.0.2.1"), ("ice", "192.0.2.3")]));
    let paths: Vec<(String, Vec<u16>)> = both
        .trials
        .iter()
        .filter_map(|t| match &t.kind {
            TrialKind::Path { ports } => Some((t.name(), ports.clone())),
            _ => None,
        })
        .collect();
    assert_eq!(paths.len(), 2, "two roles on one host have one way: {paths:?}");
    assert!(paths.iter().all(|(_, ports)| !ports.is_empty() && ports.len() <= 3), "{paths:?}");
    let without = plan("user", &skip(&["rtp"], user()));
    let asked = without.trials.iter().find_map(|t| match &t.kind {
        TrialKind::Path { ports } => Some(ports.clone()),
        _ => None,
    });
    assert_eq!(asked, Some(Vec::new()), "no port that is skipped is asked");
}

#[test]
fn resolvers_are_asked_only_where_a_name_is_to_be_looked_up_and_each_once() {
    let servers = |texts: &[&str]| texts.iter().map(|t| t.parse().unwrap()).collect::<Vec<std::net::SocketAddr>>();
    let resolvers = servers(&["192.0.2.53:53", "[fe80::1]:53", "127.0.0.53:53"]);
    let with = |target: &str| Request {
        resolvers: resolvers.clone(),
        dns: servers(&["192.0.2.53:53", "192.0.2.53:5353"]),
        ..asked(&[("rtc", target)])
    };
    let of = |request: &Request| ids(&plan("user", request)).into_iter().filter(|id| id.starts_with("dns.")).collect();
    let none: Vec<String> = of(&with("192.0.2.1"));
    assert!(none.is_empty() && of(&with("localhost")).is_empty());
    let all: Vec<String> = of(&with("rtc.example"));
    assert_eq!(all, ["dns.resolver/192.0.2.53", "dns.resolver/127.0.0.53", "dns.resolver/192.0.2.53:5353"]);
    assert!(of(&skip(&["resolver"], with("rtc.example"))).is_empty());
    let portals =
        ["http://ok.example/=", "http://ok.example/b=x", "http://ok.example:81/="].map(|p| p.parse().unwrap());
    let request = Request { portals: portals.to_vec(), ..user() };
    let pages: Vec<String> = ids(&plan("user", &request)).into_iter().filter(|id| id.starts_with("portal.")).collect();
    assert_eq!(pages, ["portal.80/ok.example", "portal.81/ok.example"]);
}
