//! The responder on loopback, asked with independent clients: real sockets, ports that the kernel chooses.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use rtc_check::model::{PortRange, Service, Transport};
use rtc_check::net::ResponderKey;
use rtc_check::serve::{CertificatePem, Config, Limits, Ports, Responder, ServeRule, self_signed};
use rtc_check::session::access::bearer_token;
use rtc_check::session::reflector::Alternate;
use rtc_check::wire::stun::discovery::{Change, Wanted, discovery_len, write_discovery_request};
use rtc_check::wire::stun::{Auth, MAX_WRITTEN, Message, key_id, request_len, write_binding_request};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use socket2::{Domain, Protocol, Type};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message as WsMessage};

#[path = "responder/ice.rs"]
mod ice;
#[path = "responder/rtmp.rs"]
mod rtmp;
#[path = "responder/services.rs"]
mod services;
#[path = "responder/stamp.rs"]
mod stamp;

const HOST: &str = "rtc.example.test";

fn rule(id: &str, service: Service, transport: Transport, bind: &str, ports: Ports) -> ServeRule {
    ServeRule {
        id: id.into(),
        role: "rtc".into(),
        bind: bind.split(',').map(|a| a.parse().unwrap()).collect(),
        ports,
        service,
        transport,
        subprotocol: None,
    }
}

fn tcp(id: &str, service: Service) -> ServeRule {
    rule(id, service, Transport::Tcp, "127.0.6.1", Ports::Free)
}

fn udp(id: &str, bind: &str, ports: Ports) -> ServeRule {
    rule(id, Service::Rtp, Transport::Udp, bind, ports)
}

fn exact(first: u16, last: u16) -> Ports {
    Ports::Exact(PortRange::new(first, last).unwrap())
}

async fn start_with(services: Vec<ServeRule>, key: Option<&str>, limits: Limits) -> (Responder, CertificatePem) {
    let (ca, tls) = self_signed(&[HOST.to_owned(), "127.0.6.1".to_owned()]).unwrap();
    let key = key.map(|k| Arc::new(ResponderKey::new(k.as_bytes().to_vec())));
    let config = Config { services, tls, key, limits, alternate: Default::default(), tool_version: "9.8.7".to_owned() };
    (Responder::start(config).await.unwrap(), ca)
}

async fn start(services: Vec<ServeRule>) -> (Responder, CertificatePem) {
    start_with(services, None, Limits::default()).await
}

/// Where a rule with one port listens.
fn place(responder: &Responder, rule: &str) -> SocketAddr {
    let bound = responder.bound().iter().find(|b| b.rule.as_str() == rule).unwrap();
    SocketAddr::new(bound.address, bound.ports.ranges()[0].first())
}

async fn tls(ca: &CertificatePem, to: SocketAddr) -> TlsStream<TcpStream> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(ca.0.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let stream = TcpStream::connect(to).await.unwrap();
    let name = ServerName::try_from(HOST).unwrap();
    let stream = tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    stream
}

