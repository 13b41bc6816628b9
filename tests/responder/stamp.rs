//! STAMP and test sessions: real sockets and what the kernel tells of each datagram.

use std::io::{IoSlice, IoSliceMut};
use std::os::fd::AsRawFd;

use nix::sys::socket::{ControlMessage, ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, sendmsg, sockopt};
use rtc_check::wire::grant;
use rtc_check::wire::stamp::{
    ClassOfService, ErrorEstimate, Reply, Report, Request, Timestamp, kind, read_reply, write_request,
};

use super::*;

const KEY: &str = "a shared key of the test";

/// A sender's socket.
struct Sender {
    socket: UdpSocket,
    to: SocketAddr,
    key: Option<&'static str>,
    token: u64,
}

/// What came back.
struct Answer {
    from: SocketAddr,
    reply: Reply,
    cos: Option<ClassOfService>,
    report: Option<Report>,
    tos: u8,
    len: usize,
}

impl Sender {
    fn new(local: &str, to: SocketAddr) -> Self {
        let socket = UdpSocket::bind(local).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
        match to.is_ipv4() {
            true => nix::sys::socket::setsockopt(&socket, sockopt::IpRecvTos, &true).unwrap(),
            false => nix::sys::socket::setsockopt(&socket, sockopt::Ipv6RecvTClass, &true).unwrap(),
        }
        Self { socket, to, key: None, token: 0 }
    }

    fn send(&self, seq: u32, query: bool, tos: u8, wanted_dscp: u8) {
        let sent = Timestamp::ntp(rtc_check::net::clock::wall());
        let request = Request { seq, sent, error: ErrorEstimate::UNSYNCHRONISED, ssid: 5 };
        let cos = ClassOfService { wanted_dscp, ..ClassOfService::default() };
        let report = Report { token: self.token, query, ..Report::default() };
        let mut buf = [0; 1500];
        let key = self.key.map(str::as_bytes);
        let n = write_request(&mut buf, &request, Some(cos), Some(&report), key, 200).unwrap();
        let (v4, v6) = (tos, i32::from(tos));
        let class = if self.to.is_ipv4() { ControlMessage::Ipv4Tos(&v4) } else { ControlMessage::Ipv6TClass(&v6) };
        let to = SockaddrStorage::from(self.to);
        let fd = self.socket.as_raw_fd();
        sendmsg(fd, &[IoSlice::new(&buf[..n])], &[class], MsgFlags::empty(), Some(&to)).unwrap();
    }

    fn receive(&self) -> Option<Answer> {
        let (mut buf, mut control) = ([0; 1500], [0; 64]);
        let mut slices = [IoSliceMut::new(&mut buf)];
        let fd = self.socket.as_raw_fd();
        let message = recvmsg::<SockaddrStorage>(fd, &mut slices, Some(&mut control), MsgFlags::empty()).ok()?;
        let tos = message.cmsgs().unwrap().find_map(|c| match c {
            ControlMessageOwned::Ipv4Tos(tos) => Some(tos),
            ControlMessageOwned::Ipv6TClass(class) => u8::try_from(class).ok(),
            _ => None,
        });
        let address = message.address.unwrap();
        let from = address.as_sockaddr_in().map(|a| SocketAddr::V4((*a).into()));
        let from = from.or_else(|| address.as_sockaddr_in6().map(|a| SocketAddr::V6((*a).into()))).unwrap();
        let (len, tos) = (message.bytes, tos.unwrap());
        let (reply, tlvs) = read_reply(&buf[..len], self.key.map(str::as_bytes)).unwrap();
        let cos = tlvs.first_of(kind::CLASS_OF_SERVICE).filter(|t| t.understood());
        let report = tlvs.first_of(kind::REPORT).filter(|t| t.understood());
        let cos = cos.and_then(|t| ClassOfService::read(t.value));
        let report = report.and_then(|t| Report::read(t.value));
        Some(Answer { from, reply, cos, report, tos, len })
    }

    fn ask(&self, seq: u32) -> Answer {
        self.send(seq, false, 0, 0);
        self.receive().unwrap()
    }

    fn query(&self) -> Report {
        self.send(u32::MAX, true, 0, 0);
        self.receive().unwrap().report.unwrap()
    }
}

