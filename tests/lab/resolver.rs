//! Resolvers that lie, are silent, slow or blocked, a captive portal, and a clock that is wrong: what is found, and that
//! nothing is found where all is well.

use crate::emulator::{Emulator, Scenario};
use crate::harness::{Check, Report};
use crate::namespaces::{ACD4, ALT4, Daemon, EMULATED4, ICE4, Lab, Listens, Place, RTC4};
use crate::pki::Pki;
use crate::resolvers::{UNKNOWN, client_asks, dnsmasq, unbound};
use crate::servers::{nginx, written};

const NEEDS: [&str; 3] = ["nginx", "unbound", "dnsmasq"];

const TRUE_NAMES: &str =
    "local-data: \"rtc.example. 300 A 198.51.100.10\"\nlocal-data: \"acd.example. 300 A 198.51.100.20\"";
const TRUE_OPTIONS: [&str; 2] = ["--address=/rtc.example/198.51.100.10", "--address=/acd.example/198.51.100.20"];

/// A resolver that knows both names, and no other.
fn honest(lab: &Lab, address: &'static str) -> Daemon {
    unbound(lab, address, &format!("{UNKNOWN}\n{TRUE_NAMES}"))
}

/// HTTP and HTTPS of two hosts, by name.
fn checked(lab: &Lab, more: &[&str]) -> Report {
    let rule = |service: &str, role: &str, port: u16| {
        format!(
            "[{service}.\"{role}.{service}\"]\nto = \"{role}\"\nport = {port}\nneed = \"required\"\n\
             source = {{ document = \"here\", section = \"none\", row = \"{role} {port}\" }}\n"
        )
    };
    let rules: String = ["rtc", "acd"].map(|r| rule("http", r, 80) + &rule("https", r, 443)).concat();
    let profile = format!(
        "name = \"web\"\ntitle = \"Two web servers\"\nvantages = [\"client\"]\n[documents]\nhere = \"This test\"\n\
         [roles.rtc]\ndescription = \"one\"\n[roles.acd]\ndescription = \"other\"\n{rules}"
    );
    let file = written(lab, "web.toml", &profile);
    let args = ["--profile", &file, "--target", "rtc=rtc.example", "--target", "acd=acd.example", "--ip", "4"];
    let run = lab.check(&[&args, more].concat());
    run.report()
}

/// Ids of findings that are no notes.
fn problems(report: &Report) -> Vec<String> {
    let all = report.0["findings"].as_array().unwrap().iter();
    let mut ids: Vec<String> =
        all.filter(|f| f["status"] != "pass").map(|f| f["id"].as_str().unwrap().to_owned()).collect();
    ids.sort();
    ids
}

/// Checks whose ids begin so.
fn named<'a>(report: &'a Report, id: &str) -> Vec<Check<'a>> {
    report.all().into_iter().filter(|c| c.value["id"].as_str().unwrap().starts_with(id)).collect()
}

/// One finding as text, for words that must be in it.
#[track_caller]
fn finding(report: &Report, id: &str) -> String {
    let mut all = report.0["findings"].as_array().unwrap().iter();
    all.find(|f| f["id"] == id).unwrap_or_else(|| panic!("no {id}: {report}")).to_string()
}

#[test]
fn a_clean_resolver_leaves_nothing_to_find() {
    let Some(lab) = Lab::with(&NEEDS) else { return };
    let _servers = [nginx(&lab), honest(&lab, ICE4), dnsmasq(&lab, ALT4, &TRUE_OPTIONS)];
    client_asks(&lab, &[ICE4, ALT4]);
    let report = checked(
        &lab,
        &["--portal", "http://198.51.100.10/=nothing of this kind", "--skip", "portal", "--pin", "Lab Issuing"],
    );
    assert_eq!((report.verdict(), &report.0["findings"]), ("pass", &serde_json::json!([])), "{report}");
    for (check, server) in named(&report, "dns.resolver/").into_iter().zip([ICE4, ALT4]) {
        let check = check.is("pass").says(&[server, "over UDP"]);
        assert_eq!(check.value["id"], format!("dns.resolver/{server}"));
        assert_eq!(check.seen("resolver")["questions"].as_array().map(Vec::len), Some(6), "{check}");
    }
    assert_eq!(named(&report, "dns.resolver/").len(), 2);
}

