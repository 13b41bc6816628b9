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
