//! No credential is shown: not in a report of any format, not on stderr however much is logged, not in a dry run, not in
//! an error, and not in the list of processes; while a relay, a proxy and a media server are really told them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "tests read the clock and the environment")]

#[allow(dead_code, reason = "each test crate uses its part of the harness")]
mod harness;

use std::io::{Read, Write};
use std::net::{TcpListener, UdpSocket};
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use harness::{Run, Started, binary, run};
use tempfile::TempDir;

/// Every secret and name, and as HTTP's Basic authentication writes the proxy's (RFC 7617).
const SECRETS: [(&str, &str); 10] = [
    ("RTC_CHECK_TURN_USERNAME", "turn-user-7e1f0a"),
    ("RTC_CHECK_TURN_PASSWORD", "turn-pass-93bd42"),
    ("RTC_CHECK_PROXY_USERNAME", "proxy-user-c05d"),
    ("RTC_CHECK_PROXY_PASSWORD", "proxy-pass-6c88"),
    ("RTC_CHECK_JANUS_TOKEN", "janus-token-1d47"),
    ("RTC_CHECK_JANUS_APISECRET", "janus-secret-80e2"),
    ("RTC_CHECK_RESPONDER_KEY", "responder-key-55aa-19c3"),
    ("BASIC", "cHJveHktdXNlci1jMDVkOnByb3h5LXBhc3MtNmM4OA=="),
    ("RTC_CHECK_RTSP_USERNAME", "rtsp-user-2f6e"),
    ("RTC_CHECK_RTSP_PASSWORD", "rtsp-pass-b81c"),
];

/// The secret of a relay that makes logins of it, in place of user name and password.
const REST: (&str, &str) = ("RTC_CHECK_TURN_SECRET", "turn-rest-secret-2ba9");

/// A relay over UDP that takes no login, and a proxy that takes none either; each tells what it was sent. The relay does
/// not answer before it is let.
struct Far {
    relay: u16,
    told_relay: Receiver<Vec<u8>>,
    let_relay: Sender<()>,
    proxy: u16,
    told_proxy: Receiver<Vec<u8>>,
}

impl Far {
    fn new() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let relay = socket.local_addr().unwrap().port();
        let (tell, told_relay) = mpsc::channel();
        let (let_relay, may) = mpsc::channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 1500];
            let mut waits = true;
            while let Ok((n, from)) = socket.recv_from(&mut buffer) {
                let request = buffer[..n].to_vec();
                let _ = tell.send(request.clone());
                if std::mem::take(&mut waits) {
                    let _ = may.recv();
                }
                let _ = socket.send_to(&unauthorized(&request), from);
            }
        });
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = listener.local_addr().unwrap().port();
        let (tell, told_proxy) = mpsc::channel();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut head = vec![0; 4096];
                let n = stream.read(&mut head).unwrap_or(0);
                let _ = stream.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n");
                let _ = tell.send(head[..n].to_vec());
            }
        });
        Self { relay, told_relay, let_relay, proxy, told_proxy }
    }
}

/// The answer 401 with realm and nonce (RFC 8489 section 9.2.4) to whatever was asked.
fn unauthorized(request: &[u8]) -> Vec<u8> {
    let attribute = |kind: u16, value: &[u8]| {
        let mut bytes = [kind.to_be_bytes(), u16::try_from(value.len()).unwrap().to_be_bytes()].concat();
        bytes.extend(value);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    };
    let error = [&[0, 0, 4, 1][..], b"Unauthorized"].concat();
    let body = [attribute(0x0009, &error), attribute(0x0014, b"example.org"), attribute(0x0015, b"n0nce")].concat();
    let kind = u16::from_be_bytes([request[0], request[1]]) | 0x0110;
    let length = u16::try_from(body.len()).unwrap();
    [&kind.to_be_bytes()[..], &length.to_be_bytes(), &request[4..20], &body].concat()
}

/// `rtc-check` with these arguments and every secret of `secrets` in its environment, logging all there is.
fn told(secrets: &[(&str, &str)], args: &[&str]) -> Command {
    let mut command = binary();
    command.envs(secrets.iter().filter(|(name, _)| name.starts_with("RTC_CHECK_")).copied()).env("RUST_LOG", "trace");
    command.args(["--profile", "user", "--target", "rtc=127.0.0.1", "--target", "ice=127.0.0.1"]).args(args);
    command
}

#[track_caller]
fn hides(secrets: &[(&str, &str)], place: &str, text: &str) {
    for (name, secret) in secrets {
        assert!(!text.contains(secret), "{place} shows {name}:\n{text}");
    }
}

