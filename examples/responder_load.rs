//! What the responder costs: opens the 11,002 UDP ports of two roles, asks 50,000 times a second over all of them for
//! some seconds, and prints how long opening took, what was lost, CPU time for each request and kernel memory; then the
//! same for a loop that echoes without looking, which is the floor on the same machine at the same hour. Kernel memory
//! is the growth of `Slab` in /proc/meminfo: what is opened later takes what was freed before, so the first figure
//! counts.
//!
//! `cargo run --release --example responder_load [REQUESTS_A_SECOND] [SECONDS] [ROUNDS]`

#![expect(clippy::print_stdout, reason = "a program that prints its figures")]

use std::error::Error;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags};
use rtc_check::model::{PortRange, Service, Transport};
use rtc_check::net::clock;
use rtc_check::serve::{Config, Limits, Ports, Responder, ServeRule, self_signed};
use rtc_check::wire::stun::{MAX_WRITTEN, request_len, write_binding_request};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Sources: more than one, because one alone may have 30,000 answers a second.
const SOURCES: u8 = 4;

/// Requests sent in one go.
const TICK: Duration = Duration::from_millis(1);

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1).map(|a| a.parse::<u32>());
    let rate = args.next().transpose()?.unwrap_or(50_000);
    let seconds = args.next().transpose()?.unwrap_or(4);
    let rounds = args.next().transpose()?.unwrap_or(3);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    for round in 1..=rounds {
        for wildcard in [false, true] {
            let (slab, rss) = (kib("/proc/meminfo", "Slab:"), kib("/proc/self/status", "VmRSS:"));
            let start = clock::now();
            let responder = runtime.block_on(Responder::start(config(wildcard)?))?;
            let opened = start.elapsed();
            let slab = kib("/proc/meminfo", "Slab:").saturating_sub(slab);
            let rss = kib("/proc/self/status", "VmRSS:").saturating_sub(rss);
            let ports: u32 = responder.bound().iter().map(|b| b.ports.count()).sum();
            let what = if wildcard { "responder, wildcard" } else { "responder" };
            println!("{round} {what}: {ports} ports in {opened:.1?}, kernel {slab} KiB, resident {rss} KiB");
            println!("{round} {what}: {}", load(rate, seconds, "responder-udp")?);
            let counters = runtime.block_on(responder.stop());
            println!("{round} {what}: {counters}");
        }
        let slab = kib("/proc/meminfo", "Slab:");
        let echo = Echo::start()?;
        let slab = kib("/proc/meminfo", "Slab:").saturating_sub(slab);
        println!("{round} plain echo: kernel {slab} KiB; {}", load(rate, seconds, "echo")?);
        drop(echo);
    }
    Ok(())
}

/// Addresses and ports of the two media ranges.
fn ranges() -> [(SocketAddr, u16); 2] {
    [(([127, 0, 7, 10], 19_099).into(), 20_099), (([127, 0, 7, 11], 10_000).into(), 20_000)]
}

fn targets() -> Vec<SocketAddr> {
    let all = ranges()
        .into_iter()
        .flat_map(|(first, last)| (first.port()..=last).map(move |port| SocketAddr::new(first.ip(), port)));
    all.collect()
}

fn config(wildcard: bool) -> Result<Config> {
    let rule = |(first, last): (SocketAddr, u16)| {
        Some(ServeRule {
            id: format!("{first}").into(),
            role: "rtc".into(),
            bind: vec![if wildcard { [0, 0, 0, 0].into() } else { first.ip() }],
            ports: Ports::Exact(PortRange::new(first.port(), last)?),
            service: Service::Rtp,
            transport: Transport::Udp,
            subprotocol: None,
        })
    };
    let services = ranges().into_iter().filter_map(rule).collect();
    let (_, tls) = self_signed(&["localhost".to_owned()])?;
    Ok(Config {
        services,
        tls,
        key: None,
        limits: Limits::default(),
        alternate: Default::default(),
        tool_version: "load".to_owned(),
    })
}

