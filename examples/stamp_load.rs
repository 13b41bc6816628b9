//! What sessions cost the responder: opens 1,000 of them over TLS, sends 50 packets a second in each from a source of its
//! own, and prints what was lost, how long a packet stayed in the responder (received to sent, by its own time stamps),
//! how long the round trip took (sent to the kernel's time stamp of the answer), CPU time a packet and bytes a session.
//! Sender and responder share the machine: two cores are the least, and where other programs want them too, `chrt -r 1`
//! before the example takes those out of the figures.
//!
//! `cargo run --release --example stamp_load [SESSIONS] [PACKETS_A_SECOND] [SECONDS] [BYTES]`

#![expect(clippy::print_stdout, reason = "a program that prints its figures")]

use std::error::Error;
use std::io::{IoSliceMut, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::Duration;

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags};
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt};
use rtc_check::model::{Service, Transport};
use rtc_check::net::clock;
use rtc_check::serve::{Config, Limits, Ports, Responder, ServeRule, self_signed};
use rtc_check::session::granted::Session;
use rtc_check::wire::grant::{Grant, PATH};
use rtc_check::wire::stamp::{ErrorEstimate, Report, Request, Timestamp, kind, read_reply, write_request};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// How long the sender sleeps when nothing is due, so that it takes no core from the responder.
const NAP: Duration = Duration::from_micros(50);

/// Microseconds, of which percentiles are asked.
#[derive(Default)]
struct Spread(Vec<f64>);

impl Spread {
    fn line(&mut self) -> String {
        self.0.sort_by(f64::total_cmp);
        let at = |p: f64| self.0.get((self.0.len() as f64 * p) as usize).or(self.0.last()).copied().unwrap_or(f64::NAN);
        format!("p50 {:.3} p99 {:.3} max {:.3} ms", at(0.5) / 1e3, at(0.99) / 1e3, at(1.0) / 1e3)
    }
}

/// One session's sender.
struct Sender {
    socket: UdpSocket,
    token: u64,
    seq: u32,
}

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1).map(|a| a.parse::<u32>());
    let mut next = |default: u32| args.next().transpose().map(|n| n.unwrap_or(default));
    let (sessions, rate, seconds, bytes) = (next(1000)?, next(50)?, next(10)?, next(200)?);
    let mut limits = Limits::default();
    // One source holds them all here.
    (limits.sessions.sessions, limits.sessions.packets_per_second) = (sessions * 4, u32::MAX);
    limits.sessions.kbps = u32::MAX;
    let (ca, tls) = self_signed(&["localhost".to_owned()])?;
    let rule = |id: &str, service, transport| ServeRule {
        id: id.into(),
        role: "rtc".into(),
        bind: vec![[127, 0, 7, 20].into()],
        ports: Ports::Free,
        service,
        transport,
        subprotocol: None,
    };
    let services = vec![rule("stamp", Service::Rtp, Transport::Udp), rule("https", Service::Https, Transport::Tcp)];
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let config =
        Config { services, tls, key: None, limits, alternate: Default::default(), tool_version: "load".to_owned() };
    let responder = runtime.block_on(Responder::start(config))?;
    let place = |rule: &str| {
        let bound = responder.bound().iter().find(|b| b.rule.as_str() == rule)?;
        Some(SocketAddr::new(bound.address, bound.ports.ranges().first()?.first()))
    };
    let (stamp, https) = (place("stamp").ok_or("no port")?, place("https").ok_or("no port")?);
    println!("a session: {} bytes; load before: {}", size_of::<Session>(), load_average());
    // More than ten seconds of opening would let the first grants lapse.
    let start = clock::now();
    let mut senders = open(&ca.0, https, sessions, rate, seconds, bytes)?;
    println!("{sessions} sessions opened in {:.1?}", start.elapsed());
    println!("{}", load(&mut senders, stamp, rate, seconds, bytes)?);
    println!("{}", runtime.block_on(responder.stop()));
    println!("load after: {}", load_average());
    Ok(())
}

