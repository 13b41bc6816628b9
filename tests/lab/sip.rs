//! SIP: Kamailio over UDP, TCP, TLS and WebSockets, and what routers do to it.

mod alg;
mod websocket;

use crate::namespaces::{Daemon, Lab, Listens, Place, RTC4, RTC6};
use crate::servers::written;

/// The plain ports of SIP in profile `rtc-server`, and of SIP over TLS.
const SIP: u16 = 5099;
const SIPS: u16 = 5061;

/// A profile of SIP over TCP and TLS.
const STREAMS: &str = r#"
name = "streams"
title = "SIP over TCP and TLS"
vantages = ["client"]
[documents]
here = "This test"
[roles.rtc]
description = "the server"
[sip."rtc.tcp"]
to = "rtc"
port = 5099
transport = "tcp"
need = "required"
source = { document = "here", section = "none", row = "b" }

[sip."rtc.tls"]
to = "rtc"
port = 5061
transport = "tcp"
tls = true
need = "required"
source = { document = "here", section = "none", row = "c" }
"#;

/// Kamailio's process with the settings `listening` and `routes`; WebSockets are taken wherever it listens over TLS.
#[track_caller]
pub fn kamailio(lab: &Lab, name: &str, listening: &str, routes: &str, wanted: &[Listens]) -> Daemon {
    let (dir, chain, key) = (lab.dir().display(), lab.pki.chain.display(), lab.pki.key.display());
    let tls = format!("[server:default]\nmethod = TLSv1.2+\nprivate_key = {key}\ncertificate = {chain}\n");
    let tls = written(lab, &format!("{name}-tls.cfg"), &tls);
    let modules = ["tls", "sl", "pv", "textops", "xhttp", "websocket"].map(|m| format!("loadmodule \"{m}.so\"\n"));
    let file = written(
        lab,
        &format!("{name}.cfg"),
        &format!(
            "#!KAMAILIO\ndebug=1\nlog_stderror=yes\nchildren=1\nenable_tls=yes\ntcp_accept_no_cl=yes\n{listening}{}\
             modparam(\"tls\", \"config\", \"{tls}\")\n{routes}\n\
             event_route[xhttp:request] {{ if (!ws_handle_handshake()) {{ xhttp_reply(\"404\", \"Not Found\", \"\", \"\"); }} }}\n",
            modules.concat()
        ),
    );
    let mut command = lab.command(Place::Server, "kamailio");
    command.args(["-DD", "-E", "-m", "32", "-M", "4", "-Y", &dir.to_string(), "-P"]);
    command.arg(lab.dir().join(format!("{name}.pid"))).args(["-f", &file]);
    lab.start(command, name, wanted)
}

/// A SIP server of role `rtc`: UDP and TCP on 5099, TLS on 5061, in both families; OPTIONS is answered by 200.
#[track_caller]
pub fn sip_server(lab: &Lab) -> Daemon {
    let at = [RTC4, &format!("[{RTC6}]")];
    let listening = at.map(|a| format!("listen=udp:{a}:{SIP}\nlisten=tcp:{a}:{SIP}\nlisten=tls:{a}:{SIPS}\n")).concat();
    let routes = "request_route { if (is_method(\"OPTIONS\")) { sl_send_reply(\"200\", \"Here\"); exit; } sl_send_reply(\"405\", \"No\"); }";
    let wanted = [RTC4, RTC6].map(|a| [Listens::Udp(a, SIP), Listens::Tcp(a, SIP), Listens::Tcp(a, SIPS)]);
    kamailio(lab, "kamailio-sip", &listening, routes, &wanted.concat())
}

/// Our responder for role `rtc` of `profile` on one address, for holders of `key` alone where there is one.
#[track_caller]
fn responder(lab: &Lab, profile: &str, key: Option<&str>, wanted: &[Listens]) -> Daemon {
    let mut command = lab.command(Place::Server, env!("CARGO_BIN_EXE_rtc-check"));
    command.args(["serve", "--profile", profile, "--role", "rtc", "--bind", RTC4]);
    command.arg("--cert").arg(&lab.pki.chain).arg("--key").arg(&lab.pki.key);
    command.envs(key.map(|key| ("RTC_CHECK_RESPONDER_KEY", key)));
    lab.start(command, "responder-sip", wanted)
}

