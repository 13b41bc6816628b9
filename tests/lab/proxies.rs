//! Real proxies, all in the server's namespace on [`ACD4`], which the router lets through: Squid with several policies, Dante
//! and microsocks for SOCKS5, HAProxy before Squid as a middlebox that tires of silence. What they lead to is on [`RTC4`].

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::harness::Run;
use crate::namespaces::{ACD4, Daemon, Lab, Listens, Place, RTC4, finished};
use crate::servers::{janus, nginx, written};

pub const USER: &str = "gate";
pub const PASSWORD: &str = "keeper-of-it";

/// Squid's listeners: whoever comes; a login; CONNECT to 443 alone, as its stock rules have it; nobody.
pub const OPEN: u16 = 3128;
pub const LOGIN: u16 = 3129;
pub const ONLY_443: u16 = 3130;
pub const NOBODY: u16 = 3131;
/// HAProxy before Squid's open listener, which ends what is silent for 2 s.
pub const IMPATIENT: u16 = 3140;
pub const SOCKS: u16 = 1080;

pub fn url(scheme: &str, port: u16) -> String {
    format!("{scheme}://{ACD4}:{port}")
}

/// Squid with a policy a port. `hosts` are names that it knows and nobody else, as lines of a hosts file.
#[track_caller]
pub fn squid(lab: &Lab, hosts: &str) -> Daemon {
    // It gives up root, and its helper for logins reads a file here.
    std::fs::set_permissions(lab.dir(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let hash = finished(Command::new("openssl").args(["passwd", "-apr1", PASSWORD]));
    let users = written(lab, "squid.users", &format!("{USER}:{hash}"));
    let known = written(lab, "squid.hosts", &format!("127.0.0.1 localhost\n{hosts}\n"));
    let ports: String = [(OPEN, "open"), (LOGIN, "login"), (ONLY_443, "only443"), (NOBODY, "nobody")]
        .map(|(port, name)| format!("http_port {ACD4}:{port} name={name}\nacl {name} myportname {name}\n"))
        .concat();
    let file = written(
        lab,
        "squid.conf",
        &format!(
            "{ports}auth_param basic program /usr/lib/squid/basic_ncsa_auth {users}\n\
             auth_param basic realm lab\nauth_param basic children 2 startup=1\n\
             acl known proxy_auth REQUIRED\nacl CONNECT method CONNECT\nacl tls port 443\n\
             http_access deny nobody\nhttp_access deny login !known\n\
             http_access deny only443 CONNECT !tls\nhttp_access allow all\n\
             hosts_file {known}\ndns_nameservers 127.0.0.1\ndns_timeout 1 second\nconnect_timeout 2 seconds\n\
             cache deny all\ncache_mem 8 MB\nmax_filedescriptors 1024\npid_filename none\naccess_log none\n\
             cache_log /dev/null\ncache_store_log none\nnetdb_filename none\npinger_enable off\n\
             shutdown_lifetime 0 seconds\nvisible_hostname proxy.lab\ncoredump_dir none\n"
        ),
    );
    let mut command = lab.command(Place::Server, "squid");
    command.args(["-N", "-d", "1", "-f", &file]);
    lab.start(command, "squid", &[OPEN, LOGIN, ONLY_443, NOBODY].map(|port| Listens::Tcp(ACD4, port)))
}

/// HAProxy before Squid: tunnels that are silent for 2 s are ended.
#[track_caller]
pub fn impatient(lab: &Lab) -> Daemon {
    let file = written(
        lab,
        "haproxy.cfg",
        &format!(
            "global\n  maxconn 200\ndefaults\n  mode tcp\n  timeout connect 2s\n  timeout client 2s\n  timeout server 2s\n\
             \x20 timeout tunnel 2s\nlisten tunnels\n  bind {ACD4}:{IMPATIENT}\n  server squid {ACD4}:{OPEN}\n"
        ),
    );
    let mut command = lab.command(Place::Server, "haproxy");
    command.args(["-db", "-f", &file]);
    lab.start(command, "haproxy", &[Listens::Tcp(ACD4, IMPATIENT)])
}

/// microsocks; with a login where `login` says so.
#[track_caller]
pub fn microsocks(lab: &Lab, login: bool) -> Daemon {
    let mut command = lab.command(Place::Server, "microsocks");
    command.args(["-i", ACD4, "-p", &SOCKS.to_string()]);
    if login {
        command.args(["-u", USER, "-P", PASSWORD]);
    }
    lab.start(command, "microsocks", &[Listens::Tcp(ACD4, SOCKS)])
}

/// Dante, which leads to port 443 alone.
#[track_caller]
pub fn dante(lab: &Lab) -> Daemon {
    let file = written(
        lab,
        "danted.conf",
        &format!(
            "logoutput: stderr\ninternal: {ACD4} port = {SOCKS}\nexternal: {ACD4}\n\
             clientmethod: none\nsocksmethod: none\nuser.privileged: root\nuser.unprivileged: root\n\
             client pass {{ from: 0.0.0.0/0 to: 0.0.0.0/0 }}\n\
             socks pass {{ from: 0.0.0.0/0 to: 0.0.0.0/0 port = 443 }}\nsocks block {{ from: 0.0.0.0/0 to: 0.0.0.0/0 }}\n"
        ),
    );
    let pid = lab.dir().join("danted.pid");
    let mut command = lab.command(Place::Server, "danted");
    command.args(["-f", &file, "-p", pid.to_str().unwrap()]);
    lab.start(command, "danted", &[Listens::Tcp(ACD4, SOCKS)])
}

/// The platform on [`RTC4`], which nothing but a proxy reaches where `closed`.
#[track_caller]
fn platform(lab: &Lab, closed: bool) -> [Daemon; 2] {
    if closed {
        lab.forward(&format!("ip daddr {RTC4} tcp dport 1-65535 drop"));
    }
    [nginx(lab), janus(lab)]
}

/// The TCP rules of profile `user` on `target`.
#[track_caller]
fn asked(lab: &Lab, environment: &[(&str, &str)], target: &str, more: &[&str]) -> Run {
    let target = format!("rtc={target}");
    let skip = "rtp,quality,bandwidth,nat,ice,call";
    lab.check_with(environment, &[&["--profile", "user", "--target", &target, "--skip", skip], more].concat())
}

/// The ids of the findings on proxies, `proxy.no-udp` apart.
fn findings(run: &Run) -> Vec<String> {
    let report = run.report();
    let all = report.0["findings"].as_array().cloned().unwrap_or_default();
    let ids = all.iter().map(|f| f["id"].as_str().unwrap_or_default().to_owned());
    ids.filter(|id| id.starts_with("proxy.") && id != "proxy.no-udp").collect()
}

const TCP: [&str; 4] = ["tcp 80", "tcp 443", "tcp 8989", "tcp 8089"];

#[test]
fn where_the_direct_way_is_closed_the_proxy_decides() {
    let Some(lab) = Lab::with(&["nginx", "janus", "squid"]) else { return };
    let (_servers, _proxy) = (platform(&lab, true), squid(&lab, ""));
    let run = asked(&lab, &[], RTC4, &["--proxy", &url("http", OPEN)]);
    let report = run.report();
    for row in TCP {
        let check =
            report.at(RTC4, row).is("pass").says(&["through the proxy http://198.51.100.20:3128", "direct way fails"]);
        assert_eq!(check.seen("direct")["status"], "failed", "{check}");
        assert_eq!(check.seen("proxy")["status"], "ok", "{check}");
    }
    assert_eq!(findings(&run), ["proxy.only-way"], "{report}");
}

#[test]
fn what_is_open_both_ways_has_nothing_to_be_told() {
    let Some(lab) = Lab::with(&["nginx", "janus", "squid"]) else { return };
    let (_servers, _proxy) = (platform(&lab, false), squid(&lab, ""));
    let environment =
        [("HTTPS_PROXY", "http://gate:keeper-of-it@198.51.100.20:3129"), ("http_proxy", "198.51.100.20:3128")];
    let run = asked(&lab, &environment, RTC4, &[]);
    let report = run.report();
    TCP.iter().for_each(|row| {
        report.at(RTC4, row).is("pass").says(&["and directly too"]);
    });
    assert!(!run.stdout.contains(PASSWORD), "{report}");
    assert!(findings(&run).is_empty(), "{report}");
    let exempt = asked(&lab, &[("NO_PROXY", "198.51.100.0/24"), environment[0]], RTC4, &[]);
    assert!(exempt.report().at(RTC4, "tcp 443").is("pass").value["observed"].get("proxy").is_none());
}

#[test]
fn a_login_is_asked_for_and_a_wrong_one_is_told_from_none() {
    let Some(lab) = Lab::with(&["nginx", "janus", "squid"]) else { return };
    let (_servers, _proxy) = (platform(&lab, true), squid(&lab, ""));
    let proxy = url("http", LOGIN);
    for (login, words) in [(None, "none was given"), (Some("wrong-word"), "did not accept the login")] {
        let environment: Vec<(&str, &str)> = match login {
            Some(word) => vec![("RTC_CHECK_PROXY_USERNAME", USER), ("RTC_CHECK_PROXY_PASSWORD", word)],
            None => Vec::new(),
        };
        let run = asked(&lab, &environment, RTC4, &["--proxy", &proxy]);
        let report = run.exits(1).report();
        for row in TCP {
            assert_eq!(report.at(RTC4, row).is("fail").says(&[words]).failure(), ("proxy", "proxy-login"), "{report}");
        }
        assert_eq!(findings(&run), ["proxy.login"], "{report}");
    }
}

#[test]
fn a_policy_on_ports_and_one_on_everything() {
    let Some(lab) = Lab::with(&["nginx", "janus", "squid"]) else { return };
    let (_servers, _proxy) = (platform(&lab, true), squid(&lab, ""));
    let run = asked(&lab, &[], RTC4, &["--proxy", &url("http", ONLY_443)]);
    let report = run.exits(1).report();
    report.at(RTC4, "tcp 443").is("pass");
    assert_eq!(report.at(RTC4, "tcp 8989").is("fail").says(&["8989", "403"]).failure(), ("proxy", "proxy-refused"));
    assert!(findings(&run).contains(&"proxy.port-policy".to_owned()), "{report}");
    let run = asked(&lab, &[], RTC4, &["--proxy", &url("http", NOBODY)]);
    assert_eq!(findings(&run), ["proxy.refused"], "{}", run.report());
    let run = asked(&lab, &[], RTC4, &["--proxy", &url("http", 3999)]);
    assert_eq!(findings(&run), ["proxy.unreachable"], "{}", run.report());
}

#[test]
fn a_silent_websocket_is_cut_after_two_seconds() {
    let Some(lab) = Lab::with(&["nginx", "janus", "squid", "haproxy"]) else { return };
    let (_servers, _proxy) = (platform(&lab, false), squid(&lab, ""));
    let _impatient = impatient(&lab);
    let run = asked(&lab, &[], RTC4, &["--proxy", &url("http", IMPATIENT), "--hold", "4"]);
    let report = run.report();
    let check = report.at(RTC4, "tcp 8989").is("fail").says(&["of silence", "directly it works"]);
    assert_eq!(check.failure(), ("hold", "hold-cut"), "{check}");
    assert_eq!(findings(&run), ["proxy.idle-cut"], "{report}");
}

#[test]
fn a_name_that_only_the_proxy_knows_is_asked_of_it() {
    let Some(lab) = Lab::with(&["nginx", "janus", "squid"]) else { return };
    lab.hosts("127.0.0.1 localhost\n");
    let (_servers, _proxy) = (platform(&lab, true), squid(&lab, "198.51.100.10 rtc.example"));
    let run = asked(&lab, &[], "rtc.example", &["--proxy", &url("http", OPEN)]);
    let report = run.report();
    let https = report.0["checks"].as_array().unwrap().iter().find(|c| c["rule"] == "rtc.https").unwrap();
    assert!(https["address"].is_null() && https["status"] == "pass", "{https}");
    assert!(findings(&run).contains(&"proxy.dns".to_owned()), "{report}");
}

#[test]
fn socks_leads_there_with_and_without_a_login() {
    let Some(lab) = Lab::with(&["nginx", "janus", "microsocks"]) else { return };
    let _servers = platform(&lab, true);
    for login in [false, true] {
        let _proxy = microsocks(&lab, login);
        let environment = [("RTC_CHECK_PROXY_USERNAME", USER), ("RTC_CHECK_PROXY_PASSWORD", PASSWORD)];
        let run = asked(&lab, if login { &environment } else { &[] }, RTC4, &["--proxy", &url("socks5h", SOCKS)]);
        let report = run.report();
        TCP.iter().for_each(|row| {
            report.at(RTC4, row).is("pass");
        });
        let run = asked(&lab, &[], RTC4, &["--proxy", &url("socks5", SOCKS)]);
        assert_eq!(findings(&run), [if login { "proxy.login" } else { "proxy.only-way" }], "{}", run.report());
    }
}

#[test]
fn socks_with_rules_of_its_own_names_its_reply() {
    let Some(lab) = Lab::with(&["nginx", "janus", "danted"]) else { return };
    let (_servers, _proxy) = (platform(&lab, true), dante(&lab));
    let run = asked(&lab, &[], RTC4, &["--proxy", &url("socks5h", SOCKS)]);
    let report = run.report();
    report.at(RTC4, "tcp 443").is("pass");
    report.at(RTC4, "tcp 8989").is("fail").says(&["SOCKS5 reply 2"]);
    assert!(findings(&run).contains(&"proxy.port-policy".to_owned()), "{report}");
}
