//! Web servers that lead nowhere, never end, or stand in another's place.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::ask_of;
use crate::harness::Report;
use crate::peer::{drip, listen};

const PROFILE: &str = r#"
name = "pages"
title = "One page"
vantages = ["client"]
[documents]
d = "Document"
[roles.web]
description = "A web server"
[http."web.page"]
to = "web"
port = 80
EXPECT
need = "required"
source = { document = "d", section = "s", row = "r" }
"#;

/// Asks a peer that does this with each request's path.
#[track_caller]
fn page(expect: &str, exit: i32, peer: impl Fn(&mut TcpStream, &str) + Send + Sync + 'static) -> Report {
    let port = listen(move |mut stream| {
        let mut head = [0; 4096];
        let count = stream.read(&mut head).unwrap_or(0);
        let head = String::from_utf8_lossy(&head[..count]).into_owned();
        peer(&mut stream, head.split(' ').nth(1).unwrap_or_default());
    });
    ask_of(&PROFILE.replace("EXPECT", expect), "web", "web.page", port, exit)
}

fn send(stream: &mut TcpStream, text: &str) {
    let _ = stream.write_all(format!("HTTP/1.1 {text}").as_bytes());
}

#[test]
fn redirects_in_a_circle_and_without_end_are_warnings() {
    let report = page("", 0, |stream, path| {
        let next = if path == "/a" { "/b" } else { "/a" };
        send(stream, &format!("302 Found\r\nLocation: {next}\r\nContent-Length: 0\r\n\r\n"));
    });
    report.of("web.page")[0].is("warn").says(&["in a circle"]);
    let report = page("", 0, |stream, path| {
        send(stream, &format!("302 Found\r\nLocation: {path}x\r\nContent-Length: 0\r\n\r\n"));
    });
    report.of("web.page")[0].is("warn").says(&["again and again"]);
}

#[test]
fn pages_without_end_are_told_by_their_beginning() {
    const ENGINE: &str = "200 OK\r\nServer: WowzaStreamingEngine/4.8.0\r\n\r\n";
    let flood = page("expect = \"wowza\"", 0, |stream, _| {
        send(stream, ENGINE);
        for _ in 0..1 << 16 {
            if stream.write_all(&[b'x'; 16 * 1024]).is_err() {
                return;
            }
        }
    });
    flood.of("web.page")[0].is("pass").says(&["Wowza Streaming Engine 4.8.0"]);
    let slow = page("expect = \"wowza\"", 0, |stream, _| {
        send(stream, ENGINE);
        drip(stream, b"x");
    });
    slow.of("web.page")[0].is("pass");
}

#[test]
fn what_answers_in_another_servers_place_never_passes() {
    let portal =
        page("", 1, |stream, _| send(stream, "511 Network Authentication Required\r\nContent-Length: 0\r\n\r\n"));
    portal.of("web.page")[0].is("fail").says(&["captive portal"]);
    let elsewhere = page("expect = \"repository\"", 0, |stream, _| {
        send(stream, "302 Found\r\nLocation: http://login.example/\r\nContent-Length: 0\r\n\r\n");
    });
    elsewhere.of("web.page")[0].is("warn").says(&["http://login.example/", "captive portal"]);
    let noise = page("", 1, |stream, _| drop(stream.write_all(&[0xff, 0x00, 0xfe, 0x1b, 0x5b])));
    noise.of("web.page")[0].is("fail").says(&["does not speak HTTP/1.1", "ff00fe1b5b"]);
    let rtsp = page("", 1, |stream, _| drop(stream.write_all(b"RTSP/1.0 400 Bad Request\r\n\r\n")));
    rtsp.of("web.page")[0].is("fail").says(&["speaks RTSP and not HTTP", "another service has this port"]);
}
