//! `rtc-check host` inside the lab's namespaces: real interfaces of every kind that can be made here, and the ports of a
//! real server.

use std::process::Command;

use serde_json::Value;

use crate::harness::{self, Report};
use crate::namespaces::{Lab, Place, ip};
use crate::servers::{nginx, sshd};

/// The report of the machine in `place`.
#[track_caller]
fn host(lab: &Lab, place: Place, args: &[&str]) -> Value {
    told(lab.command(place, env!("CARGO_BIN_EXE_rtc-check")), args)
}

/// The report of `command`, which leads to rtc-check.
#[track_caller]
fn told(mut command: Command, args: &[&str]) -> Value {
    command.args(["host", "--quiet", "--format", "json"]).args(args);
    let run = harness::run(command);
    serde_json::from_str(&run.stdout).unwrap_or_else(|e| panic!("{e}: {}\n{}", run.stdout, run.stderr))
}

#[track_caller]
fn check<'a>(report: &'a Value, name: &str) -> &'a Value {
    let begins = |c: &&Value| c["id"].as_str().unwrap().split('/').next() == Some(name);
    let found = report["checks"].as_array().unwrap().iter().find(begins);
    found.unwrap_or_else(|| panic!("no {name}: {}", Report(report.clone())))
}

/// Leads the client's IPv4 out over `interface`, which `add` makes.
fn leads(lab: &Lab, add: &[&str], interface: &str) {
    let client = lab.namespace(Place::Client);
    ip(&[&["-n", client.as_str()], add].concat());
    lab.interface(Place::Client, interface, &["10.77.0.2/24"], &[]);
    ip(&["-n", &client, "route", "replace", "default", "dev", interface]);
}

#[track_caller]
fn kind(report: &Value) -> (&str, &str) {
    let way = check(report, "host.way-out-ipv4");
    (way["observed"]["way_out"]["kind"].as_str().unwrap_or("none"), way["status"].as_str().unwrap())
}

#[test]
fn the_way_out_is_told_by_the_interface_that_the_kernel_takes() {
    let Some(lab) = Lab::up() else { return };
    let dlegate = || host(&lab, Place::Client, &["--profile", "dlegate"]);
    assert_eq!(kind(&dlegate()), ("virtual", "unknown"), "a pair of virtual Ethernet");
    let client = lab.namespace(Place::Client);
    leads(&lab, &["link", "add", "link", "up0", "name", "mac0", "type", "macvlan"], "mac0");
    let above = dlegate();
    assert_eq!(kind(&above), ("virtual", "unknown"));
    assert_eq!(check(&above, "host.way-out-ipv4")["observed"]["way_out"]["through"][0], "up0");
    ip(&["-n", &client, "link", "del", "mac0"]);
    leads(&lab, &["link", "add", "br0", "type", "bridge"], "br0");
    assert_eq!(check(&dlegate(), "host.way-out-ipv4")["observed"]["way_out"]["through"], Value::Array(Vec::new()));
    ip(&["-n", &client, "link", "del", "br0"]);
    leads(&lab, &["link", "add", "far0", "type", "vxlan", "id", "5", "dstport", "4789", "remote", "192.0.2.1"], "far0");
    assert_eq!(kind(&dlegate()), ("tunnel", "warn"));
    ip(&["-n", &client, "link", "del", "far0"]);
    leads(&lab, &["tuntap", "add", "dev", "vpn0", "mode", "tun"], "vpn0");
    let tunnel = dlegate();
    assert_eq!(kind(&tunnel), ("tunnel", "warn"));
    let way = check(&tunnel, "host.way-out-ipv4");
    assert!(way["reason"].as_str().unwrap().contains("recommends a wire"), "{way:#}");
    assert_eq!(way["source"]["row"], "Wired connections recommended for Inspectors where possible");
    // The lab's own target is still reached past the tunnel.
    let past = host(&lab, Place::Client, &["--profile", "dlegate", "--target", "192.0.2.1"]);
    assert_eq!(check(&past, "host.way-out")["observed"]["way_out"]["interface"], "up0");
    // For others nothing is recommended.
    assert_eq!(kind(&host(&lab, Place::Client, &["--profile", "user"])), ("tunnel", "pass"));
}

#[test]
fn a_machine_without_any_route_fails_and_with_one_family_skips_the_other() {
    let Some(lab) = Lab::up() else { return };
    lab.without_address(Place::Client, crate::namespaces::CLIENT6);
    let one = host(&lab, Place::Client, &["--profile", "dlegate"]);
    assert_eq!(check(&one, "host.way-out-ipv6")["status"], "skip");
    lab.without_address(Place::Client, crate::namespaces::CLIENT4);
    let none = host(&lab, Place::Client, &["--profile", "dlegate"]);
    for family in ["ipv4", "ipv6"] {
        let way = check(&none, &format!("host.way-out-{family}"));
        assert_eq!(way["status"], "fail", "{way:#}");
        assert!(way["reason"].as_str().unwrap().contains("no IPv"), "{way:#}");
    }
}

#[test]
fn after_installing_the_servers_own_ports_are_seen_by_name() {
    let Some(lab) = Lab::with(&["nginx"]) else { return };
    let _nginx = nginx(&lab);
    let args = ["--profile", "rtc-server", "--expect", "listening"];
    let server = host(&lab, Place::Server, &args);
    let https = check(&server, "host.tcp-443");
    assert_eq!(https["status"], "pass", "{https:#}");
    assert_eq!(https["observed"]["held_by"][0]["process"], "nginx", "{https:#}");
    let media = check(&server, "host.udp-19099-20099");
    assert_eq!((media["status"].as_str(), media["observed"]["ports_free"].as_u64()), (Some("pass"), Some(1001)));
    let sip = check(&server, "host.udp-5099");
    assert_eq!((sip["status"].as_str(), sip["need"].as_str()), (Some("fail"), Some("optional")), "{sip:#}");
    // The same before installing: what is there is in the way.
    let before = host(&lab, Place::Server, &["--profile", "rtc-server", "--expect", "free"]);
    assert_eq!(check(&before, "host.tcp-443")["status"], "fail");
    // Another namespace sees none of it.
    let elsewhere = host(&lab, Place::Client, &args);
    assert_eq!(check(&elsewhere, "host.tcp-443")["status"], "fail");
}

#[test]
fn a_plain_user_is_not_told_that_what_he_may_not_see_is_sshd() {
    let Some(lab) = Lab::with(&["sshd", "ssh-keygen"]) else { return };
    let _sshd = sshd(&lab);
    let args = ["--profile", "rtc-server", "--option", "ssh=true", "--expect", "free"];
    let root = host(&lab, Place::Server, &args);
    let ssh = check(&root, "host.tcp-22");
    assert_eq!((ssh["status"].as_str(), &ssh["observed"]["held_by"][0]["process"]), (Some("pass"), &"sshd".into()));
    let mut plain = lab.command(Place::Server, "setpriv");
    plain.args(["--reuid", "65534", "--regid", "65534", "--clear-groups", env!("CARGO_BIN_EXE_rtc-check")]);
    let plain = told(plain, &args);
    let ssh = check(&plain, "host.tcp-22");
    assert_eq!(ssh["status"], "unknown", "{ssh:#}");
    assert!(ssh["observed"]["held_by"][0]["process"].is_null(), "{ssh:#}");
    assert!(ssh["reason"].as_str().unwrap().contains("may not see"), "{ssh:#}");
}
