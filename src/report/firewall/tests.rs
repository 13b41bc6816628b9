use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::model::firewall::{Opening, Protocol, Reason};
use crate::model::{Need, PortRange, Source};

const FORMS: [Form; 7] =
    [Form::Table, Form::Csv, Form::Markdown, Form::Nftables, Form::Iptables, Form::TerraformAws, Form::Windows];

fn reason(service: &str, rule: &str, need: Need, group: Option<&str>) -> Reason {
    let row = format!("RTC | TCP | {service} – \"secure\" & fast");
    Reason {
        rule: Some(rule.into()),
        role: "rtc".into(),
        service: service.to_owned(),
        why: format!("{service} to rtc (RTC server: web pages)"),
        need,
        group: group.map(str::to_owned),
        source: Some(Source { document: "Network, 2020".to_owned(), section: "Firewall Rules".to_owned(), row }),
    }
}

fn opening(host: &str, addresses: &[&str], flow: (Protocol, Option<&str>), reasons: Vec<Reason>) -> Opening {
    let ports = flow.1.map(|p| p.parse::<PortRange>().unwrap());
    let addresses = addresses.iter().map(|a| a.parse().unwrap()).collect();
    Opening { host: host.parse().unwrap(), addresses, protocol: flow.0, ports, reasons }
}

/// A name with both families, two reasons on one port, a range, a tunnel to two hosts, and a name without an address.
fn request() -> Request {
    let both: &[&str] = &["192.0.2.10", "2001:db8::10"];
    let gre = || vec![reason("GRE tunnel", "cloud.gre", Need::Required, None)];
    Request {
        title: "profile agent, from client".to_owned(),
        about: vec!["rtc: rtc.example".to_owned()],
        opened: vec![
            opening(
                "rtc.example",
                both,
                (Protocol::Tcp, Some("443")),
                vec![
                    reason("HTTPS", "rtc.https", Need::Required, None),
                    reason("secure WebSocket", "rtc.wss", Need::Alternative, Some("media")),
                ],
            ),
            opening(
                "rtc.example",
                both,
                (Protocol::Udp, Some("19099-20099")),
                vec![reason("RTP media", "rtc.media", Need::Required, Some("media"))],
            ),
            opening("192.0.2.30", &["192.0.2.30"], (Protocol::Gre, None), gre()),
            opening("192.0.2.31", &["192.0.2.31"], (Protocol::Gre, None), gre()),
            opening(
                "gone.example",
                &[],
                (Protocol::Tcp, Some("80")),
                vec![reason("HTTP", "rtc.http", Need::Optional, None)],
            ),
        ],
        notes: vec!["Addresses of names may change.".to_owned()],
    }
}

fn drawn(request: &Request, form: Form) -> String {
    draw(request, form, Layout::default(), &Style::default())
}

#[test]
fn every_form_of_one_request() {
    let request = request();
    insta::assert_snapshot!("table", drawn(&request, Form::Table));
    insta::assert_snapshot!("csv", drawn(&request, Form::Csv));
    insta::assert_snapshot!("markdown", drawn(&request, Form::Markdown));
    insta::assert_snapshot!("nftables", drawn(&request, Form::Nftables));
    insta::assert_snapshot!("iptables", drawn(&request, Form::Iptables));
    insta::assert_snapshot!("terraform_aws", drawn(&request, Form::TerraformAws));
    insta::assert_snapshot!("windows", drawn(&request, Form::Windows));
}

#[test]
fn rules_alone_drop_nothing_and_a_router_filters_what_it_forwards() {
    let alone = Layout { hook: Hook::Forward, rules_only: true };
    let whole = Layout { hook: Hook::Forward, rules_only: false };
    let style = Style::default();
    let nft = draw(&request(), Form::Nftables, alone, &style);
    assert!(!nft.contains("table inet rtc_check {") && !nft.contains("counter drop"), "{nft}");
    let iptables = draw(&request(), Form::Iptables, alone, &style);
    assert!(!iptables.contains("-j DROP") && iptables.contains("-I FORWARD 1 -j RTC_CHECK"), "{iptables}");
    let nft = draw(&request(), Form::Nftables, whole, &style);
    assert!(nft.contains("hook forward priority 0; policy drop") && !nft.contains("icmpv6"), "{nft}");
    assert!(nft.contains("established,related accept"), "{nft}");
}

#[test]
fn an_empty_request_changes_nothing_where_it_is_loaded() {
    let nothing = Request { title: "x".to_owned(), ..Request::default() };
    let unresolved = Request { opened: vec![request().opened.pop().unwrap()], ..Request::default() };
    for form in [Form::Nftables, Form::Iptables, Form::TerraformAws, Form::Windows] {
        for request in [&nothing, &unresolved] {
            let text = drawn(request, form);
            assert!(text.lines().all(|l| l.starts_with('#')), "{text}");
            assert!(text.contains("changes nothing"), "{text}");
        }
        assert!(drawn(&unresolved, form).contains("gone.example TCP 80"));
    }
    for form in [Form::Table, Form::Markdown] {
        assert!(drawn(&nothing, form).contains("Nothing to ask for."));
    }
}

