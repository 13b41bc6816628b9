//! Every service's probe against every bad server, in one run: silence, one byte at a time, a flood, binary noise, the
//! greeting of another protocol, a hang-up, half an answer. Nothing passes, everything ends in its time and in little
//! memory, and each has a sentence.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use crate::harness::{self, Check};
use crate::peer::{drip, hold, listen};

/// A name here, the service of the rule, the rule's further fields, and how its good answer begins.
type Service = (&'static str, &'static str, &'static str, &'static [u8]);

const SERVICES: &[Service] = &[
    ("http", "http", "", b"HTTP/1.1 200 OK\r\nContent-Le"),
    ("either", "http", "either = true", b"HTTP/1.1 200 OK\r\nContent-Le"),
    ("https", "https", "", b"\x16\x03\x03\x40"),
    ("ws", "ws", "", b"HTTP/1.1 101 Switching Pro"),
    ("wss", "wss", "", b"\x16\x03\x03\x40"),
    ("ssh", "ssh", "", b"SSH-2.0-Open"),
    ("rtsp", "rtsp", "", b"RTSP/1.0 200 OK\r\nCSeq:"),
    ("rtmp", "rtmp", "", b"\x03\0\0\0\0\0\0\0\0"),
    ("rtmps", "rtmps", "", b"\x16\x03\x03\x40"),
    ("ftp", "ftp", "", b"220-Wel"),
    ("sip-tcp", "sip", "transport = \"tcp\"", b"SIP/2.0 200 OK\r\nVia"),
    ("sip-tls", "sip", "transport = \"tcp\"\ntls = true", b"\x16\x03\x03\x40"),
];

/// What a server does with each connection.
type Deed = fn(TcpStream, &'static [u8]);

const DEEDS: &[(&str, Deed)] = &[
    ("silence", |stream, _| hold(stream)),
    ("hang-up", |stream, _| drop(stream)),
    ("drip", |mut stream, begun| {
        let _ = stream.write_all(begun);
        drip(&mut stream, b"x");
    }),
    ("half", |mut stream, begun| {
        let _ = stream.read(&mut [0; 64]);
        let _ = stream.write_all(begun);
    }),
    ("noise", |mut stream, _| {
        let noise: Vec<u8> = (0..4096u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8 | 0x80).collect();
        let _ = stream.write_all(&noise);
        hold(stream);
    }),
    ("flood", |mut stream, begun| {
        let _ = stream.write_all(begun);
        // A gigabyte, if it is let.
        let block = vec![b'A'; 1 << 20];
        (0..1024).all(|_| stream.write_all(&block).is_ok());
    }),
    ("mail", |mut stream, _| {
        let _ = stream.write_all(b"220 mail.example ESMTP ready\r\n");
        hold(stream);
    }),
];

fn profile() -> (String, Vec<String>) {
    let mut text =
        "name = \"bad\"\ntitle = \"Bad servers\"\nvantages = [\"client\"]\n[roles.host]\ndescription = \"bad\"\n"
            .to_owned();
    let mut rules = Vec::new();
    for (name, service, fields, begun) in SERVICES {
        for (deed, act) in DEEDS {
            let (begun, act) = (*begun, *act);
            let port = listen(move |stream| act(stream, begun));
            let rule = format!("{name}.{deed}");
            text.push_str(&format!(
                "[{service}.\"{rule}\"]\nto = \"host\"\nport = {port}\n{fields}\nneed = \"required\"\n\
                 source = {{ document = \"D\", section = \"S\", row = \"{rule}\" }}\n"
            ));
            rules.push(rule);
        }
    }
    (text, rules)
}

#[test]
fn no_bad_server_passes_hangs_a_check_or_fills_the_memory() {
    let (text, rules) = profile();
    let file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
    std::fs::write(file.path(), text).unwrap();
    // 400 MB of data at the most: the floods are a gigabyte each.
    let mut command = harness::clean(Command::new("sh"));
    command.args(["-c", "ulimit -d 400000; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_rtc-check"), "--profile"]);
    command.arg(file.path()).args(["--target", "host=127.0.0.1", "--format", "json", "--quiet"]);
    command.args(["--skip", "nat,ice,call,path,quality,bandwidth", "--timeout", "3"]);
    let run = harness::run(command);
    let report = run.exits(1).report();
    assert!(run.took < Duration::from_secs(30), "{:?}", run.took);
    let mut wrong = Vec::new();
    for rule in &rules {
        let checks = report.of(rule);
        assert_eq!(checks.len(), 1, "{rule}");
        wrong.extend(complaint(&checks[0]).map(|why| format!("{why}: {}", checks[0])));
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), rules.len(), wrong.join("\n"));
}

fn complaint(check: &Check<'_>) -> Option<String> {
    let took = check.value["duration_ms"].as_u64().unwrap_or(u64::MAX);
    let met = check.seen("met").as_str();
    let mail = check.rule().ends_with(".mail") && !check.rule().starts_with("either");
    match check.status() {
        _ if took > 8000 => Some(format!("{took} ms")),
        "fail" if mail && met != Some("SMTP") => Some(format!("met {met:?}")),
        "fail" => None,
        status => Some(status.to_owned()),
    }
}
