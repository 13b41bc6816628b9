//! STUN servers that lie about their second address or about what they see: "the server cannot tell" is right, a kind of
//! NAT is not.

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use crate::harness::{self, Check, Report, binary};
use crate::relay::{Frame, xored};

const MAPPED: u16 = 0x0020;
const OTHER: u16 = 0x802C;
const ORIGIN: u16 = 0x802B;

/// A server that says `other` of its second address and sends what `mapped` says; it answers from where it was asked,
/// whatever was asked for.
fn server(
    other: impl Fn(SocketAddr) -> Option<SocketAddr>,
    mapped: impl Fn(SocketAddr) -> SocketAddr + Send + 'static,
) -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let own = socket.local_addr().unwrap();
    let other = other(own);
    std::thread::spawn(move || {
        let mut datagram = [0; 2048];
        while let Ok((n, client)) = socket.recv_from(&mut datagram) {
            let frame = Frame { bytes: &datagram[..n], client };
            let mut answer = frame.success().with(MAPPED, &xored(mapped(client))).with(ORIGIN, &plain(own));
            if let Some(other) = other {
                answer = answer.with(OTHER, &plain(other));
            }
            let _ = socket.send_to(&answer.0, client);
        }
    });
    own.port()
}

/// An IPv4 address as it is.
fn plain(address: SocketAddr) -> Vec<u8> {
    let SocketAddr::V4(address) = address else { panic!("an IPv4 address") };
    let mut value = vec![0, 1];
    value.extend_from_slice(&address.port().to_be_bytes());
    value.extend_from_slice(&address.ip().octets());
    value
}

#[track_caller]
fn asked(port: u16) -> Report {
    let mut command = binary();
    command.args(["--profile", "user", "--target", "rtc=127.0.0.1", "--only", "nat", "--format", "json", "--quiet"]);
    command.args(["--stun", &format!("127.0.0.1:{port}")]);
    let run = harness::run(command);
    assert!(run.took < Duration::from_secs(20), "took {:?}", run.took);
    run.says(&[]).report()
}

#[track_caller]
fn only(report: &Report) -> Check<'_> {
    let mut found = report.all();
    found.retain(|c| c.value["probe"] == "nat" && c.status() != "skip");
    assert_eq!(found.len(), 1, "one NAT check: {report}");
    found[0]
}

#[track_caller]
fn cannot_tell(report: &Report, what: &[&str]) {
    let check = only(report);
    for key in what {
        assert_eq!(check.seen(key), "unknown", "{key}: {check}");
    }
    assert!(check.seen("nat_why_unknown").is_string(), "{check}");
}

#[test]
fn a_second_address_that_is_the_first_tells_nothing() {
    cannot_tell(&asked(server(Some, |client| client)), &["filtering"]);
}

#[test]
fn a_server_that_does_not_change_its_address_tells_no_filtering() {
    let second = |own: SocketAddr| Some(SocketAddr::from(([127, 0, 0, 2], own.port() + 1)));
    cannot_tell(&asked(server(second, |client| client)), &["filtering"]);
}

#[test]
fn a_second_address_where_nobody_is_decides_nothing() {
    let nowhere = |_| Some(SocketAddr::from(([0, 0, 0, 0], 0)));
    cannot_tell(&asked(server(nowhere, |client| client)), &["filtering"]);
}

#[test]
fn an_address_that_is_another_each_time_is_no_kind_of_nat() {
    let second = |own: SocketAddr| Some(SocketAddr::from(([127, 0, 0, 2], own.port() + 1)));
    let count = std::sync::atomic::AtomicU16::new(1000);
    let made_up = move |_| {
        let port = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        SocketAddr::from(([192, 0, 2, 9], port))
    };
    cannot_tell(&asked(server(second, made_up)), &["mapping", "filtering"]);
}

#[test]
fn silence_and_nonsense_tell_nothing() {
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let check = asked(silent.local_addr().unwrap().port());
    only(&check).is("unknown");
    let nonsense = crate::relay::over_udp(|_| vec![vec![0xA5; 900]]);
    only(&asked(nonsense)).is("unknown");
}