/// Sends a request and reads until the server closes.
async fn exchange(mut stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin, request: &str) -> String {
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

async fn get(ca: &CertificatePem, to: SocketAddr, path: &str, field: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n{field}\r\n");
    exchange(tls(ca, to).await, &request).await
}

fn ask(from: &UdpSocket, to: SocketAddr, key: Option<&str>) -> Option<(SocketAddr, Vec<u8>)> {
    let (name, mut buf) = (key.map(|k| key_id(k.as_bytes())).unwrap_or_default(), [0; MAX_WRITTEN]);
    let auth = key.map(|k| Auth { key_id: &name, key: k.as_bytes() });
    let n = write_binding_request(&mut buf, [9; 12], auth, request_len(key.is_some())).unwrap();
    from.send_to(&buf[..n], to).unwrap();
    from.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    let mut answer = [0; 1500];
    let (n, from) = from.recv_from(&mut answer).ok()?;
    Some((from, answer[..n].to_vec()))
}

#[tokio::test]
async fn every_udp_port_answers_from_where_it_was_asked() {
    let services = vec![udp("v4", "127.0.6.1", Ports::Free), udp("v6", "::1", Ports::Free)];
    let (responder, _) = start(services).await;
    for (rule, local) in [("v4", "127.0.0.9:0"), ("v6", "[::1]:0")] {
        let (socket, to) = (UdpSocket::bind(local).unwrap(), place(&responder, rule));
        let (from, answer) = ask(&socket, to, None).unwrap();
        let answer = Message::read(&answer).unwrap();
        assert_eq!((from, answer.mapped_address()), (to, Some(socket.local_addr().unwrap())));
        assert_eq!(answer.responder(), Some(1));
    }
    assert_eq!(responder.stop().await.answered, 2);
}

#[tokio::test]
async fn a_wildcard_answers_from_the_address_that_was_asked() {
    let services = vec![udp("v4", "0.0.0.0", Ports::Free), udp("v6", "::", Ports::Free)];
    let (responder, _) = start(services).await;
    let (v4, v6) = (place(&responder, "v4").port(), place(&responder, "v6").port());
    for (to, local) in [
        (format!("127.0.6.2:{v4}"), "127.0.0.1:0"),
        (format!("127.0.6.3:{v4}"), "127.0.0.1:0"),
        (format!("[::1]:{v6}"), "[::1]:0"),
    ] {
        let to: SocketAddr = to.parse().unwrap();
        let (from, _) = ask(&UdpSocket::bind(local).unwrap(), to, None).unwrap();
        assert_eq!(from, to);
    }
    responder.stop().await;
}

/// A port that is free on all addresses, and so is the next.
fn two_free_ports() -> u16 {
    let free = |port: u16| UdpSocket::bind(("0.0.0.0", port)).is_ok();
    let any = || UdpSocket::bind("0.0.0.0:0").unwrap().local_addr().unwrap().port();
    (0..100).map(|_| any()).find(|port| *port < u16::MAX && free(*port) && free(port + 1)).unwrap()
}

#[tokio::test]
async fn a_second_address_answers_for_the_first_and_to_another_port() {
    let two = "127.0.6.6";
    // Where all sockets are wildcards, the first address has to be one that the machine lists.
    for (one, bind) in [("127.0.6.5", format!("127.0.6.5,{two}")), ("127.0.0.1", "0.0.0.0".to_owned())] {
        let port = two_free_ports();
        let at = |ip: &str, port: u16| SocketAddr::new(ip.parse().unwrap(), port);
        let services = vec![rule("stun", Service::Stun, Transport::Udp, &bind, exact(port, port + 1))];
        let alternate =
            Alternate { second: vec![two.parse().unwrap()], first: vec![one.parse().unwrap()], ports: vec![port] };
        let (_, tls) = self_signed(&[HOST.to_owned()]).unwrap();
        let config =
            Config { services, tls, key: None, limits: Limits::default(), alternate, tool_version: "0".to_owned() };
        let responder = Responder::start(config).await.unwrap();
        let (client, silent) = (UdpSocket::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
        let asked = |change: Option<Change>, response_port: Option<u16>, listen: &UdpSocket| {
            let (mut buf, mut answer) = ([0; MAX_WRITTEN], [0; 1500]);
            let wanted = Wanted { change, response_port };
            let n = write_discovery_request(&mut buf, [9; 12], None, discovery_len(false), wanted).unwrap();
            client.send_to(&buf[..n], at(one, port)).unwrap();
            listen.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
            let (n, from) = listen.recv_from(&mut answer).unwrap();
            let m = Message::read(&answer[..n]).unwrap();
            (from, m.other_address(), m.mapped_address())
        };
        let (other, mapped) = (Some(at(two, port + 1)), Some(client.local_addr().unwrap()));
        for (change, from) in [
            (None, at(one, port)),
            (Some(Change::PORT), at(one, port + 1)),
            (Some(Change { ip: true, port: false }), at(two, port)),
            (Some(Change::BOTH), at(two, port + 1)),
        ] {
            assert_eq!(asked(change, None, &client), (from, other, mapped), "{change:?} on {bind}");
        }
        let to = silent.local_addr().unwrap().port();
        assert_eq!(asked(None, Some(to), &silent), (at(one, port), other, mapped));
        responder.stop().await;
    }
}

#[tokio::test]
async fn with_a_key_only_its_holders_are_answered() {
    let services = vec![udp("media", "127.0.6.1", Ports::Free), tcp("page", Service::Https)];
    let (responder, ca) = start_with(services, Some("a shared key"), Limits::default()).await;
    let (socket, to) = (UdpSocket::bind("127.0.0.1:0").unwrap(), place(&responder, "media"));
    assert!(ask(&socket, to, None).is_none());
    assert!(ask(&socket, to, Some("another key")).is_none());
    let (_, answer) = ask(&socket, to, Some("a shared key")).unwrap();
    assert_eq!(Message::read(&answer).unwrap().integrity_sha256_ok(b"a shared key"), Some(true));
    let page = place(&responder, "page");
    let refused = get(&ca, page, "/.well-known/rtc-check", "").await;
    assert!(refused.starts_with("HTTP/1.1 401 ") && refused.to_lowercase().contains("www-authenticate: bearer"));
    let field = format!("Authorization: Bearer {}\r\n", bearer_token(b"another"));
    assert!(get(&ca, page, "/.well-known/rtc-check", &field).await.starts_with("HTTP/1.1 401 "));
    let field = format!("Authorization: Bearer {}\r\n", bearer_token(b"a shared key"));
    let answer = get(&ca, page, "/.well-known/rtc-check", &field).await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("\"key_required\": true"), "{answer}");
    assert!(get(&ca, page, "/", "").await.starts_with("HTTP/1.1 200 "), "only the page is closed");
    let counters = responder.stop().await;
    assert_eq!((counters.answered, counters.dropped.get("unsigned")), (1, Some(&2)));
}

#[tokio::test]
async fn the_page_says_what_is_served() {
    let first = 23_400;
    let services = vec![
        tcp("rtc.https", Service::Https),
        udp("rtc.media", "127.0.6.4", exact(first, first + 3)),
        rule("rtc.gre", Service::Gre, Transport::Gre, "127.0.6.4", Ports::Free),
    ];
    let _taken = UdpSocket::bind(("127.0.6.4", first + 1)).unwrap();
    let (responder, ca) = start(services).await;
    let answer = get(&ca, place(&responder, "rtc.https"), "/.well-known/rtc-check", "").await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 ") && head.contains("application/json"), "{head}");
    let page: serde_json::Value = serde_json::from_str(body).unwrap();
    let about = &page["rtc-check"];
    assert_eq!((about["version"].as_str(), about["key_required"].as_bool()), (Some("9.8.7"), Some(false)));
    let media: Vec<_> = about["serves"].as_array().unwrap().iter().filter(|s| s["rule"] == "rtc.media").collect();
    assert_eq!(media.iter().map(|m| m["ports"].as_str().unwrap()).collect::<Vec<_>>(), ["23400", "23402-23403"]);
    assert_eq!((&media[0]["address"], &media[0]["role"]), (&"127.0.6.4".into(), &"rtc".into()));
    let missing: Vec<String> = responder.not_bound().iter().map(|n| format!("{} {}", n.rule, n.why)).collect();
    assert_eq!(missing[0], "rtc.media in use by another program");
    assert!(missing[1].starts_with("rtc.gre GRE "), "{missing:?}");
    responder.stop().await;
}

#[tokio::test]
async fn a_websocket_selects_its_subprotocol_and_echoes() {
    let mut gateway = tcp("gateway", Service::Wss);
    gateway.subprotocol = Some("janus-protocol".to_owned());
    let (responder, ca) = start(vec![gateway, tcp("plain", Service::Ws)]).await;
    let to = place(&responder, "gateway");
    let mut request = format!("wss://{HOST}/janus?x=1").into_client_request().unwrap();
    request.headers_mut().insert("Sec-WebSocket-Protocol", "sip, janus-protocol".parse().unwrap());
    let (mut socket, answer) = tokio_tungstenite::client_async(request, tls(&ca, to).await).await.unwrap();
    assert_eq!(answer.headers()["sec-websocket-protocol"], "janus-protocol");
    for message in [WsMessage::text("hello"), WsMessage::binary(vec![7; 65_536])] {
        socket.send(message.clone()).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap(), message);
    }
    socket.send(WsMessage::Ping(vec![1, 2].into())).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), WsMessage::Pong(vec![1, 2].into()));
    socket.send(WsMessage::binary(vec![0; 65_537])).await.unwrap();
    let end = socket.next().await;
    assert!(matches!(&end, Some(Ok(WsMessage::Close(Some(f)))) if u16::from(f.code) == 1009), "{end:?}");

    let plain = place(&responder, "plain");
    let stream = TcpStream::connect(plain).await.unwrap();
    let (mut socket, answer) = tokio_tungstenite::client_async(format!("ws://{HOST}/"), stream).await.unwrap();
    assert!(answer.headers().get("sec-websocket-protocol").is_none());
    socket.send(WsMessage::text("a")).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), WsMessage::text("a"));
    // Whoever stops says so.
    tokio::join!(responder.stop(), async {
        let end = socket.next().await;
        assert!(matches!(&end, Some(Ok(WsMessage::Close(Some(f)))) if u16::from(f.code) == 1001), "{end:?}");
    });
}

