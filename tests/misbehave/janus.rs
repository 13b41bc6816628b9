//! Janus Gateways that lie: at `info`, at each request of a call, in their SDP, in ICE and in DTLS.

use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use rustls::{ServerConnection, StreamOwned};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{self, Message, handshake::server};

use crate::harness::{self, Check, binary};
use crate::peer::{Authority, after_tls, listen};
use crate::relay::{Frame, xored};

/// What a gateway does next.
enum Does {
    Says(Value),
    /// Bytes that are no JSON.
    Text(String),
    HangsUp,
}

/// What the ICE agent of [`answer_to`] knows itself by.
const UFRAG: &str = "lies";
const ICE_PASSWORD: &str = "0123456789abcdefghijkl";

/// A gateway on a port of 127.0.0.1 that does what `lie` says to each request, and is honest where it says nothing.
fn gateway(authority: &Authority, lie: impl Fn(&Value) -> Option<Vec<Does>> + Send + Sync + 'static) -> u16 {
    listen(after_tls(authority, move |stream| {
        let _ = converse(stream, &lie);
    }))
}

fn converse(stream: StreamOwned<ServerConnection, TcpStream>, lie: &dyn Fn(&Value) -> Option<Vec<Does>>) -> Option<()> {
    #[expect(clippy::result_large_err, reason = "the signature is the library's")]
    let name = |_: &server::Request, mut response: server::Response| {
        response.headers_mut().insert("Sec-WebSocket-Protocol", "janus-protocol".parse().unwrap());
        Ok(response)
    };
    let mut socket = tungstenite::accept_hdr(stream, name).ok()?;
    loop {
        let Message::Text(text) = socket.read().ok()? else { continue };
        let request: Value = serde_json::from_str(&text).ok()?;
        for does in lie(&request).unwrap_or_else(|| honest(&request)) {
            let text = match does {
                Does::Says(mut value) => {
                    value["transaction"] = request["transaction"].clone();
                    value.to_string()
                }
                Does::Text(text) => text,
                Does::HangsUp => return None,
            };
            socket.send(Message::text(text)).ok()?;
        }
    }
}

fn honest(request: &Value) -> Vec<Does> {
    let plugins = json!({"janus.plugin.echotest": {"name": "JANUS EchoTest plugin", "version_string": "0.0.7"}});
    let says = match request["janus"].as_str().unwrap_or("") {
        "info" => json!({"janus": "server_info", "name": "Janus WebRTC Server", "version": 1102,
            "version_string": "1.1.2", "full-trickle": true, "plugins": plugins}),
        "create" => json!({"janus": "success", "data": {"id": 11}}),
        "attach" => json!({"janus": "success", "session_id": 11, "data": {"id": 22}}),
        "destroy" | "detach" | "hangup" => json!({"janus": "success", "session_id": 11}),
        _ => json!({"janus": "ack", "session_id": 11}),
    };
    vec![Does::Says(says)]
}

/// The event that brings the plugin's answer.
fn event(sdp: &str) -> Value {
    json!({"janus": "event", "session_id": 11, "sender": 22,
        "plugindata": {"plugin": "janus.plugin.echotest", "data": {"echotest": "event", "result": "ok"}},
        "jsep": {"type": "answer", "sdp": sdp}})
}

/// An honest answer to `offer`, whose one candidate is `at`.
fn answer_to(offer: &str, at: SocketAddr) -> String {
    let kept = ["v=", "s=", "t=", "m=", "c=", "a=group", "a=mid", "a=rtpmap", "a=fmtp", "a=rtcp-mux", "a=sendrecv"];
    let mut sdp = String::new();
    let fingerprint = "AB:".repeat(31) + "CD";
    for line in offer.lines() {
        if line.starts_with("o=") {
            sdp.push_str("o=- 1 1 IN IP4 127.0.0.1\r\n");
        } else if kept.iter().any(|k| line.starts_with(k)) {
            sdp.push_str(&format!("{line}\r\n"));
        } else if line.starts_with("a=setup") {
            sdp.push_str(&format!(
                "a=setup:active\r\na=ice-ufrag:{UFRAG}\r\na=ice-pwd:{ICE_PASSWORD}\r\na=fingerprint:sha-256 {fingerprint}\r\n\
                 a=candidate:1 1 udp 2013266431 {} {} typ host\r\na=end-of-candidates\r\n",
                at.ip(),
                at.port()
            ));
        }
    }
    sdp
}

