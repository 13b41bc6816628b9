//! IKE: strongSwan's charon where the cloud's gateway is, behind a router that lets it through, masks it or does not.

use crate::harness::Report;
use crate::namespaces::{ACD4, CLIENT4, Daemon, Lab, Listens, Place, RTC4, RTC6};
use crate::servers::written;

/// No profile but VALT's has IKE; its gateway stands where others have their servers.
pub const CLOUD: &str = "cloud=198.51.100.10,[2001:db8:2::10]";
const CHARON: &str = "/usr/lib/ipsec/charon";
pub const NEEDED: [&str; 2] = [CHARON, "swanctl"];

/// charon on 500 and 4500 of all addresses; with `connection` it takes anybody's proposal, without it refuses all.
#[track_caller]
pub fn charon(lab: &Lab, connection: bool) -> Daemon {
    let socket = format!("unix://{}/charon.vici", lab.dir().display());
    let settings = written(
        lab,
        "strongswan.conf",
        &format!(
            "charon {{\n load_modular = no\n install_routes = no\n install_virtual_ip = no\n\
             load = random nonce aes sha1 sha2 hmac kdf gmp kernel-netlink socket-default vici\n\
             plugins {{ vici {{ socket = {socket} }} }}\n\
             filelog {{ stderr {{ default = 1 }} }}\n}}\n"
        ),
    );
    // It insists on /run for its pid file, which it gets in a mount namespace of its own.
    let mut command = lab.command(Place::Server, "sh");
    command.env("STRONGSWAN_CONF", &settings);
    command.args(["-c", &format!("mount -t tmpfs none /run && exec {CHARON}")]);
    let wanted = [RTC4, RTC6].map(|a| [Listens::Udp(a, 500), Listens::Udp(a, 4500)]).concat();
    let daemon = lab.start(command, "charon", &wanted);
    if connection {
        let file = "connections {\n any {\n version = 2\n local { auth = psk }\n remote { auth = psk }\n children { net { } }\n }\n}\n";
        let file = written(lab, "swanctl.conf", file);
        let mut swanctl = lab.command(Place::Server, "swanctl");
        swanctl.args(["--load-conns", "--file", &file, "--uri", &socket]);
        let output = swanctl.output().unwrap();
        assert!(output.status.success(), "swanctl: {}", String::from_utf8_lossy(&output.stderr));
    }
    daemon
}

#[track_caller]
fn asked(lab: &Lab) -> Report {
    let args = ["--profile", "valt", "--from", "media-server", "--target", CLOUD, "--option", "cloud=true"];
    lab.reach(&[&args[..], &["--only", "ike"]].concat()).report()
}

const PORTS: [&str; 2] = ["udp 500", "udp 4500"];

#[test]
fn a_real_gateway_takes_a_proposal_on_both_ports_and_sees_no_nat() {
    let Some(lab) = Lab::with(&NEEDED) else { return };
    let _gateway = charon(&lab, true);
    let report = asked(&lab);
    for address in [RTC4, RTC6] {
        for port in PORTS {
            let check = report.at(address, port).is("pass").says(&["takes a proposal", "sees no NAT between"]);
            assert_eq!(check.value["probe"], "ike", "{check}");
            assert_eq!(check.seen("ike")["kind"], "sa", "{check}");
            assert_eq!(check.seen("ike_nat")["here"], false, "{check}");
            assert_eq!(check.seen("ike_nat")["there"], false, "{check}");
            assert!(check.number("ike_rtt_ms") > 0.0, "{check}");
        }
    }
}

#[test]
fn a_gateway_without_a_connection_for_us_lives_all_the_same() {
    let Some(lab) = Lab::with(&NEEDED) else { return };
    let _gateway = charon(&lab, false);
    let report = asked(&lab);
    for address in [RTC4, RTC6] {
        for port in PORTS {
            let check = report.at(address, port).is("pass").says(&["NO_PROPOSAL_CHOSEN"]);
            assert_eq!(check.seen("ike")["kind"], "notify", "{check}");
            assert!(check.seen("ike_nat")["here"].is_null(), "{check}");
        }
    }
}

