//! What the responder's TCP ports speak: one service or several on a port, told apart by how a client begins.

use rtc_check::model::{Service, Transport};
use rtc_check::serve::ServeRule;
use rtc_check::wire::sip::{self, Carrier, Options, Origin};
use rtc_check::wire::ssh::kexinit::{self, Packet};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::{HOST, exact, exchange, get, place, rtmp, rule, start, tcp, tls};

#[tokio::test]
async fn https_and_wss_share_a_port() {
    let port = {
        let free = std::net::TcpListener::bind("127.0.6.5:0").unwrap();
        free.local_addr().unwrap().port()
    };
    let on = |id, service| rule(id, service, Transport::Tcp, "127.0.6.5", exact(port, port));
    let mut wss = on("wss", Service::Wss);
    wss.subprotocol = Some("sip".to_owned());
    let (responder, ca) = start(vec![on("https", Service::Https), wss, on("both", Service::Http)]).await;
    assert_eq!((responder.bound().len(), responder.not_bound().len()), (3, 0));
    let to = place(&responder, "https");
    assert!(get(&ca, to, "/", "").await.starts_with("HTTP/1.1 200 "));
    let mut request = format!("wss://{HOST}/").into_client_request().unwrap();
    request.headers_mut().insert("Sec-WebSocket-Protocol", "sip".parse().unwrap());
    assert!(tokio_tungstenite::client_async(request, tls(&ca, to).await).await.is_ok());
    let plain = exchange(TcpStream::connect(to).await.unwrap(), "GET / HTTP/1.0\r\n\r\n").await;
    assert!(plain.starts_with("HTTP/1.0 200 "), "plain text on the same port: {plain}");
    responder.stop().await;
}