#[track_caller]
fn hides_all(secrets: &[(&str, &str)], run: &Run) {
    hides(secrets, "stdout", &run.stdout);
    hides(secrets, "stderr", &run.stderr);
}

/// What every process of this machine was started with.
fn command_lines() -> String {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = processes.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " ") + "\n").collect()
}

/// Both relays, one over UDP and one through the proxy, as flags.
fn relays(far: &Far) -> Vec<String> {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let moved = format!(
        "ice.turn-udp-80={},ice.turn-tcp-80={closed},ice.turns-udp-443={closed},ice.turns-tcp-443={closed},rtc.gateway={closed},rtc.api={closed}",
        far.relay
    );
    let uri = format!("turn:127.0.0.1:{}?transport=tcp", far.relay);
    let proxy = format!("http://127.0.0.1:{}", far.proxy);
    let words = "turn,turns,call,rtc.gateway,rtc.api";
    ["--port", &moved, "--turn", &uri, "--proxy", &proxy, "--only", words].map(str::to_owned).to_vec()
}

#[test]
fn no_output_shows_a_credential_that_was_used() {
    let far = Far::new();
    let relays = relays(&far);
    let relays: Vec<&str> = relays.iter().map(String::as_str).collect();
    let dir = TempDir::new().unwrap();
    let file = |format: &str| format!("{format}={}", dir.path().join(format).display());
    let (json, ndjson) = (file("json"), file("ndjson"));
    let all = [&relays[..], &["--report", &json, "--report", &ndjson]].concat();
    let started = Started::new(told(&SECRETS, &all));
    let asked = far.told_relay.recv_timeout(Duration::from_secs(60)).unwrap();
    hides(&SECRETS, "the first request, which has no login yet,", &String::from_utf8_lossy(&asked));
    let processes = command_lines();
    assert!(processes.contains(&format!("--proxy http://127.0.0.1:{}", far.proxy)), "it was not running any more");
    let shown = SECRETS.iter().find(|(_, secret)| processes.contains(secret));
    assert_eq!(shown.map(|(name, _)| name), None, "stands in the list of processes");
    far.let_relay.send(()).unwrap();
    let run = started.finish();
    hides_all(&SECRETS, &run);
    assert!(run.stdout.contains("ice.turn-udp-80"), "{}\n{}", run.stdout, run.stderr);
    for format in ["json", "ndjson"] {
        let report = std::fs::read_to_string(dir.path().join(format)).unwrap();
        assert!(report.contains("ice.turn-udp-80"), "{report}");
        hides(&SECRETS, format, &report);
    }
    let has = |told: &Receiver<Vec<u8>>, secret: &str| {
        told.try_iter().any(|bytes| String::from_utf8_lossy(&bytes).contains(secret))
    };
    assert!(has(&far.told_relay, SECRETS[0].1), "the relay was never told the user name");
    assert!(has(&far.told_proxy, SECRETS[7].1), "the proxy was never told the login");

    let live = run_of(&SECRETS, &[&relays[..], &["--format", "ndjson"]].concat());
    assert!(live.stdout.contains("check-done"), "{}", live.stdout);
    let rest = [SECRETS[2], SECRETS[3], REST, SECRETS[7]];
    run_of(&rest, &[&relays[..], &["--format", "json", "--redact", "all"]].concat());
    assert!(has(&far.told_relay, ":rtc-check"), "the relay was never told a user name for a time");
}

/// Runs to the end; nothing shows.
#[track_caller]
fn run_of(secrets: &[(&str, &str)], args: &[&str]) -> Run {
    let run = run(told(secrets, args));
    hides_all(secrets, run.says(&[]));
    run
}

/// A proxy that says again all that it was asked: into the tunnel, in Latin-1, or as an answer's head and page.
fn echoing_proxy() -> (u16, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut head = vec![0; 4096];
            let n = stream.read(&mut head).unwrap_or(0);
            let asked = String::from_utf8_lossy(&head[..n]).into_owned();
            let login = asked.lines().find_map(|line| line.strip_prefix("Proxy-Authorization: Basic "));
            let login =
                login.or(asked.lines().find_map(|l| l.strip_prefix("Proxy-Authorization: "))).unwrap_or_default();
            let words = match asked.starts_with("CONNECT") {
                true => [&b"HTTP/1.1 200 OK\r\n\r\n<p>\xe8 "[..], login.as_bytes(), b"\r\n"].concat(),
                false => {
                    let head = format!(
                        "HTTP/1.1 302 Found\r\nServer: {login}\r\nLocation: http://127.0.0.9/{login}\r\nContent-Length: {n}\r\n\r\n"
                    );
                    [head.as_bytes(), asked.as_bytes()].concat()
                }
            };
            let _ = stream.write_all(&words);
            let _ = tell.send(asked);
        }
    });
    (port, told)
}

