use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;
use crate::net::loopback::{LONG, SHORT, answer, read_head, serve};

/// Does a server's half of the upgrade by hand, selecting `subprotocol`.
pub(crate) async fn accept(stream: &mut TcpStream, subprotocol: Option<&str>) {
    let head = read_head(stream).await;
    let key = head.lines().find_map(|l| l.strip_prefix("Sec-Websocket-Key: ")).unwrap_or_default();
    let accept = derive_accept_key(key.as_bytes());
    let chosen = subprotocol.map_or(String::new(), |s| format!("Sec-WebSocket-Protocol: {s}\r\n"));
    let text = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n{chosen}\r\n"
    );
    stream.write_all(text.as_bytes()).await.unwrap();
}

async fn open(at: SocketAddr, offer: Option<&str>, timeout: Duration) -> Result<(WebSocket, Answer), Refused> {
    let stream = TcpStream::connect(at).await.unwrap();
    upgrade(stream, Authority { host: "rtc.example", port: at.port(), tls: false }, "/janus", offer, timeout).await
}

fn kind(result: Result<(WebSocket, Answer), Refused>) -> FailureKind {
    let refused = result.err().unwrap();
    assert_eq!(refused.failure.step, Step::Upgrade);
    refused.failure.kind
}

/// A whole WebSocket server that echoes and answers pings.
pub(crate) async fn echo(subprotocol: &'static str) -> SocketAddr {
    serve(move |mut s| async move {
        accept(&mut s, Some(subprotocol)).await;
        let mut ws = WebSocketStream::from_raw_socket(s, Role::Server, None).await;
        while let Some(Ok(message)) = ws.next().await {
            if message.is_text() || message.is_binary() {
                let _ = ws.send(message).await;
            }
        }
    })
    .await
}

#[tokio::test]
async fn the_offered_subprotocol_must_be_selected() {
    let (mut ws, answer) = open(echo("janus-protocol").await, Some("janus-protocol"), LONG).await.ok().unwrap();
    assert_eq!(answer.status, 101);
    assert!(ws.ping(LONG).await.unwrap() > Duration::ZERO);
    ws.close(LONG).await;
    let (at, none) = (echo("sip").await, serve(|mut s| async move { accept(&mut s, None).await }).await);
    assert_eq!(kind(open(at, Some("janus-protocol"), LONG).await), FailureKind::WrongSubprotocol);
    assert_eq!(kind(open(at, None, LONG).await), FailureKind::WrongSubprotocol);
    assert_eq!(kind(open(none, Some("janus-protocol"), LONG).await), FailureKind::WrongSubprotocol);
    assert!(open(none, None, LONG).await.is_ok());
}

#[tokio::test]
async fn a_refused_upgrade_shows_status_and_headers_but_no_cookie() {
    let headers: String = (0..30).map(|i| format!("X-{i}: {}\r\n", "v".repeat(200))).collect();
    let text = format!(
        "HTTP/1.1 403 Forbidden\r\nServer: nginx\r\nSet-Cookie: id=secret\r\n{headers}Content-Length: 0\r\n\r\n"
    );
    let text: &'static str = text.leak();
    let at = serve(|s| answer(s, text.as_bytes())).await;
    let refused = open(at, Some("sip"), LONG).await.err().unwrap();
    assert_eq!(refused.failure.kind, FailureKind::UpgradeRefused);
    assert!(refused.failure.detail.contains("403"));
    assert_eq!(refused.facts.get::<u16>(&metric::HTTP_STATUS), Some(403));
    assert_eq!(refused.facts.get::<String>(&metric::HTTP_SERVER).as_deref(), Some("nginx"));
    let shown: Vec<String> = refused.facts.get(&metric::HTTP_HEADERS).unwrap();
    assert_eq!(shown.len(), 20);
    assert!(shown.iter().all(|h| h.chars().count() < 140 && !h.contains("secret")));
}

#[tokio::test]
async fn what_is_no_upgrade_is_classified() {
    let hangs_up = serve(|mut s| async move {
        read_head(&mut s).await;
    })
    .await;
    assert_eq!(kind(open(hangs_up, Some("x"), LONG).await), FailureKind::Closed);
    let resets = serve(crate::net::loopback::reset).await;
    assert_eq!(kind(open(resets, Some("x"), LONG).await), FailureKind::Reset);
    let silent = serve(crate::net::loopback::silence).await;
    assert_eq!(kind(open(silent, Some("x"), SHORT).await), FailureKind::TimedOut);
    let garbage = serve(|s| answer(s, b"\x00\x01\x02 what\r\n\r\n")).await;
    assert_eq!(kind(open(garbage, Some("x"), LONG).await), FailureKind::Garbage);
    let cached = b"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: AAAA\r\n\r\n";
    let cached = serve(|s| answer(s, cached)).await;
    assert_eq!(kind(open(cached, None, LONG).await), FailureKind::Garbage);
}

/// An open WebSocket whose server has upgraded and then does `then`.
async fn after_upgrade<F, R>(then: F) -> WebSocket
where
    F: Fn(TcpStream) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = ()> + Send + 'static,
{
    let at = serve(move |mut s| {
        let then = then.clone();
        async move {
            accept(&mut s, None).await;
            then(s).await;
        }
    })
    .await;
    open(at, None, LONG).await.ok().unwrap().0
}

#[tokio::test]
async fn other_frames_may_come_before_the_pong() {
    let mut ws = after_upgrade(|s| async move {
        let mut ws = WebSocketStream::from_raw_socket(s, Role::Server, None).await;
        ws.send(Message::text("hello")).await.unwrap();
        ws.send(Message::Pong(vec![1, 2, 3].into())).await.unwrap();
        while ws.next().await.is_some() {}
    })
    .await;
    assert!(ws.ping(LONG).await.is_ok());
}

#[tokio::test]
async fn a_server_that_answers_no_ping_is_silent_not_dead() {
    let mut ws = after_upgrade(crate::net::loopback::silence).await;
    assert_eq!(ws.ping(SHORT).await, Err(NoPong::Silent));
    assert_eq!(ws.hold(SHORT).await, Ok(()));
    ws.close(SHORT).await;
}

#[tokio::test]
async fn an_end_is_told_by_frame_fin_and_reset() {
    let mut framed = after_upgrade(|mut s| async move {
        s.write_all(b"\x88\x0b\x03\xe9go\x1b away!").await.unwrap();
        let _ = s.read(&mut [0u8; 64]).await;
    })
    .await;
    let end = framed.hold(LONG).await.unwrap_err().0;
    assert_eq!(end, End::CloseFrame(Some((1001, "go  away!".to_owned()))));
    let mut fin = after_upgrade(|s| async move { drop(s) }).await;
    assert_eq!(fin.hold(LONG).await.unwrap_err().0, End::Fin);
    let mut rst = after_upgrade(|s| async move {
        socket2::SockRef::from(&s).set_linger(Some(Duration::ZERO)).unwrap();
    })
    .await;
    assert_eq!(rst.hold(LONG).await.unwrap_err().0, End::Reset);
}

#[tokio::test]
async fn a_frame_that_claims_gigabytes_is_refused_at_its_header() {
    let mut ws = after_upgrade(|mut s| async move {
        s.write_all(b"\x82\x7f\x00\x00\x00\x02\x00\x00\x00\x00").await.unwrap();
        let _ = s.read(&mut [0u8; 64]).await;
    })
    .await;
    let end = ws.hold(LONG).await.unwrap_err().0;
    assert_eq!(end.kind(), FailureKind::TooLarge);
}