fn load_average() -> String {
    std::fs::read_to_string("/proc/loadavg").unwrap_or_default().trim().to_owned()
}

/// Opens the sessions on one connection.
fn open(ca: &str, https: SocketAddr, sessions: u32, rate: u32, seconds: u32, bytes: u32) -> Result<Vec<Sender>> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(ca.as_bytes())?)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let config = builder.with_root_certificates(roots).with_no_client_auth();
    let connection = rustls::ClientConnection::new(Arc::new(config), ServerName::try_from("localhost")?)?;
    let stream = TcpStream::connect(https)?;
    stream.set_nodelay(true)?;
    let mut stream = rustls::StreamOwned::new(connection, stream);
    let kbps = (bytes + 28) * rate * 8 / 1000 + 1;
    let body = format!(
        r#"{{"kind":"train","up_kbps":{kbps},"down_kbps":{kbps},"packets_per_second":{rate},"seconds":{}}}"#,
        seconds + 2
    );
    let request = format!("POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let mut one = |_| {
        stream.write_all(request.as_bytes())?;
        let grant: Grant = serde_json::from_slice(&answer(&mut stream)?)?;
        let socket = UdpSocket::bind("127.0.8.1:0")?;
        socket.set_nonblocking(true)?;
        setsockopt(&socket, sockopt::ReceiveTimestampns, &true)?;
        Ok(Sender { socket, token: grant.token().ok_or("no token")?, seq: 0 })
    };
    (0..sessions).map(&mut one).collect()
}

/// The body of one answer.
fn answer(stream: &mut impl Read) -> Result<Vec<u8>> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.extend(byte);
    }
    let head = String::from_utf8(head)?.to_lowercase();
    let length = head.lines().find_map(|l| l.strip_prefix("content-length: ")).ok_or("no length")?;
    let mut body = vec![0; length.parse()?];
    stream.read_exact(&mut body)?;
    Ok(body)
}

#[derive(Default)]
struct Seen {
    received: u64,
    dwell: Spread,
    round: Spread,
    /// What the responder says of each session: packets that came, and those that its own socket lost.
    reports: Vec<(u32, u32)>,
}

fn load(senders: &mut [Sender], to: SocketAddr, rate: u32, seconds: u32, bytes: u32) -> Result<String> {
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
    for (place, sender) in senders.iter().enumerate() {
        epoll.add(&sender.socket, EpollEvent::new(EpollFlags::EPOLLIN, place as u64))?;
    }
    let mut seen = Seen { reports: vec![(0, 0); senders.len()], ..Seen::default() };
    let (count, wanted) = (senders.len() as u64, senders.len() as u64 * u64::from(rate * seconds));
    let (cpu, start) = (on_cpu("responder-udp"), clock::now());
    let (mut sent, mut late) = (0u64, Spread::default());
    while sent < wanted {
        let due = start.elapsed().as_nanos() as u64 * count * u64::from(rate) / 1_000_000_000;
        // A few at a time, so that answers are read in between.
        let few = due.min(wanted).min(sent + 8) - sent;
        for _ in 0..few {
            let ahead = start.elapsed().as_secs_f64() - sent as f64 / (count as f64 * f64::from(rate));
            late.0.push(ahead * 1e6);
            let sender = senders.get_mut((sent % count) as usize).ok_or("no sender")?;
            send(sender, to, bytes, false)?;
            sent += 1;
        }
        drain(&epoll, senders, &mut seen)?;
        if few == 0 {
            std::thread::sleep(NAP);
        }
    }
    let (took, cpu) = (start.elapsed(), on_cpu("responder-udp") - cpu);
    let end = clock::now() + Duration::from_millis(500);
    while clock::now() < end {
        drain(&epoll, senders, &mut seen)?;
    }
    let received = seen.received;
    for sender in senders.iter_mut() {
        send(sender, to, bytes, true)?;
    }
    let end = clock::now() + Duration::from_millis(500);
    while clock::now() < end {
        drain(&epoll, senders, &mut seen)?;
    }
    let (came, lost_here) =
        seen.reports.iter().fold((0u64, 0u64), |(c, l), (u, o)| (c + u64::from(*u), l.max((*o).into())));
    let pace = sent as f64 / took.as_secs_f64();
    Ok(format!(
        "{sent} sent at {pace:.0}/s, {} lost ({} on the way up, of those {lost_here} in the responder's socket)\n\
         in the responder: {}\nround trip: {}\nthe sender's own lateness: {}\n{:.2} us CPU a packet",
        sent - received,
        sent - came,
        seen.dwell.line(),
        seen.round.line(),
        late.line(),
        cpu.as_secs_f64() * 1e6 / received.max(1) as f64
    ))
}

