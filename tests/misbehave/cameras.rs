//! Many cameras that each take their time.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::Duration;

use crate::harness::{self, Run, binary};

/// Listens on one port of the first `count` addresses of 127.1.0.0/24, each a camera that answers after a second.
fn cameras(count: u8) -> (Vec<String>, u16) {
    let bind = |n, port| TcpListener::bind((Ipv4Addr::new(127, 1, 0, n), port));
    let (port, listeners) = loop {
        let first = bind(1, 0).unwrap();
        let port = first.local_addr().unwrap().port();
        // Somebody else may have the port on another address.
        let rest: Result<Vec<_>, _> = (2..=count).map(|n| bind(n, port)).collect();
        if let Ok(rest) = rest {
            break (port, [vec![first], rest].into_iter().flatten().collect::<Vec<_>>());
        }
    };
    let hosts = listeners.iter().map(|l| l.local_addr().unwrap().ip().to_string()).collect();
    for listener in listeners {
        std::thread::spawn(move || listener.incoming().flatten().for_each(answering));
    }
    (hosts, port)
}

/// Answers on a thread of its own.
fn answering(stream: TcpStream) {
    std::thread::spawn(move || answer(stream));
}

fn answer(mut stream: TcpStream) {
    let _ = stream.read(&mut [0; 4096]);
    std::thread::park_timeout(Duration::from_secs(1));
    let _ = stream.write_all(b"HTTP/1.1 401 Unauthorized\r\nServer: camera\r\nContent-Length: 0\r\n\r\n");
}

fn run(count: u8) -> Run {
    let (hosts, port) = cameras(count);
    let mut command = binary();
    command.args([
        "--profile",
        "valt",
        "--from",
        "media-server",
        "--only",
        "camera.http",
        "--format",
        "json",
        "--quiet",
    ]);
    command.arg("--target").arg(format!("camera={}", hosts.join(","))).arg("--port").arg(format!("camera.http={port}"));
    harness::run(command)
}

fn finding(run: &Run) -> Option<String> {
    let report = run.exits(0).report();
    let findings = report.0["findings"].as_array().cloned().unwrap_or_default();
    findings.iter().find(|f| f["id"] == "media.cameras").map(ToString::to_string)
}

#[test]
fn fifty_cameras_are_asked_side_by_side() {
    let run = run(50);
    let report = run.exits(0).report();
    let checks = report.of("camera.http");
    assert_eq!(checks.len(), 50);
    for check in checks {
        check.is("pass");
    }
    // One after the other they would take 50 s.
    assert!(run.took < Duration::from_secs(5), "took {:?}", run.took);
    assert_eq!(finding(&run), None);
}

#[test]
fn more_than_fifty_cameras_on_one_media_server_are_a_warning() {
    let told = finding(&run(51)).expect("a finding");
    assert!(told.contains("51 cameras on one media server") && told.contains("warn"), "{told}");
}
