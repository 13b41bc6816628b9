//! What many scrapes cost the exporter: probes of one open port of loopback, so many at once, with the exporter's resident
//! memory and open descriptors after each thousand, and how long a probe took. Memory that grows with the number of probes
//! shows here.
//!
//! `cargo run --release --example exporter_load PATH/TO/rtc-check [PROBES] [AT ONCE]`

#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a program that measures and prints its figures")]

use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// After so many probes a line is printed.
const EACH: usize = 1000;

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let binary = args.next().ok_or("give the path of rtc-check")?;
    let mut number = |otherwise: usize| args.next().map_or(Ok(otherwise), |a| a.parse::<usize>());
    let (probes, at_once) = (number(10_000)?, number(8)?);
    let target = web_server()?;
    let dir = std::env::temp_dir().join(format!("exporter-load-{}", std::process::id()));
    std::fs::create_dir_all(&dir)?;
    let profile = dir.join("one-port.toml");
    std::fs::write(&profile, one_port(target.port()))?;
    let at: SocketAddr = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let mut exporter = started(&binary, at, profile.to_str().ok_or("a path that is no text")?)?;
    let measured = load(at, target, probes, at_once);
    exporter.kill()?;
    exporter.wait()?;
    std::fs::remove_dir_all(&dir)?;
    measured
}

fn started(binary: &str, at: SocketAddr, profile: &str) -> Result<Child> {
    let mut command = Command::new(binary);
    command.args(["exporter", "--listen", &at.to_string(), "--allow", "127.0.0.0/8", "--profile", profile]);
    let mut child = command.stderr(Stdio::piped()).spawn()?;
    let mut lines = BufReader::new(child.stderr.take().ok_or("no stderr")?).lines();
    if !lines.by_ref().map_while(|line| line.ok()).any(|line| line.contains("ready")) {
        return Err("the exporter did not start".into());
    }
    std::thread::spawn(move || lines.for_each(drop));
    Ok(child)
}

fn load(at: SocketAddr, target: SocketAddr, probes: usize, at_once: usize) -> Result<()> {
    let path = format!("/probe?profile=one-port&target={}&only=web.http", target.ip());
    println!("{probes} probes, {at_once} at once; before them: {}", state(at)?);
    let (next, times) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::<Duration>::new())));
    let begun = Instant::now();
    for thousand in (0..probes).step_by(EACH) {
        let last = (thousand + EACH).min(probes);
        times.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let workers: Vec<_> = (0..at_once)
            .map(|_| {
                let (next, times, path) = (next.clone(), times.clone(), path.clone());
                std::thread::spawn(move || work(at, &path, last, &next, &times).map_err(|e| e.to_string()))
            })
            .collect();
        for worker in workers {
            worker.join().map_err(|_| "a client broke")??;
        }
        next.store(last, Relaxed);
        let mut times = times.lock().unwrap_or_else(PoisonError::into_inner);
        times.sort();
        let at_part = |part: usize| times.get(times.len() * part / 100).copied().unwrap_or_default();
        println!(
            "{last:>6} probes in {:.1?}: {}; a probe took {:.1?} (median), {:.1?} (95 %)",
            begun.elapsed(),
            state(at)?,
            at_part(50),
            at_part(95)
        );
    }
    Ok(())
}

fn work(at: SocketAddr, path: &str, last: usize, next: &AtomicUsize, times: &Mutex<Vec<Duration>>) -> Result<()> {
    while next.fetch_add(1, Relaxed) < last {
        let begun = Instant::now();
        let body = get(at, path)?;
        if !body.lines().any(|line| line == "probe_success 1") {
            return Err(format!("a probe was not green:\n{body}").into());
        }
        times.lock().unwrap_or_else(PoisonError::into_inner).push(begun.elapsed());
    }
    Ok(())
}

/// Resident memory, descriptors and threads, as the exporter tells them.
fn state(at: SocketAddr) -> Result<String> {
    let metrics = get(at, "/metrics")?;
    let figure = |name: &str| {
        let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.and_then(|value| value.parse::<f64>().ok()).unwrap_or(f64::NAN)
    };
    Ok(format!(
        "resident {:.0} KiB, {} descriptors, {} threads, {:.1} s CPU",
        figure("process_resident_memory_bytes") / 1024.0,
        figure("process_open_fds"),
        figure("process_threads"),
        figure("process_cpu_seconds_total")
    ))
}

fn get(at: SocketAddr, path: &str) -> Result<String> {
    let mut stream = TcpStream::connect(at)?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {at}\r\nConnection: close\r\n\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    match text.split_once("\r\n\r\n") {
        Some((head, body)) if head.starts_with("HTTP/1.1 200") => Ok(body.to_owned()),
        _ => Err(format!("not answered: {text}").into()),
    }
}

/// A web server that says the same to everyone.
fn web_server() -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let at = listener.local_addr()?;
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut request = [0; 4096];
                let _ = stream.read(&mut request);
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n");
            });
        }
    });
    Ok(at)
}

fn one_port(port: u16) -> String {
    format!(
        "name = \"one-port\"\ntitle = \"One port\"\nvantages = [\"client\"]\n[documents]\nd = \"None\"\n[roles.web]\n\
         description = \"A web server\"\n[http.\"web.http\"]\nto = \"web\"\nport = {port}\nneed = \"required\"\n\
         source = {{ document = \"d\", section = \"none\", row = \"the port\" }}\n"
    )
}
