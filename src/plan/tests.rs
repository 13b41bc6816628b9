use super::*;

fn profile() -> Profile {
    let source = r#"source = { document = "D", section = "S", row = "R" }"#;
    let text = format!(
        r#"
name = "p"
title = "P"
vantages = ["client", "admin"]
[options]
ssl = true
[roles.web]
description = "the web server"
[roles.media]
description = "the media server"
[roles.ice]
description = "a relay"
optional = true
[roles.licence]
description = "licence servers"
hosts = ["one.example", "two.example"]
[https."web.https"]
from = ["client"]
to = "web"
port = 443
need = "required"
when = {{ ssl = true }}
{source}
[http."web.http"]
from = ["client"]
to = "web"
port = 80
need = "required"
when = {{ ssl = false }}
{source}
[rtp."media.rtp"]
from = ["client"]
to = "media"
ports = "19099-20099"
need = "required"
{source}
[ssh."web.ssh"]
from = ["admin"]
to = "web"
port = 22
need = "optional"
{source}
[stun."ice.stun"]
from = ["client"]
to = "ice"
port = 3478
need = "optional"
{source}
[http."licence.http"]
from = ["client"]
to = "licence"
port = 80
hosts = ["two.example"]
need = "required"
{source}
"#
    );
    crate::profile::load("p.toml", &text).unwrap()
}

fn request() -> Request {
    let host = |h: &str| vec![h.parse().unwrap()];
    Request {
        targets: [("web".into(), host("192.0.2.1")), ("media".into(), host("m.example"))].into_iter().collect(),
        today: "2026-11-21".parse().ok(),
        ..Request::default()
    }
}

fn errors(request: &Request) -> String {
    Plan::new(&profile(), request).unwrap_err().to_string()
}

fn ids(plan: &Plan) -> Vec<String> {
    plan.items.iter().filter(|i| i.is_selected()).map(|i| i.check_id(None)).collect()
}

#[test]
fn vantage_options_and_hosts_decide_what_is_tested() {
    let plan = Plan::new(&profile(), &request()).unwrap();
    assert_eq!(ids(&plan), ["web.https/192.0.2.1", "media.rtp/m.example", "licence.http/two.example"]);
    let both = Request { from: vec!["client".into(), "admin".into()], ..request() };
    assert!(ids(&Plan::new(&profile(), &both).unwrap()).contains(&"web.ssh/192.0.2.1".to_owned()));
    let plain = Request { options: [("ssl".to_owned(), false)].into_iter().collect(), ..request() };
    assert!(ids(&Plan::new(&profile(), &plain).unwrap()).contains(&"web.http/192.0.2.1".to_owned()));
}

#[test]
fn an_optional_role_is_tested_only_with_a_target_and_a_fixed_host_can_be_replaced() {
    let mut request = request();
    request.targets.insert("ice".into(), vec!["192.0.2.9".parse().unwrap()]);
    request.targets.insert("licence".into(), vec!["192.0.2.10".parse().unwrap()]);
    let plan = Plan::new(&profile(), &request).unwrap();
    assert!(ids(&plan).contains(&"ice.stun/192.0.2.9".to_owned()));
    assert!(ids(&plan).contains(&"licence.http/192.0.2.10".to_owned()));
}

#[test]
fn a_rule_of_some_installations_is_left_out_without_a_host_and_told() {
    let valt = crate::profile::built_in("valt").unwrap();
    let mut request = Request { from: vec!["media-server".into()], ..Request::default() };
    request.targets.insert("camera".into(), vec!["192.0.2.1".parse().unwrap()]);
    let plan = Plan::new(&valt, &request).unwrap();
    let left_out: Vec<_> = plan.not_given.iter().map(|(rule, role)| (rule.as_str(), role.as_str())).collect();
    assert!(left_out.contains(&("media-to-app.ssh", "application")), "{left_out:?}");
    request.targets.insert("application".into(), vec!["192.0.2.2".parse().unwrap()]);
    let plan = Plan::new(&valt, &request).unwrap();
    assert!(plan.not_given.is_empty() && ids(&plan).contains(&"media-to-app.ssh/192.0.2.2".to_owned()));
    request.targets.clear();
    assert!(Plan::new(&valt, &request).unwrap_err().to_string().contains("camera"), "a camera is always asked for");
}

