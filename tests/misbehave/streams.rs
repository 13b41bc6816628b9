//! Peers over TCP: at TLS, at the upgrade, at a page, at a greeting.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::peer::{self, Authority, Connection, after_tls, hold, listen};
use crate::{ask, ask_of, failed};

/// What `peer` does to the WSS rule of Janus.
#[track_caller]
fn gateway(authority: &Authority, peer: impl Fn(TcpStream) + Send + Sync + 'static, step: &str, kinds: &[&str]) {
    let report = ask("user", "rtc.gateway", listen(peer), &["--ca", authority.root()]);
    failed(&report, "rtc.gateway", step, kinds);
}

/// Reads an HTTP request to its empty line.
fn request(connection: &mut impl Connection) -> String {
    let mut bytes = Vec::new();
    let mut one = [0];
    while !bytes.ends_with(b"\r\n\r\n") && connection.read(&mut one).is_ok_and(|n| n == 1) {
        bytes.push(one[0]);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Header after header, ten megabytes of them.
fn endless_headers(connection: &mut impl Connection) {
    let _ = connection.write_all(b"HTTP/1.1 200 OK\r\n");
    let line = format!("X-Filler: {}\r\n", "x".repeat(8 * 1024));
    for _ in 0..1280 {
        if connection.write_all(line.as_bytes()).is_err() {
            return;
        }
    }
}

#[test]
fn a_peer_that_accepts_and_says_nothing_times_out_in_tls() {
    gateway(&Authority::new(), hold, "tls", &["timed-out"]);
}

#[test]
fn a_peer_that_hangs_up_cuts_the_handshake_off() {
    gateway(&Authority::new(), drop, "tls", &["tls-cut-off"]);
}

#[test]
fn half_a_tls_record_and_an_end_cut_the_handshake_off() {
    let half = |mut stream: TcpStream| {
        let _ = stream.read(&mut [0; 16]);
        let _ = stream.write_all(&[0x16, 3, 3, 0x40]);
        // Without reading the rest of the hello, closing would reset instead of ending.
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let _ = std::io::copy(&mut stream, &mut std::io::sink());
    };
    gateway(&Authority::new(), half, "tls", &["tls-cut-off"]);
}

#[test]
fn half_a_tls_record_and_silence_time_out() {
    let half = |mut stream: TcpStream| {
        let _ = stream.write_all(&[0x16, 3, 3, 0x40]);
        hold(stream);
    };
    gateway(&Authority::new(), half, "tls", &["timed-out"]);
}

#[test]
fn plain_text_on_a_tls_port_is_named() {
    let plain = |mut stream: TcpStream| {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
        hold(stream);
    };
    gateway(&Authority::new(), plain, "tls", &["not-tls"]);
}

#[test]
fn nonsense_on_a_tls_port_is_no_tls() {
    let nonsense = |mut stream: TcpStream| {
        let _ = stream.write_all(&[0xA5; 4096]);
        hold(stream);
    };
    gateway(&Authority::new(), nonsense, "tls", &["not-tls", "garbage", "tls-refused"]);
}

#[test]
fn an_untrusted_certificate_fails_and_its_chain_is_recorded() {
    let authority = Authority::new();
    let port = listen(after_tls(&authority, hold));
    let report = ask("user", "rtc.gateway", port, &["--ca", Authority::new().root()]);
    // The server sends no issuer: that it left one out and that nobody here knows it look the same.
    let check = failed(&report, "rtc.gateway", "tls", &["cert-unknown-issuer", "cert-incomplete-chain"]);
    assert!(check.seen("cert_chain").as_array().is_some_and(|c| !c.is_empty()), "{check}");
}

#[test]
fn a_certificate_for_another_name_is_told_apart() {
    let authority = Authority::new();
    let port = listen(peer::after_tls_as(&authority, "elsewhere.example", hold));
    let report = ask("user", "rtc.gateway", port, &["--ca", authority.root()]);
    failed(&report, "rtc.gateway", "tls", &["cert-wrong-name"]);
}

#[test]
fn a_websocket_that_never_answers_times_out_in_the_upgrade() {
    let authority = Authority::new();
    gateway(&authority, after_tls(&authority, hold), "upgrade", &["timed-out"]);
}

#[test]
fn a_websocket_that_hangs_up_is_closed_in_the_upgrade() {
    let authority = Authority::new();
    let peer = after_tls(&authority, |mut c| drop(request(&mut c)));
    gateway(&authority, peer, "upgrade", &["closed", "reset"]);
}

#[test]
fn nonsense_in_place_of_the_upgrade_is_garbage() {
    let authority = Authority::new();
    let peer = after_tls(&authority, |mut c| {
        request(&mut c);
        let _ = c.write_all(b"\x00\x01\x02 no protocol of this world \xFF\r\n\r\n");
        hold(c);
    });
    gateway(&authority, peer, "upgrade", &["garbage"]);
}

#[test]
fn ten_megabytes_of_upgrade_headers_are_too_large() {
    let authority = Authority::new();
    let peer = after_tls(&authority, |mut c| {
        request(&mut c);
        endless_headers(&mut c);
    });
    gateway(&authority, peer, "upgrade", &["too-large"]);
}

#[test]
fn a_refused_upgrade_shows_its_status() {
    let authority = Authority::new();
    let port = listen(after_tls(&authority, |mut c| {
        request(&mut c);
        let _ = c.write_all(b"HTTP/1.1 403 Forbidden\r\nServer: gate\x1b[31mkeeper\r\nContent-Length: 0\r\n\r\n");
        hold(c);
    }));
    let report = ask("user", "rtc.gateway", port, &["--ca", authority.root()]);
    // A header with an escape sequence may be refused as a whole, but never printed as it came.
    let check = failed(&report, "rtc.gateway", "upgrade", &["upgrade-refused", "garbage"]);
    assert!(!check.value.to_string().contains("\\u001b"), "{check}");
}

#[test]
fn an_upgrade_without_the_subprotocol_does_not_pass() {
    let authority = Authority::new();
    let peer = after_tls(&authority, |mut c| {
        let accept = peer::websocket_accept(&request(&mut c));
        let head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
        let _ = c.write_all(format!("{head}Sec-WebSocket-Accept: {accept}\r\n\r\n").as_bytes());
        hold(c);
    });
    gateway(&authority, peer, "upgrade", &["wrong-subprotocol"]);
}

#[test]
fn an_upgrade_with_a_false_accept_key_does_not_pass() {
    let authority = Authority::new();
    let peer = after_tls(&authority, |mut c| {
        request(&mut c);
        let head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
        let rest =
            "Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\nSec-WebSocket-Protocol: janus-protocol\r\n\r\n";
        let _ = c.write_all(format!("{head}{rest}").as_bytes());
        hold(c);
    });
    gateway(&authority, peer, "upgrade", &["garbage", "upgrade-refused", "wrong-subprotocol"]);
}

#[test]
fn ten_megabytes_of_page_headers_are_too_large() {
    let authority = Authority::new();
    let port = listen(after_tls(&authority, |mut c| {
        request(&mut c);
        endless_headers(&mut c);
    }));
    let report = ask("user", "rtc.https", port, &["--ca", authority.root()]);
    failed(&report, "rtc.https", "request", &["too-large"]);
}

#[test]
fn half_a_page_header_is_closed_and_never_a_page() {
    let authority = Authority::new();
    let port = listen(after_tls(&authority, |mut c| {
        request(&mut c);
        let _ = c.write_all(b"HTTP/1.1 200 OK\r\nContent-Le");
    }));
    let report = ask("user", "rtc.https", port, &["--ca", authority.root()]);
    failed(&report, "rtc.https", "request", &["closed", "reset", "garbage"]);
}

#[test]
fn a_page_that_drips_in_ends_at_the_deadline() {
    let authority = Authority::new();
    let port = listen(after_tls(&authority, |mut c| {
        request(&mut c);
        let _ = c.write_all(b"HTTP/1.1 200 OK\r\n");
        peer::drip(&mut c, b"X-Slow: very\r\n");
    }));
    let report = ask("user", "rtc.https", port, &["--ca", authority.root()]);
    failed(&report, "rtc.https", "request", &["timed-out", "too-large"]);
}

#[test]
fn a_redirect_to_another_host_is_not_the_documents() {
    let port = listen(|mut stream: TcpStream| {
        request(&mut stream);
        let _ = stream
            .write_all(b"HTTP/1.1 302 Found\r\nLocation: https://portal.example/login\r\nContent-Length: 0\r\n\r\n");
        hold(stream);
    });
    let report = ask("user", "rtc.http", port, &[]);
    let check = failed(&report, "rtc.http", "request", &["wrong-redirect"]);
    assert!(check.reason().contains("portal.example"), "{check}");
}

/// A profile with one rule for SSH.
const SSH: &str = r#"
name = "one-ssh-server"
title = "One SSH server"
vantages = ["client"]
[documents]
here = "This test"
[roles.host]
description = "an SSH server"
[ssh."host.ssh"]
to = "host"
port = 22
need = "required"
source = { document = "here", section = "none", row = "HOST | TCP | 22" }
"#;

/// What `peer` does to a rule for SSH.
#[track_caller]
fn greeting(peer: impl Fn(TcpStream) + Send + Sync + 'static, kinds: &[&str]) {
    let report = ask_of(SSH, "host", "host.ssh", listen(peer), 1);
    failed(&report, "host.ssh", "banner", kinds);
}

#[test]
fn greetings_that_never_come_never_end_or_are_nonsense_fail() {
    greeting(hold, &["timed-out"]);
    greeting(|mut stream| while stream.write_all(&[b'S'; 4096]).is_ok() {}, &["too-large", "garbage"]);
    greeting(|mut stream| while stream.write_all(b"line\r\n").is_ok() {}, &["too-large", "garbage"]);
    greeting(drop, &["closed", "reset"]);
    let http = |mut stream: TcpStream| {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        hold(stream);
    };
    greeting(http, &["garbage"]);
}
