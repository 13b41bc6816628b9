//! SIP over WebSockets: Kamailio where the ACD's VoIP service is.

use crate::namespaces::{ACD, ACD4, ACD6, Daemon, Lab, Listens};

/// Kamailio on 8089 of the ACD's addresses; `options` is what it does with OPTIONS.
#[track_caller]
fn kamailio(lab: &Lab, options: &str) -> Daemon {
    let listening = [ACD4, &format!("[{ACD6}]")].map(|a| format!("listen=tls:{a}:8089\n")).concat();
    let routes =
        format!("request_route {{ if (is_method(\"OPTIONS\")) {{ {options} }} sl_send_reply(\"405\", \"No\"); }}");
    super::kamailio(lab, "kamailio", &listening, &routes, &[Listens::Tcp(ACD4, 8089), Listens::Tcp(ACD6, 8089)])
}

#[test]
fn a_sip_server_behind_the_websocket_answers_options() {
    let Some(lab) = Lab::with(&["kamailio"]) else { return };
    let args = ["--profile", "acd", "--target", ACD, "--only", "wss"];
    let _server = kamailio(&lab, "sl_send_reply(\"200\", \"Here\"); exit;");
    let report = lab.reach(&args).exits(0).report();
    for address in [ACD4, ACD6] {
        let check = report.at(address, "tcp 8089").is("pass");
        assert_eq!((check.seen("subprotocol"), check.seen("sip_status")), (&"sip".into(), &200.into()), "{check}");
        assert!(check.number("sip_rtt_ms") > 0.0 && check.to_string().to_lowercase().contains("kamailio"), "{check}");
    }
}

#[test]
fn a_websocket_whose_sip_server_is_silent_is_a_warning() {
    let Some(lab) = Lab::with(&["kamailio"]) else { return };
    let args = ["--profile", "acd", "--target", ACD, "--only", "wss"];
    let _server = kamailio(&lab, "exit;");
    let report = lab.reach(&args).report();
    for address in [ACD4, ACD6] {
        let check = report.at(address, "tcp 8089").is("warn").says(&["OPTIONS"]);
        assert!(check.seen("sip_status").is_null(), "{check}");
    }
}