async fn post(ca: &CertificatePem, to: SocketAddr, field: &str, body: &str) -> (u16, String) {
    let head = format!("POST {} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n{field}", grant::PATH);
    let request = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
    let answer = exchange(tls(ca, to).await, &request).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

const ASK: &str = r#"{"kind":"train","up_kbps":80,"down_kbps":80,"packets_per_second":50,"seconds":10}"#;

fn token(body: &str) -> u64 {
    let grant: grant::Grant = serde_json::from_str(body).unwrap();
    assert_ne!(grant.ssid, 0);
    grant.token().unwrap()
}

#[tokio::test]
async fn stamp_is_answered_with_what_the_kernel_told() {
    let services = vec![
        udp("v4", "127.0.6.1", Ports::Free),
        udp("v6", "::1", Ports::Free),
        udp("any4", "0.0.0.0", Ports::Free),
        udp("any6", "::", Ports::Free),
    ];
    let (responder, _) = start(services).await;
    let port = |rule| place(&responder, rule).port();
    for (local, to) in [
        ("127.0.0.1:0", format!("127.0.6.1:{}", port("v4"))),
        ("[::1]:0", format!("[::1]:{}", port("v6"))),
        ("127.0.0.1:0", format!("127.0.6.7:{}", port("any4"))),
        ("[::1]:0", format!("[::1]:{}", port("any6"))),
    ] {
        let sender = Sender::new(local, to.parse().unwrap());
        let before = Timestamp::ntp(rtc_check::net::clock::wall());
        sender.send(3, false, 46 << 2 | 1, 34);
        let answer = sender.receive().unwrap();
        let after = Timestamp::ntp(rtc_check::net::clock::wall());
        assert_eq!((answer.from, answer.len, answer.tos), (sender.to, 200, 34 << 2), "{to}");
        let cos = answer.cos.unwrap();
        assert_eq!((cos.wanted_dscp, cos.received_dscp, cos.received_ecn, cos.reverse_path), (34, 46, 1, 0), "{to}");
        let reply = answer.reply;
        assert_eq!((reply.seq, reply.request_seq, reply.ssid, reply.ttl), (0, 3, 5, 64), "{to}");
        let (received, sent) = (reply.received.since(before, reply.error), reply.sent.since(before, reply.error));
        let end = after.since(before, reply.error);
        assert!(0 <= received && received <= sent && sent <= end, "{to}: {received} {sent} {end}");
        assert_eq!(sender.ask(4).reply.seq, 1);
    }
    assert_eq!(responder.stop().await.answered, 8);
}

#[tokio::test]
async fn a_session_is_opened_over_tls_and_counts_what_came() {
    let services = vec![udp("media", "127.0.6.1", Ports::Free), tcp("wss", Service::Wss), tcp("http", Service::Http)];
    let (responder, ca) = start(services).await;
    let (status, body) = post(&ca, place(&responder, "wss"), "", ASK).await;
    assert_eq!(status, 200, "{body}");
    let mut sender = Sender::new("127.0.0.1:0", place(&responder, "media"));
    sender.token = token(&body);
    for seq in [0, 1, 4, 4, 3] {
        assert_eq!(sender.ask(seq).report.unwrap().token, sender.token);
    }
    let report = sender.query();
    assert_eq!((report.unique, report.duplicates, report.reordered, report.highest, report.window), {
        (4, 1, 1, 4, 0b11011)
    });
    assert_eq!((report.query, report.overflow, sender.query()), (true, 0, report));
    let mut stranger = Sender::new("127.0.0.1:0", place(&responder, "media"));
    stranger.token = sender.token;
    let answer = stranger.ask(9);
    assert_eq!((answer.reply.seq, answer.report.unwrap().token), (0, 0), "another source is no part of the session");
    assert_eq!(sender.ask(5).reply.seq, 5);
    let plain = format!("POST {} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", grant::PATH);
    let plain = exchange(TcpStream::connect(place(&responder, "http")).await.unwrap(), &plain).await;
    assert!(plain.starts_with("HTTP/1.1 405 "), "never without TLS: {plain}");
    responder.stop().await;
}

#[tokio::test]
async fn what_cannot_be_granted_is_refused_in_words() {
    let mut limits = Limits::default();
    limits.sessions.sessions = 4;
    limits.connections.handshake = Duration::from_millis(300);
    let (responder, ca) = start_with(vec![tcp("https", Service::Https)], None, limits).await;
    let to = place(&responder, "https");
    let refused = async |body: &str, status: u16, words: &str| {
        let (seen, answer) = post(&ca, to, "", body).await;
        let refusal: grant::Refusal = serde_json::from_str(&answer).unwrap();
        assert_eq!(seen, status, "{refusal:?}");
        assert!(refusal.refused.contains(words), "{refusal:?}");
    };
    refused("", 400, "not what is asked with").await;
    refused(r#"{"kind":"train"}"#, 400, "up_kbps").await;
    refused(&ASK.replace("\"seconds\":10", "\"seconds\":10,\"more\":1"), 400, "more").await;
    refused(&ASK.replace("80", "90000"), 400, "--max-session-kbps").await;
    refused(&format!("{ASK}{}", " ".repeat(1000)), 400, "1024").await;
    assert_eq!(post(&ca, to, "", ASK).await.0, 200);
    refused(ASK, 429, "127.0.0.1 holds 1 sessions").await;
    let get = get(&ca, to, grant::PATH, "").await;
    assert!(get.starts_with("HTTP/1.1 405 ") && get.to_lowercase().contains("allow: post"), "{get}");
    // A body that never comes.
    let head =
        format!("POST {} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\nContent-Length: 9\r\n\r\n", grant::PATH);
    let late = exchange(tls(&ca, to).await, &head).await;
    assert!(late.starts_with("HTTP/1.1 400 ") && late.contains("in time"), "{late}");
    responder.stop().await;
}

#[tokio::test]
async fn with_a_key_only_its_holders_get_sessions_and_answers() {
    let services = vec![udp("media", "127.0.6.1", Ports::Free), tcp("https", Service::Https)];
    let (responder, ca) = start_with(services, Some(KEY), Limits::default()).await;
    let to = place(&responder, "https");
    assert_eq!(post(&ca, to, "", ASK).await.0, 401);
    let field = |key: &str| format!("Authorization: Bearer {}\r\n", bearer_token(key.as_bytes()));
    assert_eq!(post(&ca, to, &field("another"), ASK).await.0, 401);
    let (status, body) = post(&ca, to, &field(KEY), ASK).await;
    assert_eq!(status, 200, "{body}");
    let mut sender = Sender::new("127.0.0.1:0", place(&responder, "media"));
    (sender.key, sender.token) = (Some(KEY), token(&body));
    assert_eq!(sender.ask(0).report.unwrap().token, sender.token);
    for key in [None, Some("another key of the test")] {
        let other = Sender { key, ..Sender::new("127.0.0.1:0", place(&responder, "media")) };
        other.send(0, false, 0, 0);
        assert!(other.receive().is_none());
    }
    let counters = responder.stop().await;
    assert_eq!((counters.dropped.get("unsigned"), counters.dropped.get("wrong_key")), (Some(&1), Some(&1)));
}

#[tokio::test]
async fn the_page_tells_where_sessions_are_opened_and_what_is_granted() {
    let port = UdpSocket::bind("127.0.6.8:0").unwrap().local_addr().unwrap().port();
    let services = vec![tcp("https", Service::Https), udp("rtc.stamp", "127.0.6.8", exact(port, port))];
    let (responder, ca) = start(services).await;
    let answer = get(&ca, place(&responder, "https"), "/.well-known/rtc-check", "").await;
    let page: serde_json::Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
    let sessions = &page["rtc-check"]["sessions"];
    assert_eq!((&sessions["path"], &sessions["stamp_port"]), (&grant::PATH.into(), &port.into()));
    assert_eq!((&sessions["max_session_kbps"], &sessions["max_session_seconds"]), (&20_000.into(), &60.into()));
    responder.stop().await;
}

#[tokio::test]
async fn no_dscp_is_sent_where_it_is_not_allowed() {
    let mut limits = Limits::default();
    limits.answers.dscp = false;
    let (responder, _) = start_with(vec![udp("media", "127.0.6.1", Ports::Free)], None, limits).await;
    let sender = Sender::new("127.0.0.1:0", place(&responder, "media"));
    sender.send(0, false, 10 << 2, 46);
    let answer = sender.receive().unwrap();
    assert_eq!((answer.tos, answer.cos.unwrap().reverse_path), (10 << 2, 1));
    responder.stop().await;
}

#[tokio::test]
async fn an_answer_to_another_responder_ends_there() {
    let (a, _) = start(vec![udp("a", "127.0.6.1", Ports::Free)]).await;
    let (b, _) = start(vec![udp("b", "127.0.6.2", Ports::Free)]).await;
    let (at_a, at_b) = (place(&a, "a"), place(&b, "b"));
    let attacker = Sender::new("127.0.6.9:0", at_a);
    attacker.send(0, false, 0, 0);
    let mut answer = [0; 1500];
    let (n, _) = attacker.socket.recv_from(&mut answer).unwrap();
    for to in [at_a, at_b] {
        attacker.socket.send_to(&answer[..n], to).unwrap();
    }
    assert!(attacker.receive().is_none(), "answers are not answered");
    let (a, b) = (a.stop().await, b.stop().await);
    assert_eq!((a.answered, b.answered), (1, 0));
    assert_eq!((a.dropped.get("not_stun"), b.dropped.get("not_stun")), (Some(&1), Some(&1)));
}