#[test]
fn a_resolver_that_answers_for_every_name_is_a_hijacker() {
    let Some(lab) = Lab::with(&NEEDS) else { return };
    let _web = nginx(&lab);
    // Targets are true, everything else leads to a search page; unbound answers for `invalid` by itself.
    let lies = format!("{TRUE_NAMES}\nlocal-zone: \".\" redirect\nlocal-data: \". 60 A 198.51.100.31\"");
    let unbound = unbound(
        &lab,
        ICE4,
        &format!("local-zone: \"rtc.example.\" static\nlocal-zone: \"acd.example.\" static\n{lies}"),
    );
    client_asks(&lab, &[ICE4]);
    let report = checked(&lab, &[]);
    assert_eq!(problems(&report), ["dns.hijack"], "{report}");
    let words = finding(&report, "dns.hijack");
    assert!(words.contains(ICE4) && words.contains(ALT4) && words.contains("NXDOMAIN"), "{words}");
    drop(unbound);
    // Every name, those of the targets too.
    let _dnsmasq = dnsmasq(&lab, ICE4, &["--address=/#/198.51.100.31"]);
    let report = checked(&lab, &[]);
    assert!(problems(&report).contains(&"dns.hijack".to_owned()), "{report}");
    assert!(finding(&report, "dns.hijack").contains("rtc.example resolves to 198.51.100.31 too"), "{report}");
}

#[test]
fn dns_that_is_stopped_over_udp_and_not_over_tcp_is_told() {
    let Some(lab) = Lab::with(&NEEDS) else { return };
    let _servers = [nginx(&lab), honest(&lab, ICE4)];
    client_asks(&lab, &[ICE4]);
    lab.forward("udp dport 53 drop");
    let report = checked(&lab, &[]);
    assert_eq!(problems(&report), ["dns.udp-blocked"], "{report}");
    let words = finding(&report, "dns.udp-blocked");
    assert!(words.contains("allow UDP 53 from 192.0.2.2 to 198.51.100.30, and replies"), "{words}");
    assert!(words.contains("Names did not resolve: acd.example, rtc.example"), "{words}");
}

#[test]
fn a_silent_first_resolver_costs_five_seconds_and_fails_nothing() {
    let Some(lab) = Lab::with(&NEEDS) else { return };
    let _servers = [nginx(&lab), honest(&lab, ICE4)];
    client_asks(&lab, &[ALT4, ICE4]);
    lab.forward("ip daddr 198.51.100.31 drop");
    let report = checked(&lab, &[]);
    assert_eq!((report.verdict(), problems(&report)), ("pass", vec!["dns.unanswered".to_owned()]), "{report}");
    let words = finding(&report, "dns.unanswered");
    assert!(
        words.contains("198.51.100.31 left") && words.contains("number 1 of 2") && words.contains("took 5.0 s"),
        "{words}"
    );
}

#[test]
fn a_slow_resolver_is_told_with_its_time() {
    let Some(lab) = Lab::with(&NEEDS) else { return };
    const SLOW: Scenario = Scenario { name: "slow350", up: "delay=350ms", down: "delay=350ms" };
    let _far = Emulator::between(&lab, SLOW, 1, 60);
    let _servers = [nginx(&lab), honest(&lab, EMULATED4)];
    client_asks(&lab, &[EMULATED4]);
    let report = checked(&lab, &[]);
    assert_eq!((report.verdict(), problems(&report)), ("pass", vec!["dns.slow".to_owned()]), "{report}");
    let words = finding(&report, "dns.slow");
    assert!(words.contains("203.0.113.2 takes 7"), "{words}");
}

#[test]
fn an_inside_answer_is_a_problem_where_nothing_works_there_and_a_note_where_it_does() {
    let Some(lab) = Lab::with(&NEEDS) else { return };
    let inside = ["--address=/rtc.example/10.1.1.10", "--address=/acd.example/198.51.100.20"];
    let _servers = [nginx(&lab), dnsmasq(&lab, ALT4, &inside), honest(&lab, ICE4)];
    client_asks(&lab, &[ALT4, ICE4]);
    let report = checked(&lab, &[]);
    assert!(problems(&report).contains(&"dns.private-answer".to_owned()), "{report}");
    let words = finding(&report, "dns.private-answer");
    assert!(words.contains("198.51.100.31 gives 10.1.1.10 for rtc.example"), "{words}");
    assert!(words.contains("--target rtc=198.51.100.10"), "{words}");
    // The same answers where the inside address leads to the server.
    let rule = "chain p {\ntype nat hook prerouting priority -100; policy accept;\nip daddr 10.1.1.10 dnat to 198.51.100.10\n}";
    lab.table(Place::Router, "ip inside", rule);
    let report = checked(&lab, &[]);
    assert_eq!((report.verdict(), problems(&report)), ("pass", Vec::new()), "{report}");
    let words = finding(&report, "dns.differ");
    assert!(
        words.contains("198.51.100.31 gives 10.1.1.10") && words.contains("198.51.100.30 gives 198.51.100.10"),
        "{words}"
    );
}

