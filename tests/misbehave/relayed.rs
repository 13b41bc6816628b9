//! A relay between the real binary and a real responder that spoils some of what passes through it.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use crate::harness::{self, Report, Started, binary};
use crate::peer::{Authority, listen};

pub const GATEWAY: u16 = 30989;
pub const PAGE: u16 = 30443;
const FIRST: u16 = 31000;
const LAST: u16 = 31039;
const PORTS: [&str; 5] =
    ["rtc.http=30080", "rtc.https=30443", "rtc.gateway=30989", "rtc.api=30089", "rtc.media=31000-31039"];

/// A loopback address that no other test uses, nor another run of them at the same time.
pub fn own_address() -> Ipv4Addr {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let [.., high, low] = std::process::id().to_be_bytes();
    Ipv4Addr::new(127, 64 | high >> 2, low, NEXT.fetch_add(1, Ordering::Relaxed))
}

/// The real responder with the RTC rules of profile `user`, on ports above 1024.
pub struct Responder {
    pub address: Ipv4Addr,
    _process: Started,
}

impl Responder {
    pub fn start(authority: &Authority) -> Self {
        let address = own_address();
        let (chain, key) = authority.server_files();
        let mut command = binary();
        command.args(["serve", "--profile", "user", "--role", "rtc", "--bind", &address.to_string()]);
        command.args(["--cert", &chain, "--key", &key]);
        command.args(PORTS.iter().flat_map(|p| ["--port", p]));
        let mut process = Started::new(command);
        process.stderr_says("ready");
        Self { address, _process: process }
    }
}

/// A relay to `to` that passes the first `limit` bytes of the server's side on, and then ends both connections; written
/// in pieces of `piece` bytes.
fn cutting(to: SocketAddr, limit: usize, piece: usize) -> impl Fn(TcpStream) + Send + Sync + 'static {
    move |mut client| {
        let mut server = TcpStream::connect(to).unwrap();
        let (mut from_client, mut to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        std::thread::spawn(move || std::io::copy(&mut from_client, &mut to_server));
        client.set_nodelay(true).unwrap();
        let mut left = limit;
        let mut chunk = vec![0; piece];
        while left > 0 {
            let room = left.min(piece);
            match server.read(&mut chunk[..room]) {
                Ok(n @ 1..) if client.write_all(&chunk[..n]).is_ok() => left -= n,
                _ => break,
            }
        }
        let _ = client.shutdown(Shutdown::Both);
        let _ = server.shutdown(Shutdown::Both);
    }
}

/// What rtc-check says of `rule` through a relay on `port`.
#[track_caller]
fn through(authority: &Authority, rule: &str, port: u16) -> Report {
    let mut command = binary();
    command.args(["--profile", "user", "--target", "rtc=127.0.0.1", "--only", rule, "--format", "json", "--quiet"]);
    command.args(["--port", &format!("{rule}={port}"), "--ca", authority.root()]);
    harness::run(command).says(&[]).report()
}

#[test]
fn a_connection_cut_after_any_number_of_bytes_is_classified_and_does_not_pass() {
    let authority = Authority::new();
    let responder = Responder::start(&authority);
    for (rule, port) in [("rtc.gateway", GATEWAY), ("rtc.https", PAGE)] {
        for limit in [0, 1, 4, 5, 6, 90, 130, 400, 700, 900] {
            let relay = listen(cutting((responder.address, port).into(), limit, 4096));
            let report = through(&authority, rule, relay);
            let check = report.of(rule)[0].is("fail");
            let (step, kind) = check.failure();
            assert!(["tls", "upgrade", "request"].contains(&step), "after {limit} bytes: {check}");
            assert!(["tls-cut-off", "closed", "reset"].contains(&kind), "after {limit} bytes: {check}");
        }
    }
}

#[test]
fn a_connection_in_small_pieces_is_slow_and_good() {
    let authority = Authority::new();
    let responder = Responder::start(&authority);
    for (rule, port) in [("rtc.gateway", GATEWAY), ("rtc.https", PAGE)] {
        let relay = listen(cutting((responder.address, port).into(), usize::MAX, 1));
        through(&authority, rule, relay).of(rule)[0].is("pass");
    }
}

/// What a UDP relay does to the answers on a port.
#[derive(Clone, Copy, PartialEq)]
enum Spoil {
    Nothing,
    Drop,
    Delay,
    Truncate,
    WrongSource,
    WrongTransaction,
}

fn spoil(port: u16) -> Spoil {
    match port - FIRST {
        5..=9 => Spoil::Drop,
        10..=14 => Spoil::Truncate,
        15..=19 => Spoil::WrongSource,
        20..=24 => Spoil::WrongTransaction,
        30..=34 => Spoil::Delay,
        _ => Spoil::Nothing,
    }
}

/// Passes each request on to the responder, and its answer back as [`spoil`] says.
fn relay(port: u16, address: Ipv4Addr, responder: Ipv4Addr) {
    let socket = UdpSocket::bind((address, port)).unwrap();
    std::thread::spawn(move || {
        let elsewhere = UdpSocket::bind((address, 0)).unwrap();
        let upstream = UdpSocket::bind("127.0.0.1:0").unwrap();
        upstream.connect((responder, port)).unwrap();
        upstream.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
        let (mut request, mut answer) = ([0; 1500], [0; 1500]);
        while let Ok((n, client)) = socket.recv_from(&mut request) {
            let _ = upstream.send(&request[..n]);
            let Ok(n) = upstream.recv(&mut answer) else { continue };
            let (sender, kept) = match spoil(port) {
                Spoil::Nothing => (&socket, n),
                Spoil::Drop => continue,
                Spoil::Truncate => (&socket, n - 8),
                Spoil::WrongSource => (&elsewhere, n),
                Spoil::WrongTransaction => {
                    answer[12] ^= 0xFF;
                    (&socket, n)
                }
                Spoil::Delay => {
                    std::thread::park_timeout(Duration::from_millis(150));
                    (&socket, n)
                }
            };
            let _ = sender.send_to(&answer[..kept], client);
        }
    });
}

#[test]
fn a_relay_that_spoils_some_ports_of_a_range_is_found_out_on_exactly_those() {
    let authority = Authority::new();
    let responder = Responder::start(&authority);
    let address = own_address();
    (FIRST..=LAST).for_each(|port| relay(port, address, responder.address));
    let mut command = binary();
    command.args(["--profile", "user", "--only", "rtc.media", "--port", "rtc.media=31000-31039", "--ports", "all"]);
    command.args(["--target", &format!("rtc={address}"), "--format", "json", "--quiet"]);
    let run = harness::run(command);
    let report = run.says(&[]).exits(1).report();
    let media = report.of("rtc.media")[0].is("fail");
    assert_eq!(media.ranges("answered"), ["31000-31004", "31025-31039"], "{media}");
    assert_eq!(media.ranges("silent"), ["31005-31024"], "{media}");
}
