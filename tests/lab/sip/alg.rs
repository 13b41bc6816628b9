//! The Linux kernel's own SIP ALG (nf_conntrack_sip, nf_nat_sip) in the router, told from a NAT that leaves SIP alone.

use super::{SIP, STREAMS, sip_server};
use crate::harness::{Check, Report};
use crate::namespaces::{Lab, Place, RTC4};
use crate::nat::Nat;
use crate::servers::written;

/// Has the router's kernel look into SIP on 5099; in `nat::translated` nothing is said of it.
fn with_alg(lab: &Lab) {
    let helpers = ["udp", "tcp"].map(|l4| format!("ct helper sip-{l4} {{ type \"sip\" protocol {l4};\n}}\n")).concat();
    let rules = ["udp", "tcp"].map(|l4| format!("{l4} dport {SIP} ct helper set \"sip-{l4}\"\n")).concat();
    let chain = format!("chain helped {{ type filter hook prerouting priority 0;\n{rules}}}\n");
    lab.table(Place::Router, "ip alg", &format!("{helpers}{chain}"));
}

#[track_caller]
fn verdict<'a>(report: &'a Report, at: &str, verdict: &str) -> Check<'a> {
    let check = report.at(RTC4, at);
    assert_eq!(check.seen("sip_alg")["verdict"], verdict, "{check}");
    check
}

fn args(profile: &str) -> [&str; 4] {
    ["--profile", profile, "--target", "rtc=198.51.100.10"]
}

#[test]
fn the_kernels_alg_is_noticed_over_udp_and_tcp_although_it_restores_what_it_rewrote() {
    let Some(lab) = Lab::with(&["kamailio"]) else { return };
    let _server = sip_server(&lab);
    let streams = written(&lab, "streams.toml", STREAMS);
    lab.translated(Nat::PortRestricted);
    let over_udp = [&args("rtc-server")[..], &["--only", "rtc.sip"]].concat();

    // A NAT alone, whose address the server tells.
    let report = lab.reach(&over_udp).exits(0).report();
    let check = verdict(&report, "udp 5099", "none").is("pass");
    assert_eq!(check.seen("sip_received"), crate::nat::OUTSIDE4, "{check}");
    verdict(&lab.reach(&args(&streams)).exits(0).report(), "tcp 5099", "none").is("pass");

    with_alg(&lab);
    let report = lab.reach(&over_udp).report();
    verdict(&report, "udp 5099", "rewritten").is("warn").says(&["SIP ALG", "switch it off on the router"]);
    assert!(report.0["findings"].to_string().contains("sip.alg"), "{report}");
    let report = lab.reach(&args(&streams)).report();
    verdict(&report, "tcp 5099", "rewritten").is("warn");
    report.at(RTC4, "tcp 5061").is("pass");
}
