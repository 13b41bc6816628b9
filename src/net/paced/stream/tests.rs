use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_util::sync::CancellationToken;

use crate::model::{FailureKind, Observation, ProbeKind, RelayTransport, Step};
use crate::net::clock;
use crate::net::leg::Leg;
use crate::net::loopback::{LONG, Pki, SHORT, reset, serve, serve_tls, silence};
use crate::net::paced::{Driven, Paced, Start};
use crate::net::tcp::Duplex;
use crate::net::tls::Trust;
use crate::net::udp::Stop;
use crate::session::{IcmpError, SendError, Session, Transmit};
use crate::wire::stun::write_binding_request;
use crate::wire::turn::frames::write_channel_data;

use super::*;

/// Sends frames one by one and is over when each has come back.
struct Echoed {
    start: Start,
    to_send: VecDeque<Vec<u8>>,
    back: Vec<Vec<u8>>,
    all: usize,
}

fn frames() -> VecDeque<Vec<u8>> {
    let mut buf = [0; 2048];
    let len = write_binding_request(&mut buf, [7; 12], None, 60).unwrap();
    let mut frames = VecDeque::from([buf[..len].to_vec()]);
    for size in [0, 1, 2, 3, 4, 172, 1200] {
        let len = write_channel_data(&mut buf, 0x4000, &vec![size as u8; size]).unwrap();
        frames.push_back(buf[..len].to_vec());
    }
    frames
}

impl Session for Echoed {
    fn poll_transmit(&mut self, _: Instant, buf: &mut [u8]) -> Option<Transmit> {
        let frame = self.to_send.pop_front()?;
        buf[..frame.len()].copy_from_slice(&frame);
        Some(Transmit { to: "127.0.0.1:9".parse().unwrap(), len: frame.len() })
    }
    fn wake(&self) -> Option<Instant> {
        (self.back.len() < self.all).then(|| self.start.at + LONG * 2)
    }
    fn on_datagram(&mut self, at: Instant, _: SocketAddr, bytes: &[u8]) {
        assert!(at >= self.start.at && at <= clock::now());
        self.back.push(bytes.to_vec());
    }
    fn on_icmp(&mut self, _: Instant, _: &IcmpError) {}
    fn on_send_error(&mut self, _: Instant, _: SocketAddr, error: SendError) {
        panic!("{error:?}");
    }
}

async fn echo<S: Duplex>(mut stream: S) {
    let mut buf = [0; 700];
    while let Ok(len @ 1..) = stream.read(&mut buf).await {
        let _ = stream.write_all(&buf[..len]).await;
        let _ = stream.flush().await;
    }
}

async fn drive(server: SocketAddr, trust: Trust, transport: RelayTransport, deadline: Duration) -> Driven<Echoed> {
    let host = "relay.example".to_owned();
    let leg = Leg { transport, server, host, trust: Arc::new(trust), proxy: None };
    let mut obs = Observation::new(ProbeKind::Turn);
    let way = leg.connect(clock::now() + LONG, &mut obs).await.unwrap();
    let cancel = CancellationToken::new();
    let paced = Paced { target: server.ip(), dscp: 46, deadline, cancel, step: Step::Relay };
    let make = |start| Echoed { start, to_send: frames(), back: Vec::new(), all: frames().len() };
    paced.run_over(way, make, |_, _| {}).await.unwrap()
}

#[tokio::test]
async fn frames_come_back_whole_over_tcp_and_tls() {
    let tcp = serve(echo).await;
    let driven = drive(tcp, Trust::only([]), RelayTransport::Tcp, LONG).await;
    assert_eq!((driven.stop, driven.cut), (Stop::Finished, None));
    assert_eq!(VecDeque::from(driven.session.back), frames());
    let pki = Pki::test();
    let tls = serve_tls(pki.leaf("relay.example"), &[], echo).await;
    let driven = drive(tls, pki.trust(), RelayTransport::Tls, LONG).await;
    assert_eq!((driven.stop, driven.cut), (Stop::Finished, None));
    assert_eq!(VecDeque::from(driven.session.back), frames());
}

#[tokio::test]
async fn each_way_to_break_is_told_apart() {
    let closing = serve(|mut stream| async move { drop(stream.read(&mut [0; 4096]).await) }).await;
    // Each reads on to the end: what is left unread at a close becomes a reset, which may overtake the answer.
    let http = serve(|mut stream| async move {
        let _ = stream.read(&mut [0; 4096]).await;
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        let _ = stream.shutdown().await;
        let _ = stream.read_to_end(&mut Vec::new()).await;
    });
    let alert = serve(|mut stream| async move {
        let _ = stream.read(&mut [0; 4096]).await;
        let _ = stream.write_all(&[21, 3, 3, 0, 2, 2, 10]).await;
        let _ = stream.shutdown().await;
        let _ = stream.read_to_end(&mut Vec::new()).await;
    });
    let half = serve(|mut stream| async move {
        let _ = stream.read(&mut [0; 4096]).await;
        let _ = stream.write_all(&[1, 1, 0, 40, 0x21, 0x12, 0xA4, 0x42, 9]).await;
        let _ = stream.shutdown().await;
        let _ = stream.read_to_end(&mut Vec::new()).await;
    });
    for (server, kind, words) in [
        (closing, FailureKind::Closed, "the relay closed the connection"),
        (serve(reset).await, FailureKind::Reset, "reset"),
        (http.await, FailureKind::Garbage, "answers in HTTP"),
        (alert.await, FailureKind::Garbage, "answers in TLS"),
        (half.await, FailureKind::Closed, "after 9 bytes of a message"),
    ] {
        let driven = drive(server, Trust::only([]), RelayTransport::Tcp, LONG).await;
        let cut = driven.cut.unwrap();
        let close_or_reset =
            kind == FailureKind::Closed && cut.kind == FailureKind::Reset && words.ends_with("connection");
        assert!(driven.stop == Stop::Cut && (cut.kind == kind || close_or_reset), "{cut}");
        assert!(close_or_reset || cut.detail.contains(words), "{cut}");
    }
    let silent = drive(serve(silence).await, Trust::only([]), RelayTransport::Tcp, SHORT).await;
    assert_eq!((silent.stop, silent.cut), (Stop::Deadline, None));
}