#[test]
fn a_document_that_says_nothing_of_quality_is_measured_only_when_asked() {
    let valt = crate::profile::built_in("valt").unwrap();
    let mut request = Request::default();
    for role in ["application", "media"] {
        request.targets.insert(role.into(), vec!["192.0.2.1".parse().unwrap()]);
    }
    assert!(Plan::new(&valt, &request).unwrap().measures.is_empty());
    let asked = Request { only: vec!["quality".into()], ..request };
    assert_eq!(Plan::new(&valt, &asked).unwrap().measures.len(), 2);
}

#[test]
fn a_missing_role_is_named_with_what_it_is_and_what_to_type() {
    let mut request = request();
    request.targets.remove(&RoleName::from("media"));
    let text = errors(&request);
    assert!(text.contains("media  the media server"), "{text}");
    assert!(text.contains("rtc-check --profile p --target web=192.0.2.1 --target media=HOST"), "{text}");
    // What is not selected needs no host.
    let only = Request { only: vec!["web".into()], ..request };
    assert_eq!(ids(&Plan::new(&profile(), &only).unwrap()), ["web.https/192.0.2.1"]);
}

#[test]
fn unknown_words_are_errors_that_name_the_known_ones() {
    let vantage = Request { from: vec!["moon".into()], ..request() };
    assert!(errors(&vantage).contains("client, admin"));
    let option = Request { options: [("hd".to_owned(), true)].into_iter().collect(), ..request() };
    assert!(errors(&option).contains("ssl"));
    let only = Request { only: vec!["web.htps".into()], ..request() };
    assert!(errors(&only).contains("web.https"));
    let mut role = request();
    role.targets.insert("rtx".into(), vec!["192.0.2.1".parse().unwrap()]);
    assert!(errors(&role).contains("has the roles ice, licence, media, web"));
}

#[test]
fn a_moved_port_must_fit_its_rule() {
    let with = |rule: &str, ports: &str| Request {
        ports: [(RuleId::from(rule), ports.parse().unwrap())].into_iter().collect(),
        ..request()
    };
    let plan = Plan::new(&profile(), &with("web.https", "8443")).unwrap();
    assert_eq!(plan.items[0].rule.ports, PortRange::single(8443));
    let documented = |plan: &Plan| plan.items[0].documented_ports;
    assert_eq!(documented(&plan), PortRange::single(443), "the document's port is not forgotten");
    assert_eq!(documented(&Plan::new(&profile(), &with("web.https", "443")).unwrap()), None, "moved to where it was");
    assert_eq!(documented(&Plan::new(&profile(), &request()).unwrap()), None);
    assert!(errors(&with("web.https", "1-5")).contains("is one port"));
    assert!(errors(&with("nope", "1")).contains("no such rule"));
    assert!(Plan::new(&profile(), &with("media.rtp", "20000")).is_ok());
}

#[test]
fn a_waiver_holds_on_its_last_day_and_is_an_error_on_the_next() {
    let waiver = |until: &str| Waiver {
        rule: "media.rtp".into(),
        reason: "later".into(),
        until: until.parse().unwrap(),
        file: "c.toml".to_owned(),
    };
    let holds = Request { waivers: vec![waiver("2026-11-21")], ..request() };
    assert!(Plan::new(&profile(), &holds).unwrap().items.iter().any(|i| i.waived.is_some()));
    let over = Request { waivers: vec![waiver("2026-11-20")], ..request() };
    assert!(errors(&over).contains("expired on 2026-11-20"));
}