#[tokio::test]
async fn plain_http_moves_to_the_roles_https_port() {
    let (responder, _) = start(vec![tcp("redirect", Service::HttpRedirect), tcp("https", Service::Https)]).await;
    let (to, https) = (place(&responder, "redirect"), place(&responder, "https").port());
    let ask = async |host: &str| {
        let request = format!("GET /a?b=c HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        exchange(TcpStream::connect(to).await.unwrap(), &request).await
    };
    let answer = ask("rtc.example.test:8080").await;
    assert!(answer.starts_with("HTTP/1.1 301 "), "{answer}");
    assert!(answer.contains(&format!("location: https://rtc.example.test:{https}/a?b=c\r\n")), "{answer}");
    assert!(ask("a@evil.example").await.starts_with("HTTP/1.1 400 "));
    responder.stop().await;
}

#[tokio::test]
async fn other_services_greet_or_end_politely() {
    let services = vec![
        tcp("ssh", Service::Ssh),
        tcp("rtsp", Service::Rtsp),
        tcp("ftp", Service::Ftp),
        tcp("rtmp", Service::Rtmp),
        tcp("rtmps", Service::Rtmps),
        tcp("http", Service::Http),
        tcp("wss", Service::Wss),
    ];
    let (responder, ca) = start(services).await;
    let connect = async |rule| TcpStream::connect(place(&responder, rule)).await.unwrap();
    let mut ssh = connect("ssh").await;
    ssh.write_all(b"SSH-2.0-test\r\n").await.unwrap();
    let mut said = Vec::new();
    let _ = ssh.read_to_end(&mut said).await;
    let packet = said.strip_prefix(b"SSH-2.0-rtc-check_9.8.7\r\n").expect("an identification");
    assert!(matches!(kexinit::read(packet), Ok(Some((Packet::Offer(_), used))) if used == packet.len()));
    assert_eq!(exchange(connect("ssh").await, &"x".repeat(255)).await, "SSH-2.0-rtc-check_9.8.7\r\n");
    assert_eq!(exchange(connect("rtsp").await, "OPTIONS * RTSP/1.0\r\n\r\n").await, "");
    let options = exchange(connect("rtsp").await, "OPTIONS * RTSP/1.0\r\nCSeq: 3\r\n\r\n").await;
    assert!(options.starts_with("RTSP/1.0 200 OK\r\nCSeq: 3\r\n"), "{options}");
    let greeting = exchange(connect("ftp").await, "QUIT\r\n").await;
    assert_eq!(greeting, "220 rtc-check/9.8.7 in place of an FTP server\r\n221 Goodbye\r\n");
    assert_eq!(exchange(tls(&ca, place(&responder, "rtmps")).await, "x").await, "");
    rtmp::takes_connect(connect("rtmp").await).await;
    rtmp::takes_connect(tls(&ca, place(&responder, "rtmps")).await).await;
    let request = "GET /.well-known/rtc-check HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    assert!(exchange(connect("http").await, request).await.starts_with("HTTP/1.1 404 "));
    let refused = get(&ca, place(&responder, "wss"), "/", "").await;
    assert!(refused.starts_with("HTTP/1.1 426 "), "{refused}");
    let bad = tokio_tungstenite::client_async("ws://x/", connect("http").await).await;
    assert!(matches!(bad, Err(Error::Http(answer)) if answer.status() == 200), "no WebSocket is served there");
    responder.stop().await;
}

/// Rules of these services on one port of 127.0.6.5.
fn on_one_port(services: &[Service]) -> Vec<ServeRule> {
    let free = std::net::TcpListener::bind("127.0.6.5:0").unwrap();
    let port = free.local_addr().unwrap().port();
    services.iter().map(|s| rule(s.as_str(), *s, Transport::Tcp, "127.0.6.5", exact(port, port))).collect()
}

async fn is_http(stream: impl AsyncRead + AsyncWrite + Unpin) {
    let answer = exchange(stream, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

async fn takes_upgrades(stream: impl AsyncRead + AsyncWrite + Unpin) {
    assert!(tokio_tungstenite::client_async(format!("ws://{HOST}/"), stream).await.is_ok());
}

async fn is_sip(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let asked = Options { host: "sip.example", random: "k3b9", agent: "test" };
    let request = asked.encode_from(&Origin::honest(Carrier::Tcp, "10.0.0.5:40000".parse().unwrap(), 5060), None);
    // In two parts, of which the first does not say yet what it is.
    let (first, rest) = request.split_at(9);
    stream.write_all(first.as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    stream.write_all(rest.as_bytes()).await.unwrap();
    let mut answer = vec![0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    stream.shutdown().await.unwrap();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(sip::decode(&answer).unwrap().answers(&asked), "{answer:?}");
}

#[tokio::test]
async fn http_websockets_and_rtmp_share_a_port() {
    let (responder, _) = start(on_one_port(&[Service::Http, Service::Ws, Service::Rtmp])).await;
    let connect = async || TcpStream::connect(place(&responder, "rtmp")).await.unwrap();
    is_http(connect().await).await;
    takes_upgrades(connect().await).await;
    rtmp::takes_connect(connect().await).await;
    responder.stop().await;
}

#[tokio::test]
async fn https_secure_websockets_and_rtmps_share_a_port() {
    let (responder, ca) = start(on_one_port(&[Service::Https, Service::Wss, Service::Rtmps])).await;
    let to = place(&responder, "rtmps");
    is_http(tls(&ca, to).await).await;
    takes_upgrades(tls(&ca, to).await).await;
    rtmp::takes_connect(tls(&ca, to).await).await;
    responder.stop().await;
}

#[tokio::test]
async fn whatever_the_client_begins_shares_a_port_in_plain_and_over_tls() {
    use Service::{Http, Https, Rtmp, Rtmps, Rtsp, Sip, Wss};
    let (responder, ca) = start(on_one_port(&[Sip, Https, Wss, Http, Rtmp, Rtmps, Rtsp])).await;
    let to = place(&responder, "sip");
    let connect = async || TcpStream::connect(to).await.unwrap();
    is_sip(connect().await).await;
    is_sip(tls(&ca, to).await).await;
    is_http(connect().await).await;
    is_http(tls(&ca, to).await).await;
    takes_upgrades(tls(&ca, to).await).await;
    rtmp::takes_connect(connect().await).await;
    rtmp::takes_connect(tls(&ca, to).await).await;
    let options = exchange(connect().await, "OPTIONS * RTSP/1.0\r\nCSeq: 3\r\n\r\n").await;
    assert!(options.starts_with("RTSP/1.0 200 OK\r\n"), "{options}");
    responder.stop().await;
}

#[tokio::test]
async fn sip_and_https_share_a_port() {
    let (responder, ca) = start(on_one_port(&[Service::Sip, Service::Https])).await;
    let to = place(&responder, "sip");
    is_sip(TcpStream::connect(to).await.unwrap()).await;
    is_sip(tls(&ca, to).await).await;
    is_http(tls(&ca, to).await).await;
    responder.stop().await;
}