/// What becomes of the call: step, kind, sentence, status.
#[track_caller]
fn called(lie: impl Fn(&Value) -> Option<Vec<Does>> + Send + Sync + 'static, look: impl FnOnce(Check<'_>)) -> String {
    let authority = Authority::new();
    let port = gateway(&authority, lie);
    let mut command = binary();
    command.args(["--profile", "user", "--target", "rtc=127.0.0.1", "--only", "rtc.gateway,call", "--call"]);
    command.args(["--port", &format!("rtc.gateway={port}"), "--ca", authority.root()]);
    command.args(["--format", "json", "--quiet", "--duration", "2"]);
    let run = harness::run(command);
    assert!(run.took < Duration::from_secs(45), "took {:?}", run.took);
    let report = run.says(&[]).report();
    let calls = report.probed("127.0.0.1", "janus-call");
    assert_eq!(calls.len(), 1, "{report}");
    assert_ne!(calls[0].status(), "pass", "{report}");
    look(calls[0]);
    calls[0].reason().to_owned()
}

/// The same where the failure must be at one of `steps` and of one of `kinds`.
#[track_caller]
fn fails(lie: impl Fn(&Value) -> Option<Vec<Does>> + Send + Sync + 'static, steps: &[&str], kinds: &[&str]) -> String {
    called(lie, |check| {
        let (step, kind) = check.failure();
        // An answer that our own engine cannot read decides nothing of the network.
        check.is(if kind == "bad-answer" { "unknown" } else { "fail" });
        assert!(steps.contains(&step) && kinds.contains(&kind), "not {kinds:?} at {steps:?}: {check}");
    })
}

fn asks(request: &Value, what: &str) -> bool {
    request["janus"] == what
}

#[test]
fn an_error_at_each_request_is_told_in_the_servers_words() {
    let mut said: Vec<String> = ["create", "attach", "message"]
        .into_iter()
        .map(|what| {
            let error = json!({"janus": "error", "error": {"code": 490, "reason": "no \u{1b}[31mthanks"}});
            let lie = move |r: &Value| asks(r, what).then(|| vec![Does::Says(error.clone())]);
            let sentence = fails(lie, &["offer", "info", "request"], &["server-error"]);
            assert!(sentence.contains("490") && !sentence.contains('\u{1b}'), "{sentence}");
            sentence
        })
        .collect();
    said.dedup();
    assert_eq!(said.len(), 3, "{said:#?}");
}

#[test]
fn a_plugin_that_refuses_is_told_in_its_words() {
    let refusal = json!({"janus": "event", "session_id": 11, "sender": 22, "plugindata":
        {"plugin": "janus.plugin.echotest", "data": {"echotest": "event", "error_code": 412, "error": "Invalid element"}}});
    let lie = move |r: &Value| {
        let ack = json!({"janus": "ack", "session_id": 11});
        asks(r, "message").then(|| vec![Does::Says(ack), Does::Says(refusal.clone())])
    };
    let sentence = fails(lie, &["offer"], &["server-error"]);
    assert!(sentence.contains("412") || sentence.contains("Invalid element"), "{sentence}");
}

#[test]
fn silence_at_any_request_ends() {
    std::thread::scope(|all| {
        for what in ["create", "attach", "message"] {
            let lie = move |r: &Value| asks(r, what).then(Vec::new);
            all.spawn(move || fails(lie, &["offer", "info", "request"], &["timed-out"]));
        }
        // Acknowledged, and then nothing ever more.
        all.spawn(|| fails(|_| None, &["offer"], &["timed-out"]));
    });
    // Where it says nothing of itself, the other API is asked, which is not there.
    let sentence = fails(|r| asks(r, "info").then(Vec::new), &["info", "connect"], &["timed-out", "refused"]);
    // What the connection took is not its time.
    assert!(["4.9 s", "5.0 s"].iter().any(|time| sentence.contains(time)), "{sentence}");
}

