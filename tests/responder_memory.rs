//! The responder's memory under many sources: alone in its process, so that nothing else moves the figure.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};

use rtc_check::model::{Service, Transport};
use rtc_check::serve::{Config, Limits, Ports, Responder, ServeRule, self_signed};
use rtc_check::wire::stun::{MAX_WRITTEN, request_len, write_binding_request};

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|l| l.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// One padded request from each of `sources`, every one an address of its own in 127.0.0.0/8.
fn ask_from(sources: std::ops::Range<u32>, to: SocketAddr) {
    let mut buf = [0; MAX_WRITTEN];
    let length = write_binding_request(&mut buf, [1; 12], None, request_len(false)).unwrap();
    for source in sources {
        let address = Ipv4Addr::from(0x7f10_0000 + source);
        let socket = UdpSocket::bind((address, 0)).unwrap();
        socket.send_to(buf.get(..length).unwrap(), to).unwrap();
    }
}

#[tokio::test]
async fn a_hundred_thousand_sources_leave_resident_memory_where_it_is() {
    let (_, tls) = self_signed(&["localhost".to_owned()]).unwrap();
    let rule = ServeRule {
        id: "media".into(),
        role: "rtc".into(),
        bind: vec![Ipv4Addr::new(127, 0, 6, 20).into()],
        ports: Ports::Free,
        service: Service::Rtp,
        transport: Transport::Udp,
        subprotocol: None,
    };
    let config = Config {
        services: vec![rule],
        tls,
        key: None,
        limits: Limits::default(),
        alternate: Default::default(),
        tool_version: "0".to_owned(),
    };
    let responder = Responder::start(config).await.unwrap();
    let bound = responder.bound().first().unwrap();
    let to = SocketAddr::new(bound.address, bound.ports.ranges().first().unwrap().first());
    ask_from(0..1_000, to);
    let before = resident_kib();
    ask_from(1_000..101_000, to);
    let grown = resident_kib().saturating_sub(before);
    let counters = responder.stop().await;
    // Datagrams may be lost where the machine is slow; many sources must have been seen for the figure to mean anything.
    assert!(counters.answered > 10_000, "{counters}");
    assert!(grown < 1024, "{grown} KiB");
}