#[test]
fn a_gateway_sees_the_nat_that_this_machine_is_behind() {
    let Some(lab) = Lab::with(&NEEDED) else { return };
    let _gateway = charon(&lab, true);
    lab.table(
        Place::Router,
        "inet masked",
        "chain out { type nat hook postrouting priority 100; policy accept; oifname \"sv0\" masquerade\n}",
    );
    let report = asked(&lab);
    for address in [RTC4, RTC6] {
        for port in PORTS {
            let check = report.at(address, port).is("pass").says(&["sees a NAT before this machine"]);
            assert_eq!(check.seen("ike_nat")["here"], true, "{check}");
            assert_eq!(check.seen("ike_nat")["there"], false, "{check}");
        }
    }
}

#[test]
fn a_gateway_behind_a_port_forward_is_told() {
    let Some(lab) = Lab::with(&NEEDED) else { return };
    let _gateway = charon(&lab, true);
    lab.table(
        Place::Router,
        "ip forwarded",
        "chain in { type nat hook prerouting priority -100; policy accept; ip daddr 198.51.100.1 dnat to 198.51.100.10\n}",
    );
    let args = ["--profile", "valt", "--from", "media-server", "--option", "cloud=true", "--only", "ike"];
    let report = lab.reach(&[&args[..], &["--target", "cloud=198.51.100.1"]].concat()).report();
    for port in PORTS {
        let check = report.at("198.51.100.1", port).is("pass").says(&["is itself behind a NAT"]);
        assert_eq!(check.seen("ike_nat")["here"], false, "{CLIENT4}: {check}");
    }
}

#[test]
fn dropped_is_unknown_rejected_names_the_router_and_nothing_there_fails_on_both_ports() {
    let Some(lab) = Lab::with(&NEEDED) else { return };
    let gateway = charon(&lab, true);
    lab.forward("udp dport { 500, 4500 } drop");
    let report = asked(&lab);
    for address in [RTC4, RTC6] {
        for port in PORTS {
            report.at(address, port).is("unknown").says(&["silence over UDP decides nothing"]);
        }
    }
    lab.forward("udp dport { 500, 4500 } reject with icmpx admin-prohibited");
    let report = asked(&lab);
    for address in [RTC4, RTC6] {
        for port in PORTS {
            let check = report.at(address, port).is("fail");
            assert_eq!(check.failure(), ("ike-init", "prohibited"), "{check}");
        }
    }
    lab.forward("");
    drop(gateway);
    let report = asked(&lab);
    for address in [RTC4, RTC6] {
        for port in PORTS {
            // By itself or by the finding, as the host's budget of ICMP errors allows.
            let check = report.at(address, port).is("fail").says(&["tart the service"]);
            assert_eq!(
                (check.failure(), check.seen("icmp_from")),
                (("ike-init", "refused"), &address.into()),
                "{check}"
            );
        }
    }
}

#[test]
fn our_responder_refuses_on_both_ports_and_with_a_key_only_its_holders() {
    let Some(lab) = Lab::up() else { return };
    let key = ("RTC_CHECK_RESPONDER_KEY", "correct horse battery staple");
    let serve = |bind: &'static str, environment: &[(&str, &str)]| {
        let mut command = lab.command(Place::Server, env!("CARGO_BIN_EXE_rtc-check"));
        command.args(["serve", "--profile", "valt", "--role", "cloud", "--option", "cloud=true", "--bind", bind]);
        command.args(["--stamp-port", "0"]).envs(environment.iter().copied());
        lab.start(command, &format!("responder-{bind}"), &[Listens::Udp(bind, 500), Listens::Udp(bind, 4500)])
    };
    let _open = [serve(RTC4, &[]), serve(RTC6, &[])];
    let _restricted = serve(ACD4, &[key]);
    let args = ["--profile", "valt", "--from", "media-server", "--option", "cloud=true", "--only", "ike", "--target"];
    let stranger = lab.reach(&[&args[..], &[&format!("{CLOUD},{ACD4}")]].concat()).report();
    for port in PORTS {
        for address in [RTC4, RTC6] {
            let check = stranger.at(address, port).is("pass").says(&["NO_PROPOSAL_CHOSEN"]);
            assert_eq!(check.seen("ike")["vendor_ids"][0], "rtc-check", "{check}");
        }
        stranger.at(ACD4, port).is("unknown");
    }
    let skip = ["--skip", "quality,bandwidth,nat,ice,call,path"];
    let holder = lab.check_with(&[key], &[&args[..], &[&format!("cloud={ACD4}")], &skip].concat()).report();
    for port in PORTS {
        holder.at(ACD4, port).is("pass");
    }
}