#[test]
fn names_of_terraforms_resources_are_distinct_identifiers() {
    let text = drawn(&request(), Form::TerraformAws);
    let names: Vec<&str> =
        text.lines().filter(|l| l.starts_with("resource")).filter_map(|l| l.split('"').nth(3)).collect();
    assert_eq!(names.len(), names.iter().collect::<BTreeSet<_>>().len(), "{names:?}");
    let fits = |n: &&str| {
        n.starts_with(|c: char| c.is_ascii_lowercase()) && n.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    assert!(names.iter().all(fits), "{names:?}");
}

/// Any text, and texts that are made to get out of a comment.
fn hostile() -> impl Strategy<Value = String> {
    const MADE: &[&str] = &[
        "\" accept; add rule inet rtc_check output accept comment \"",
        "x\nadd rule inet rtc_check output accept",
        "\\\" -j ACCEPT\n-A RTC_CHECK -j ACCEPT",
        "END\nreboot\n",
        "$(reboot) `reboot` ${jndi} %{ for }",
        "'; Remove-Item C:\\ -Recurse; '",
        "’; Stop-Computer; ‘",
        "*/ } resource \"aws_iam_user\" \"x\" {",
        "=HYPERLINK(\"http://x\")",
        "| --- |\n\n<script>alert(1)</script>",
        "\u{2028}\u{202e}\x1b[2J\r\n",
    ];
    prop_oneof![any::<String>(), proptest::sample::select(MADE).prop_map(str::to_owned), "[\"'$`\\\\;{}#\n a]{0,300}"]
}

/// The same request with every text made of letters, equal texts staying equal.
fn harmless(request: &Request) -> Request {
    let told = |text: &str| format!("t{}", text.bytes().fold(7u64, |n, b| n.wrapping_mul(131).wrapping_add(b.into())));
    let mut request = request.clone();
    request.title = told(&request.title);
    request.about.iter_mut().chain(&mut request.notes).for_each(|t| *t = told(t));
    for reason in request.opened.iter_mut().flat_map(|o| &mut o.reasons) {
        reason.rule = reason.rule.as_ref().map(|r| told(r.as_str()).into());
        reason.role = told(reason.role.as_str()).into();
        [&mut reason.service, &mut reason.why].into_iter().for_each(|t| *t = told(t));
        reason.group = reason.group.as_deref().map(told);
        if let Some(s) = &mut reason.source {
            [&mut s.document, &mut s.section, &mut s.row].into_iter().for_each(|t| *t = told(t));
        }
    }
    request
}

/// What a machine obeys: the lines that are no comments, without what is quoted.
fn skeleton(text: &str, quote: char) -> Vec<String> {
    let code = text.lines().filter(|l| !l.trim_start().starts_with('#'));
    code.map(|l| l.split(quote).step_by(2).collect::<Vec<_>>().join("\"")).collect()
}

fn hostile_request() -> impl Strategy<Value = Request> {
    let reason = (proptest::collection::vec(hostile(), 8), any::<bool>());
    let reason = reason.prop_map(|(texts, known)| {
        let text = |n: usize| texts[n].clone();
        let source = Source { document: text(3), section: text(4), row: text(5) };
        Reason {
            rule: known.then(|| text(0).into()),
            role: text(1).into(),
            service: text(2),
            why: text(6),
            need: Need::Required,
            group: known.then(|| text(7)),
            source: known.then_some(source),
        }
    });
    let reasons = proptest::collection::vec(proptest::collection::vec(reason, 1..3), 4);
    (hostile(), proptest::collection::vec(hostile(), 0..3), reasons).prop_map(|(title, notes, reasons)| {
        let mut request = Request { title, about: notes.clone(), notes, opened: request().opened };
        request.opened.truncate(4);
        request.opened.iter_mut().zip(reasons).for_each(|(o, r)| o.reasons = r);
        request
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_text_of_a_profile_or_report_is_obeyed(request in hostile_request()) {
        let tame = harmless(&request);
        for (form, quote, most) in [
            (Form::Nftables, '"', 127),
            (Form::Iptables, '"', 255),
            (Form::TerraformAws, '"', 255),
            (Form::Windows, '\'', 1000),
        ] {
            let text = drawn(&request, form);
            prop_assert_eq!(skeleton(&text, quote), skeleton(&drawn(&tame, form), quote), "{}", text);
            prop_assert!(text.is_ascii() && !text.contains('\r'), "{}", text);
            let quoted = |l: &str| l.split(quote).skip(1).step_by(2).all(|q| q.len() <= most);
            prop_assert!(text.lines().filter(|l| !l.trim_start().starts_with('#')).all(quoted), "{}", text);
        }
        prop_assert_eq!(drawn(&request, Form::Csv).lines().count(), 5);
        let rows = |text: &str| text.lines().filter(|l| l.starts_with('|')).count();
        prop_assert_eq!(rows(&drawn(&request, Form::Markdown)), rows(&drawn(&tame, Form::Markdown)));
    }

    #[test]
    fn no_form_commands_a_terminal(request in hostile_request(), width in 40usize..120) {
        for form in FORMS {
            let text = draw(&request, form, Layout::default(), &Style { width, colour: false, unicode: true });
            let fits = |l: &str| form != Form::Table || crate::report::text::width(l) <= width;
            prop_assert!(text.lines().all(fits), "wider than {}:\n{}", width, text);
            prop_assert!(!text.contains(|c: char| c.is_control() && !matches!(c, '\n' | '\t' | '\r')), "{}", text);
        }
    }
}