#[test]
fn a_selection_keeps_the_others_as_not_selected() {
    let request = Request { skip: vec!["rtp".into()], ..request() };
    let plan = Plan::new(&profile(), &request).unwrap();
    assert_eq!(plan.items.len(), 3);
    assert_eq!(plan.items[1].not_selected.as_deref(), Some("left out by --skip rtp"));
}

/// The profile with rows of bandwidth, one of them for an option.
fn measured() -> Profile {
    let mut profile = profile();
    let source = || crate::model::Source { document: "D".into(), section: "S".into(), row: "R".into() };
    let row = |name: &str, required: Option<f64>, recommended: Option<f64>, when: &[(&str, bool)]| Bandwidth {
        name: name.to_owned(),
        up_kbps: required,
        down_kbps: required,
        recommended_up_kbps: recommended,
        recommended_down_kbps: recommended,
        when: when.iter().map(|(o, v)| ((*o).to_owned(), *v)).collect(),
        source: source(),
        media: Default::default(),
    };
    profile.bandwidth = vec![
        row("audio", Some(50.0), Some(60.0), &[]),
        row("video", Some(600.0), None, &[]),
        row("same", Some(60.0), None, &[]),
        row("plain", Some(900.0), None, &[("ssl", false)]),
    ];
    profile
}

fn plan_of(only: &[&str], skip: &[&str]) -> Plan {
    let words = |list: &[&str]| list.iter().map(|w| (*w).to_owned()).collect();
    Plan::new(&measured(), &Request { only: words(only), skip: words(skip), ..request() }).unwrap()
}