#[tokio::test]
async fn bounds_on_connections_hold_and_are_counted() {
    let mut limits = Limits::default();
    limits.connections.per_source = 2;
    limits.connections.handshake = Duration::from_millis(200);
    let (responder, ca) = start_with(vec![tcp("https", Service::Https)], None, limits).await;
    let to = place(&responder, "https");
    let held = [tls(&ca, to).await, tls(&ca, to).await];
    let mut third = TcpStream::connect(to).await.unwrap();
    let cut = third.read(&mut [0; 1]).await;
    assert!(matches!(cut, Ok(0) | Err(_)), "{cut:?}");
    // Neither of the two sends a request: the deadline ends both.
    for mut stream in held {
        let _ = stream.read_to_end(&mut Vec::new()).await;
    }
    let header = format!("GET / HTTP/1.1\r\nHost: {HOST}\r\nX: {}\r\n\r\n", "x".repeat(40_000));
    let answer = exchange(tls(&ca, to).await, &header).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431 "), "{answer}");
    // No TLS at all.
    let mut stream = TcpStream::connect(to).await.unwrap();
    let _ = stream.read_to_end(&mut Vec::new()).await;
    let counters = responder.stop().await;
    assert_eq!(counters.connections_dropped.get("source_limit"), Some(&1), "{counters}");
    assert_eq!(counters.connections_dropped.get("deadline"), Some(&3), "{counters}");
}