fn send(sender: &mut Sender, to: SocketAddr, bytes: u32, query: bool) -> Result<()> {
    let mut buf = [0; 2048];
    let sent = Timestamp::ntp(clock::wall());
    let request = Request { seq: sender.seq, sent, error: ErrorEstimate::UNSYNCHRONISED, ssid: 1 };
    let report = Report { token: sender.token, query, ..Report::default() };
    let length = write_request(&mut buf, &request, None, Some(&report), None, bytes as usize).ok_or("no room")?;
    sender.seq += u32::from(!query);
    sender.socket.send_to(buf.get(..length).ok_or("no room")?, to)?;
    Ok(())
}

fn drain(epoll: &Epoll, senders: &[Sender], seen: &mut Seen) -> Result<()> {
    let mut events = [EpollEvent::empty(); 64];
    let ready = epoll.wait(&mut events, 0u8)?;
    let (mut buf, mut control) = ([0; 2048], [0u8; 64]);
    for event in events.iter().take(ready) {
        let place = event.data() as usize;
        let Some(sender) = senders.get(place) else { continue };
        let mut slices = [IoSliceMut::new(&mut buf)];
        let fd = sender.socket.as_raw_fd();
        let Ok(message) = recvmsg::<SockaddrStorage>(fd, &mut slices, Some(&mut control), MsgFlags::empty()) else {
            continue;
        };
        let at = message.cmsgs()?.find_map(|c| match c {
            ControlMessageOwned::ScmTimestampns(t) => Some(Duration::new(t.tv_sec() as u64, t.tv_nsec() as u32)),
            _ => None,
        });
        let length = message.bytes;
        let Ok((reply, tlvs)) = read_reply(buf.get(..length).unwrap_or_default(), None) else { continue };
        let report = tlvs.first_of(kind::REPORT).and_then(|t| Report::read(t.value)).unwrap_or_default();
        if let Some(kept) = seen.reports.get_mut(place) {
            *kept = (report.unique, report.overflow);
        }
        if report.query || report.token != sender.token {
            continue;
        }
        seen.received += 1;
        let micros = |from: Timestamp, to: Timestamp| to.since(from, reply.error) as f64 / 1e3;
        seen.dwell.0.push(micros(reply.received, reply.sent));
        seen.round.0.extend(at.map(|at| micros(reply.request_sent, Timestamp::ntp(at))));
    }
    Ok(())
}

/// CPU time of this process's thread of that name, from `schedstat` (nanoseconds).
fn on_cpu(thread: &str) -> Duration {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let mine = tasks.filter(|t| std::fs::read_to_string(t.path().join("comm")).is_ok_and(|c| c.trim() == thread));
    let time = mine.filter_map(|t| std::fs::read_to_string(t.path().join("schedstat")).ok());
    Duration::from_nanos(time.filter_map(|s| s.split(' ').next().and_then(|n| n.parse::<u64>().ok())).sum())
}