#[test]
fn a_gateway_that_hangs_up_is_told() {
    for what in ["create", "attach", "message"] {
        let lie = move |r: &Value| asks(r, what).then(|| vec![Does::HangsUp]);
        fails(lie, &["offer", "info", "request"], &["closed", "reset"]);
    }
    let sentence =
        fails(|r| asks(r, "info").then(|| vec![Does::HangsUp]), &["info", "connect"], &["closed", "refused"]);
    assert!(sentence.contains("closed"), "{sentence}");
}

#[test]
fn what_is_no_janus_is_garbage() {
    let deep = "[".repeat(10_000);
    for text in ["", "{", "[]", "null", "{\"janus\": 7}", &deep].map(str::to_owned) {
        let lie = move |r: &Value| asks(r, "create").then(|| vec![Does::Text(text.clone())]);
        fails(lie, &["offer", "info", "request"], &["garbage", "timed-out"]);
    }
}

#[test]
fn messages_larger_than_any_are_not_read() {
    let lie = |r: &Value| asks(r, "create").then(|| vec![Does::Text("x".repeat(20_000_000))]);
    fails(lie, &["offer", "info", "request"], &["too-large", "garbage"]);
    let flood = |r: &Value| {
        let event = || Does::Says(json!({"janus": "event", "session_id": 11, "sender": 22, "x": "y".repeat(60_000)}));
        asks(r, "message").then(|| (0..500).map(|_| event()).collect())
    };
    fails(flood, &["offer", "request"], &["timed-out", "too-large", "garbage"]);
}

/// Makes an answer of an offer.
type Answer = dyn Fn(&str) -> String + Send + Sync;

/// A gateway whose answer to the offer is `sdp` of it.
fn answering(sdp: impl Fn(&str) -> String + Send + Sync) -> impl Fn(&Value) -> Option<Vec<Does>> + Send + Sync {
    move |r: &Value| {
        let offer = r["jsep"]["sdp"].as_str()?;
        Some(vec![Does::Says(json!({"janus": "ack", "session_id": 11})), Does::Says(event(&sdp(offer)))])
    }
}

#[test]
fn an_sdp_that_cannot_be_used_is_a_bad_answer() {
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 9));
    let cases: Vec<Box<Answer>> = vec![
        Box::new(|_| String::new()),
        Box::new(|_| "v=9\r\nno SDP of this world \u{1b}[31m".to_owned()),
        Box::new(|_| "m=".repeat(200_000)),
        Box::new(move |offer| answer_to(offer, nowhere).replace("a=fingerprint", "a=fingers")),
        Box::new(move |offer| answer_to(offer, nowhere).replace("a=ice-pwd", "a=ice-password")),
    ];
    for (number, case) in cases.into_iter().enumerate() {
        let sentence = fails(answering(case), &["offer"], &["bad-answer", "too-large"]);
        assert!(!sentence.contains('\u{1b}'), "{number}: {sentence}");
    }
}

#[test]
fn a_dead_media_port_fails_at_ice() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let dead = socket.local_addr().unwrap();
    drop(socket);
    fails(answering(move |offer| answer_to(offer, dead)), &["checks"], &["ice-failed"]);
}

#[test]
fn dtls_that_never_completes_is_told_from_ice() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let at = socket.local_addr().unwrap();
    // Whatever is a check is answered; whatever else comes is not.
    std::thread::spawn(move || {
        let mut datagram = [0; 2048];
        while let Ok((n, client)) = socket.recv_from(&mut datagram) {
            let frame = Frame { bytes: &datagram[..n], client };
            if n >= 20 && datagram[0] == 0 {
                let answer = frame.success().with(0x0020, &xored(client));
                let _ = socket.send_to(&answer.sealed(ICE_PASSWORD.as_bytes()), client);
            }
        }
    });
    fails(answering(move |offer| answer_to(offer, at)), &["dtls"], &["timed-out"]);
}