/// Sends at `rate` over all ports, reads the answers between, and tells what came of it.
fn load(rate: u32, seconds: u32, thread: &str) -> Result<String> {
    let mut request = [0; MAX_WRITTEN];
    let length = write_binding_request(&mut request, [5; 12], None, request_len(false)).ok_or("no room")?;
    let request = request.get(..length).ok_or("no room")?;
    let sources = (1..=SOURCES).map(source).collect::<Result<Vec<_>>>()?;
    let targets = targets();
    // A stride that visits all ports in a scattered order.
    let mut order = (0..).map(|i: usize| targets.get(i * 7919 % targets.len()));
    let (cpu, start) = (on_cpu(thread), clock::now());
    let (mut sent, mut received, mut buf) = (0u64, 0u64, [0; 512]);
    let wanted = u64::from(rate) * u64::from(seconds);
    let mut drain = |received: &mut u64| {
        for source in &sources {
            while source.recv(&mut buf).is_ok() {
                *received += 1;
            }
        }
    };
    while sent < wanted {
        let due = (start.elapsed().as_micros() as u64 * u64::from(rate) / 1_000_000).min(wanted);
        for (source, to) in sources.iter().cycle().zip(order.by_ref().flatten()).take((due - sent) as usize) {
            source.send_to(request, to)?;
        }
        sent = due;
        drain(&mut received);
        std::thread::sleep(TICK);
    }
    let took = start.elapsed();
    let end = clock::now() + Duration::from_millis(300);
    while received < sent && clock::now() < end {
        drain(&mut received);
        std::thread::sleep(TICK);
    }
    let micros = (on_cpu(thread) - cpu).as_secs_f64() * 1e6 / received.max(1) as f64;
    let pace = sent as f64 / took.as_secs_f64();
    Ok(format!("{sent} sent at {pace:.0}/s, {} lost, {micros:.2} us CPU a request", sent - received))
}

fn source(number: u8) -> Result<UdpSocket> {
    let socket = UdpSocket::bind(SocketAddr::from(([127, 0, 8, number], 0)))?;
    socket.set_nonblocking(true)?;
    let _ = nix::sys::socket::setsockopt(&socket, nix::sys::socket::sockopt::RcvBufForce, &(4 << 20));
    Ok(socket)
}

/// CPU time of this process's thread of that name, from `schedstat` (nanoseconds).
fn on_cpu(thread: &str) -> Duration {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let mine = tasks.filter(|t| std::fs::read_to_string(t.path().join("comm")).is_ok_and(|c| c.trim() == thread));
    let time = mine.filter_map(|t| std::fs::read_to_string(t.path().join("schedstat")).ok());
    Duration::from_nanos(time.filter_map(|s| s.split(' ').next().and_then(|n| n.parse::<u64>().ok())).sum())
}

/// A value in KiB out of a file of `Name:  1234 kB` lines.
fn kib(file: &str, name: &str) -> u64 {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let line = text.lines().find_map(|l| l.strip_prefix(name));
    line.and_then(|l| l.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// The floor: the same sockets, each datagram sent back as it came.
struct Echo {
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Echo {
    fn start() -> Result<Self> {
        let sockets = targets().into_iter().map(UdpSocket::bind).collect::<std::io::Result<Vec<_>>>()?;
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        for (place, socket) in sockets.iter().enumerate() {
            socket.set_nonblocking(true)?;
            epoll.add(socket, EpollEvent::new(EpollFlags::EPOLLIN, place as u64))?;
        }
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let run = move || {
            let (mut events, mut buf) = (vec![EpollEvent::empty(); 1024], [0; 2048]);
            while !stopped.load(Relaxed) {
                let ready = epoll.wait(&mut events, 50u8).unwrap_or(0);
                for event in events.iter().take(ready) {
                    let Some(socket) = sockets.get(event.data() as usize) else { continue };
                    if let Ok((n, from)) = socket.recv_from(&mut buf) {
                        let _ = buf.get(..n).map(|bytes| socket.send_to(bytes, from));
                    }
                }
            }
            drop((epoll, sockets));
        };
        Ok(Self { stop, thread: Some(std::thread::Builder::new().name("echo".to_owned()).spawn(run)?) })
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
        let _ = self.thread.take().map(|t| t.join());
    }
}