/// A log-in page on 80 and 443 of the relay's second address, to which the router leads everything.
fn portal(lab: &Lab) -> Daemon {
    let own = lab.dir().join("portal-pki");
    std::fs::create_dir_all(&own).unwrap();
    let pki = Pki::new(&own, &["login.hotel.test"]);
    let (dir, chain, key) = (lab.dir().display(), pki.chain.display(), pki.key.display());
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|n| format!(" {n}_temp_path {dir}/portal;\n"))
        .concat();
    let text = format!(
        "daemon off; master_process off; user root; pid {dir}/portal.pid; error_log stderr;\n\
         events {{ worker_connections 64; }}\nhttp {{\n access_log off;\n{temporary}\
         server {{ listen {ALT4}:80; location / {{ return 302 http://login.hotel.test/start; }} }}\n\
         server {{ listen {ALT4}:443 ssl; ssl_certificate {chain}; ssl_certificate_key {key};\n\
         location / {{ return 302 http://login.hotel.test/start; }} }}\n}}\n"
    );
    let mut command = lab.command(Place::Server, "nginx");
    command.args(["-e", "stderr", "-c", &written(lab, "portal.conf", &text)]);
    lab.start(command, "portal", &[Listens::Tcp(ALT4, 80), Listens::Tcp(ALT4, 443)])
}

const LED_TO_THE_PORTAL: &str = "chain p {\ntype nat hook prerouting priority -100; policy accept;\n\
    iifname \"cl0\" ip daddr != 198.51.100.30 tcp dport 80 dnat to 198.51.100.31:80\n\
    iifname \"cl0\" ip daddr != 198.51.100.30 tcp dport 443 dnat to 198.51.100.31:443\n}";

#[test]
fn a_captive_portal_is_known_by_a_page_that_is_known_and_by_what_several_hosts_answer() {
    let Some(lab) = Lab::with(&NEEDS) else { return };
    let _servers = [nginx(&lab), honest(&lab, ICE4), portal(&lab)];
    client_asks(&lab, &[ICE4]);
    // nginx says nothing of this kind: the page is tampered with once the portal stands in its place.
    let known = ["--portal", "http://198.51.100.20/=<html>\r\n<head><title>301"];
    lab.table(Place::Router, "ip portal", LED_TO_THE_PORTAL);
    let report = checked(&lab, &known);
    let words = finding(&report, "portal.captive");
    assert!(words.contains("http://login.hotel.test/start") && words.contains("portal.80"), "{words}");
    // Without it: both hosts redirect to one that is neither, and show one certificate that names neither.
    let report = checked(&lab, &[]);
    let words = finding(&report, "portal.captive");
    assert!(
        words.contains("login.hotel.test, which is no host of this run") && words.contains("one certificate"),
        "{words}"
    );
}

/// Two web servers whose clock is 90 minutes behind this machine's.
const BEHIND: &str = "import http.server, sys, threading, time
class Late(http.server.BaseHTTPRequestHandler):
    def date_time_string(self, timestamp=None):
        return super().date_time_string(time.time() - 5400)
    def do_GET(self):
        self.send_response(200)
        self.send_header('Content-Length', '3')
        self.end_headers()
        self.wfile.write(b'ok\\n')
for host in sys.argv[1:]:
    server = http.server.ThreadingHTTPServer((host, 80), Late)
    threading.Thread(target=server.serve_forever).start()
";

#[test]
fn a_clock_that_two_servers_contradict_is_wrong() {
    let Some(lab) = Lab::with(&[&NEEDS[..], &["python3"]].concat()) else { return };
    let _resolver = honest(&lab, ICE4);
    client_asks(&lab, &[ICE4]);
    let mut python = lab.command(Place::Server, "python3");
    python.args(["-c", BEHIND, RTC4, ACD4]);
    let _late = lab.start(python, "late", &[Listens::Tcp(RTC4, 80), Listens::Tcp(ACD4, 80)]);
    let report = checked(&lab, &["--only", "rtc.http,acd.http,portal", "--portal", "http://rtc.example/=ok"]);
    assert_eq!((report.verdict(), problems(&report)), ("pass", vec!["clock.wrong".to_owned()]), "{report}");
    assert!(finding(&report, "clock.wrong").contains("1 h 30 min ahead"), "{report}");
    assert_eq!(named(&report, "portal.80/")[0].status(), "pass");
}