#[test]
fn roles_with_a_media_range_are_measured_under_the_rates_of_their_rows() {
    let plan = plan_of(&[], &[]);
    let [measure] = plan.measures.as_slice() else { panic!("{:?}", plan.measures) };
    let address = Some("192.0.2.7".parse().unwrap());
    assert_eq!(measure.quality_id(address), "quality.media/m.example/192.0.2.7");
    assert_eq!(measure.bandwidth_id(&measure.rows[0], None), "bandwidth.media.audio/m.example");
    let rates: Vec<f64> = measure.loads.iter().map(|l| l.up_kbps).collect();
    assert_eq!(rates, [600.0, 60.0, 50.0], "the highest first, each once, and only what the options leave");
    assert_eq!(measure.ways, [1]);
    // Without a media range: STUN; without that either: what an operator binds and TCP reaches.
    let mut tcp = measured();
    tcp.rules.retain(|r| r.service != Service::Rtp);
    let mut asked = request();
    asked.targets.remove(&RoleName::from("media"));
    let roles = |profile: &Profile, request: &Request| {
        let plan = Plan::new(profile, request).unwrap();
        plan.measures.iter().map(|m| m.role.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(roles(&tcp, &asked), ["web"], "nobody measures servers that are not the operator's");
    asked.targets.insert("ice".into(), vec!["192.0.2.9".parse().unwrap()]);
    assert_eq!(roles(&tcp, &asked), ["ice"]);
}

#[test]
fn words_select_what_is_measured_and_rules_alone_measure_nothing() {
    let kinds = |only: &[&str], skip: &[&str]| {
        let plan = plan_of(only, skip);
        (plan.measures.first().map(Measure::kinds).unwrap_or_default(), ids(&plan).len())
    };
    assert_eq!(kinds(&[], &[]), (vec!["quality", "bandwidth"], 3));
    assert_eq!(kinds(&[], &["quality"]), (vec!["bandwidth"], 3));
    assert_eq!(kinds(&[], &["quality", "bandwidth"]), (vec![], 3));
    assert_eq!(kinds(&["quality"], &[]), (vec!["quality"], 0));
    assert_eq!(kinds(&["media"], &[]), (vec!["quality", "bandwidth"], 1));
    assert_eq!(kinds(&["media"], &["bandwidth"]), (vec!["quality"], 1));
    assert_eq!(kinds(&["media.rtp"], &[]), (vec![], 1));
    assert_eq!(kinds(&["rtp"], &[]), (vec![], 1));
    assert_eq!(kinds(&[], &["media"]), (vec![], 2));
    assert_eq!(kinds(&[], &["rtp"]), (vec![], 2), "who skips all rules of a role skips the role");
}

#[test]
fn only_quality_needs_the_hosts_that_are_measured() {
    let mut request = Request { only: vec!["quality".into()], ..request() };
    request.targets.remove(&RoleName::from("web"));
    assert!(Plan::new(&profile(), &request).is_ok());
    request.targets.remove(&RoleName::from("media"));
    assert!(errors(&request).contains("--target media=HOST"));
}

#[test]
fn sessions_and_streams_multiply_and_quality_can_be_waived() {
    let measuring = Measuring { sessions: 2, down_streams: 3, ..Measuring::default() };
    let request = Request { measuring, allow_unknown: vec!["bandwidth".into()], ..request() };
    let plan = Plan::new(&measured(), &request).unwrap();
    let measure = &plan.measures[0];
    let load = measure.loads[0];
    assert_eq!((load.total_up_kbps(), load.total_down_kbps()), (1200.0, 3600.0));
    assert!(measure.bandwidth.allow_unknown && !measure.quality.allow_unknown);
    assert!(measure.is_alone(false));
}

fn tuning() -> Tuning {
    Tuning {
        timeout: std::time::Duration::from_secs(5),
        thorough: false,
        hold: None,
        pace: 4000,
        ports: crate::model::PortsMode::Sample(12),
        nat_lifetime: None,
        call_length: std::time::Duration::from_secs(4),
        trace: false,
        budget: None,
    }
}

#[test]
fn a_dry_run_tells_both_numbers_of_each_load_and_what_a_search_may_cost() {
    let measuring = Measuring { capacity: Some(5_000_000), ..Measuring::default() };
    let plan = Plan::new(&measured(), &Request { measuring, ..request() }).unwrap();
    let tuning = tuning();
    let text = describe(&plan, &tuning);
    assert!(text.contains("quality.media, bandwidth.media, capacity.media"), "{text}");
    assert!(text.contains("audio and video of 600 kbit/s each way, 4 to 30 s: at most 110 packets/s"), "{text}");
    assert!(text.contains("at most 5 MB (5000000 bytes)"), "{text}");
    let without = Plan::new(&measured(), &Request { skip: vec!["quality".into(), "bandwidth".into()], ..request() });
    let more = tuning.longest(&plan, 1) - tuning.longest(&without.unwrap(), 1);
    assert!(more >= tuning.longest_measure(&plan.measures[0]), "{more:?}");
}

#[test]
fn what_may_ask_a_stranger_in_other_words_counts_those_connections() {
    let row = |service: &str, more: &str| {
        format!(
            "[{service}.{service}-row]\nto = \"far\"\nport = 1\n{more}\nneed = \"required\"\nsource = {{ document = \"D\", section = \"S\", row = \"R\" }}\n"
        )
    };
    let rows =
        [row("rtmp", ""), row("ws", ""), row("http", ""), row("https", "either = true"), row("ssh", "")].concat();
    let head = "name = \"p\"\ntitle = \"P\"\nvantages = [\"client\"]\n[roles.far]\ndescription = \"F\"\n";
    let profile = crate::profile::load("p.toml", &format!("{head}{rows}")).unwrap();
    let targets = [("far".into(), vec!["192.0.2.1".parse().unwrap()])].into();
    let plan = Plan::new(&profile, &Request { targets, ..Request::default() }).unwrap();
    let connections = |service: &str| {
        let item = plan.items.iter().find(|i| i.rule.service.as_str() == service).unwrap();
        tuning().cost(item).connections
    };
    let services = ["rtmp", "ws", "http", "https", "ssh"];
    assert_eq!(services.map(connections), [5, 3, 6, 12, 1]);
}