#[tokio::test]
async fn silent_websockets_leave_places_to_everyone_else() {
    let mut limits = Limits::default();
    (limits.connections.total, limits.connections.per_source) = (4, 4);
    (limits.connections.websockets, limits.connections.websockets_per_source) = (2, 2);
    let (responder, _) = start_with(vec![tcp("ws", Service::Ws), tcp("http", Service::Http)], None, limits).await;
    let (ws, http) = (place(&responder, "ws"), place(&responder, "http"));
    let upgrade = async || {
        let stream = TcpStream::connect(ws).await.unwrap();
        tokio_tungstenite::client_async("ws://x/", stream).await
    };
    let (mut first, _second) = (upgrade().await.unwrap().0, upgrade().await.unwrap().0);
    let refused = upgrade().await;
    assert!(matches!(&refused, Err(Error::Http(a)) if a.status() == 503 && a.headers().contains_key("retry-after")));
    let request = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    assert!(exchange(TcpStream::connect(http).await.unwrap(), request).await.starts_with("HTTP/1.1 200 "));
    first.close(None).await.unwrap();
    while first.next().await.is_some_and(|m| m.is_ok()) {}
    assert!(upgrade().await.is_ok(), "a place that was given back");
    let counters = responder.stop().await;
    assert_eq!(counters.connections_dropped.get("websocket_limit"), Some(&1), "{counters}");
    assert_eq!(counters.connections_dropped.len(), 1, "{counters}");
}

#[tokio::test]
async fn stopping_frees_every_port() {
    let services = vec![udp("media", "127.0.6.6", Ports::Free), tcp("ssh", Service::Ssh)];
    let (responder, _) = start(services).await;
    let (media, ssh) = (place(&responder, "media"), place(&responder, "ssh"));
    responder.stop().await;
    assert!(UdpSocket::bind(media).is_ok() && std::net::TcpListener::bind(ssh).is_ok());
}