#[test]
fn our_responder_answers_over_udp_also_where_only_holders_of_its_key_are_answered() {
    const KEY: &str = "0123456789abcdef0123456789abcdef";
    for key in [None, Some(KEY)] {
        let Some(lab) = Lab::up() else { return };
        let _responder = responder(&lab, "rtc-server", key, &[Listens::Udp(RTC4, SIP)]);
        let args = ["--profile", "rtc-server", "--only", "rtc.sip", "--target", "rtc=198.51.100.10", "--skip"];
        let args = [&args[..], &["quality,bandwidth,nat,ice,call,path"]].concat();
        let environment: Vec<_> = key.iter().map(|key| ("RTC_CHECK_RESPONDER_KEY", *key)).collect();
        let report = lab.check_with(&environment, &args).exits(0).report();
        let check = report.at(RTC4, "udp 5099").is("pass").says(&["answered OPTIONS with 200", "rtc-check/"]);
        assert_eq!(check.seen("sip_alg")["verdict"], "none", "{check}");
        if key.is_some() {
            assert_ne!(lab.check(&args).report().at(RTC4, "udp 5099").status(), "pass");
        }
    }
}

#[test]
fn our_responder_answers_over_tcp_and_tls() {
    let Some(lab) = Lab::up() else { return };
    let profile = written(&lab, "streams.toml", STREAMS);
    let _responder = responder(&lab, &profile, None, &[Listens::Tcp(RTC4, SIP), Listens::Tcp(RTC4, SIPS)]);
    let report = lab.reach(&["--profile", &profile, "--target", "rtc=198.51.100.10"]).exits(0).report();
    for port in ["tcp 5099", "tcp 5061"] {
        assert_eq!(report.at(RTC4, port).is("pass").seen("sip_status"), 200);
    }
}

/// Arguments for the one rule over UDP.
const OVER_UDP: [&str; 6] =
    ["--profile", "rtc-server", "--only", "rtc.sip", "--target", "rtc=198.51.100.10,[2001:db8:2::10]"];

#[test]
fn a_real_sip_server_answers_over_udp_and_no_alg_is_seen_where_there_is_none() {
    let Some(lab) = Lab::with(&["kamailio"]) else { return };
    assert_eq!(lab.reach(&OVER_UDP).report().at(RTC4, "udp 5099").is("fail").failure(), ("options", "refused"));
    let _server = sip_server(&lab);
    let report = lab.reach(&OVER_UDP).exits(0).report();
    for address in [RTC4, RTC6] {
        let check = report.at(address, "udp 5099").is("pass").says(&["answered OPTIONS with 200"]);
        assert_eq!((check.seen("sip_status"), &check.value["probe"]), (&200.into(), &"sip".into()), "{check}");
        assert!(check.number("sip_rtt_ms") > 0.0, "{check}");
        assert!(check.seen("sip_server").to_string().to_lowercase().contains("kamailio"), "{check}");
        assert_eq!(check.seen("sip_alg")["verdict"], "none", "{check}");
    }

    lab.forward("udp dport 5099 drop");
    lab.reach(&OVER_UDP).report().at(RTC4, "udp 5099").is("unknown");
}

#[test]
fn a_real_sip_server_answers_over_tcp_and_tls() {
    let Some(lab) = Lab::with(&["kamailio"]) else { return };
    let profile = written(&lab, "streams.toml", STREAMS);
    let args = ["--profile", &profile, "--target", "rtc=198.51.100.10,[2001:db8:2::10]"];
    let report = lab.reach(&args).exits(1).report();
    assert_eq!(report.at(RTC4, "tcp 5061").is("fail").failure(), ("connect", "refused"));
    let _server = sip_server(&lab);
    let report = lab.reach(&args).exits(0).report();
    for address in [RTC4, RTC6] {
        let plain = report.at(address, "tcp 5099").is("pass");
        assert_eq!(
            (plain.seen("sip_status"), &plain.seen("sip_alg")["verdict"]),
            (&200.into(), &"none".into()),
            "{plain}"
        );
        let secure = report.at(address, "tcp 5061").is("pass");
        assert_eq!(secure.seen("sip_status"), 200, "{secure}");
        assert!(secure.seen("tls_version").is_string() && secure.seen("sip_alg").is_null(), "{secure}");
    }
}