#[test]
fn a_proxy_that_says_again_what_it_was_told_does_not_reach_any_output() {
    let (port, told_proxy) = echoing_proxy();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let moved = format!("rtc.http={closed},rtc.gateway={closed},rtc.api={closed}");
    let proxy = format!("http://127.0.0.1:{port}");
    let args = ["--port", &moved, "--proxy", &proxy, "--only", "rtc.http,rtc.gateway,rtc.api"];
    for format in ["json", "ndjson", "table"] {
        let run = run_of(&SECRETS, &[&args[..], &["--format", format]].concat());
        assert!(run.stdout.contains("rtc.http"), "{}\n{}", run.stdout, run.stderr);
    }
    let asked: Vec<String> = told_proxy.try_iter().collect();
    for method in ["CONNECT ", "GET http://"] {
        let bears = |head: &&String| head.starts_with(method) && head.contains(SECRETS[7].1);
        assert!(asked.iter().any(|head| bears(&head)), "no {method} with the login: {asked:?}");
    }
}

#[test]
fn neither_a_dry_run_nor_help_nor_an_error_shows_a_credential() {
    let relay = ["--turn", "turns:relay.example", "--proxy", "http://proxy.example:3128"];
    let dry = run_of(&SECRETS, &[&relay[..], &["--dry-run"]].concat());
    assert!(dry.exits(0).stdout.contains("turn.tls-5349"), "{}", dry.stdout);
    run_of(&SECRETS, &["--help"]).exits(0);
    run_of(&SECRETS, &["--only", "nonsense"]).exits(2);
    let with = |name: &str, value: &str| {
        let mut command = told(&[], &["--dry-run"]);
        command.env(name, value);
        run(command)
    };
    for (name, value) in [
        ("RTC_CHECK_PROXY", "http://bob:turn-pass-93bd42@proxy.example:3128"),
        ("RTC_CHECK_TURN", "turn:bob:turn-pass-93bd42@relay.example"),
        ("RTC_CHECK_TURN_PASSWORD", "turn-pass-93bd42"),
    ] {
        let run = with(name, value);
        hides_all(&SECRETS, run.exits(2).says(&["RTC_CHECK_"]));
    }
    with("RTC_CHECK_TURN_USERNAME", "bob").exits(2).says(&["RTC_CHECK_TURN_PASSWORD", "RTC_CHECK_TURN_SECRET"]);
    with("RTC_CHECK_PROXY_PASSWORD", "p").exits(0);
    let dry = with("HTTPS_PROXY", "http://bob:turn-pass-93bd42@proxy.example:3128");
    hides_all(&SECRETS, dry.exits(0));
    assert!(dry.stdout.contains("through http://proxy.example:3128"), "{}", dry.stdout);
    hides_all(
        &SECRETS,
        with("ALL_PROXY", "https://bob:turn-pass-93bd42@proxy.example:1").exits(2).says(&["--proxy none"]),
    );
}

#[test]
fn a_secret_in_the_configuration_file_is_refused_without_repeating_it() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("rtc-check.toml");
    for (text, words) in [
        ("turn-password = \"turn-pass-93bd42\"\n", "RTC_CHECK_TURN_PASSWORD"),
        ("proxy = \"http://bob:turn-pass-93bd42@proxy.example:1\"\n", "RTC_CHECK_PROXY_PASSWORD"),
        ("janus-token = [\n\"janus-token-1d47\"\n", "rtc-check.toml:"),
    ] {
        std::fs::write(&path, text).unwrap();
        let run = run(told(&[], &["--config", path.to_str().unwrap(), "--dry-run"]));
        hides_all(&SECRETS, run.exits(2).says(&[words]));
    }
}

#[test]
fn a_secret_may_be_in_a_file_that_must_be_readable() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("password");
    std::fs::write(&file, "turn-pass-93bd42\n").unwrap();
    let with = |file: &Path| {
        let mut command = told(&[("RTC_CHECK_TURN_USERNAME", "bob")], &["--dry-run"]);
        command.env("RTC_CHECK_TURN_PASSWORD_FILE", file);
        run(command)
    };
    with(&file).exits(0);
    with(&dir.path().join("missing")).exits(2).says(&["RTC_CHECK_TURN_PASSWORD_FILE", "missing"]);
}