#[tokio::test]
async fn two_responders_pointed_at_each_other_exchange_at_most_one_datagram() {
    let (a, _) = start(vec![udp("a", "127.0.6.1", Ports::Free)]).await;
    let (b, _) = start(vec![udp("b", "127.0.6.2", Ports::Free)]).await;
    let (at_a, at_b) = (place(&a, "a"), place(&b, "b"));
    // The answer of one arrives at the other as if it had asked: what a spoofed source causes.
    let attacker = UdpSocket::bind((IpAddr::from([127, 0, 6, 9]), 0)).unwrap();
    let (_, answer) = ask(&attacker, at_a, None).unwrap();
    attacker.send_to(&answer, at_b).unwrap();
    attacker.send_to(&answer, at_a).unwrap();
    assert!(attacker.recv_from(&mut [0; 100]).is_err(), "answers are not answered");
    let (a, b) = (a.stop().await, b.stop().await);
    assert_eq!((a.answered, b.answered), (1, 0));
    assert_eq!((a.dropped.get("not_request"), b.dropped.get("not_request")), (Some(&1), Some(&1)));
}

/// Sends a padded request to `to` with the source address `from`, which is another program's; `None` without the right
/// to raw sockets.
fn ask_in_the_name_of(from: SocketAddr, to: SocketAddr) -> Option<()> {
    let socket = socket2::Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::UDP)).ok()?;
    socket.set_header_included_v4(true).unwrap();
    let mut request = [0; MAX_WRITTEN];
    let length = write_binding_request(&mut request, [9; 12], None, request_len(false)).unwrap();
    let (IpAddr::V4(source), IpAddr::V4(destination)) = (from.ip(), to.ip()) else { return None };
    // Version and length of the header, time to live, protocol; total length and checksum are the kernel's to fill in.
    let mut packet = vec![0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0];
    packet.extend([source.octets(), destination.octets()].concat());
    let udp_length = u16::try_from(8 + length).unwrap();
    // No checksum (RFC 768: all zeros).
    packet.extend([from.port(), to.port(), udp_length, 0].iter().flat_map(|field| field.to_be_bytes()));
    packet.extend(&request[..length]);
    socket.send_to(&packet, &to.into()).unwrap();
    Some(())
}

#[expect(clippy::disallowed_methods, reason = "what cannot run is a failure in CI, and only there")]
fn in_ci() -> bool {
    std::env::var("CI").is_ok_and(|v| v == "true")
}

#[tokio::test]
async fn a_forged_source_makes_two_responders_exchange_one_datagram_and_one_none() {
    let (a, _) = start(vec![udp("a", "127.0.6.1", Ports::Free), udp("own", "127.0.6.1", Ports::Free)]).await;
    let (b, _) = start(vec![udp("b", "127.0.6.2", Ports::Free)]).await;
    let (at_a, own, at_b) = (place(&a, "a"), place(&a, "own"), place(&b, "b"));
    if ask_in_the_name_of(at_b, at_a).is_none() {
        assert!(!in_ci(), "forged sources need root or CAP_NET_RAW");
        eprintln!("NOT RUN: forged sources need root or CAP_NET_RAW");
        return;
    }
    ask_in_the_name_of(own, at_a).unwrap();
    // Loopback delivers in order: when this is answered, each has dealt with all that came before.
    for to in [at_a, at_b, at_a] {
        ask(&UdpSocket::bind("127.0.6.9:0").unwrap(), to, None).unwrap();
    }
    let (a, b) = (a.stop().await, b.stop().await);
    assert_eq!((a.answered, a.dropped.values().sum::<u64>(), a.dropped.get("own_socket")), (3, 1, Some(&1)), "{a}");
    assert_eq!((b.answered, b.dropped.values().sum::<u64>(), b.dropped.get("not_request")), (1, 1, Some(&1)), "{b}");
}

#[test]
fn counters_and_configuration_show_no_secret() {
    let key = ResponderKey::new(b"top secret".to_vec());
    assert!(!format!("{key:?}").contains("secret"));
}
