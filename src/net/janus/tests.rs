use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::*;
use crate::model::{FailureKind, Secret};
use crate::net::http::Authority;
use crate::net::loopback::{LONG, Pki, read_head, serve, serve_tls};
use crate::net::tls::{HTTP11, handshake};
use crate::net::ws::tests::{accept, echo};
use crate::net::ws::upgrade;

fn request(session: Option<u64>, handle: Option<u64>, text: &str) -> Outgoing {
    Outgoing { session, handle, text: text.to_owned() }
}

async fn websocket(at: SocketAddr) -> Line {
    let stream = TcpStream::connect(at).await.unwrap();
    let to = Authority { host: "rtc.example", port: at.port(), tls: false };
    let (socket, _) = upgrade(stream, to, "/", Some(SUBPROTOCOL), LONG).await.ok().unwrap();
    Line::websocket(socket)
}

async fn https(pki: &Pki, at: SocketAddr) -> Line {
    let trust = Arc::new(pki.trust());
    let stream = TcpStream::connect(at).await.unwrap();
    let shaken = handshake(stream, "rtc.example", at.ip(), &trust, HTTP11, LONG).await;
    let place = Place { host: "rtc.example".to_owned(), address: at, base: "/janus".to_owned(), trust };
    let credentials = Credentials { token: Some(Secret::new("a&b")), api_secret: None };
    Line::https(Box::new(shaken.stream.unwrap()), place, credentials).await.unwrap()
}

async fn next(line: &mut Line) -> Result<Vec<u8>, Failure> {
    tokio::time::timeout(LONG, line.receive()).await.unwrap()
}

/// Answers each request with its first line and its body, until the connection ends.
async fn mirror(mut stream: TlsStream<TcpStream>) {
    loop {
        let head = read_head(&mut stream).await;
        if head.is_empty() {
            return;
        }
        let length = head.lines().find_map(|l| l.strip_prefix("Content-Length: ")).and_then(|n| n.parse().ok());
        let mut body = vec![0; length.unwrap_or(0)];
        stream.read_exact(&mut body).await.unwrap();
        let line = head.lines().next().unwrap_or_default();
        let answer = format!("{line} {}", String::from_utf8_lossy(&body));
        // An event does not come at once.
        if line.starts_with("GET") {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let whole = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{answer}", answer.len());
        if stream.write_all(whole.as_bytes()).await.is_err() {
            return;
        }
    }
}

#[tokio::test]
async fn a_websocket_carries_requests_there_and_messages_back() {
    let mut line = websocket(echo(SUBPROTOCOL).await).await;
    assert_eq!(line.api(), Api::Wss);
    for text in ["one", "two"] {
        line.send(request(None, None, text));
    }
    assert_eq!(next(&mut line).await.unwrap(), b"one");
    assert_eq!(next(&mut line).await.unwrap(), b"two");
}

#[tokio::test]
async fn a_websocket_that_ends_says_how() {
    let at = serve(|mut s| async move { accept(&mut s, Some(SUBPROTOCOL)).await }).await;
    let failure = next(&mut websocket(at).await).await.unwrap_err();
    assert_eq!((failure.step, failure.kind), (Step::Request, FailureKind::Closed));
}

#[tokio::test]
async fn a_message_of_more_than_64_kib_ends_the_line() {
    let mut line = websocket(echo(SUBPROTOCOL).await).await;
    line.send(request(None, None, &"x".repeat(70_000)));
    assert_eq!(next(&mut line).await.unwrap_err().kind, FailureKind::TooLarge);
}

#[tokio::test]
async fn https_posts_to_paths_and_polls_with_the_token() {
    let pki = Pki::test();
    let at = serve_tls(pki.leaf("rtc.example"), &[], mirror).await;
    let mut line = https(&pki, at).await;
    assert_eq!(line.api(), Api::Https);
    line.send(request(None, None, "{1}"));
    line.send(request(Some(7), None, "{2}"));
    line.send(request(Some(7), Some(9), "{3}"));
    for want in ["POST /janus HTTP/1.1 {1}", "POST /janus/7 HTTP/1.1 {2}", "POST /janus/7/9 HTTP/1.1 {3}"] {
        assert_eq!(String::from_utf8(next(&mut line).await.unwrap()).unwrap(), want);
    }
    line.listen(7);
    for _ in 0..2 {
        let event = String::from_utf8(next(&mut line).await.unwrap()).unwrap();
        assert_eq!(event, "GET /janus/7?maxev=10&token=a%26b HTTP/1.1 ");
    }
}

#[tokio::test]
async fn https_connections_that_are_closed_between_requests_are_opened_again() {
    let pki = Pki::test();
    let once = |mut stream: TlsStream<TcpStream>| async move {
        read_head(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}").await;
        let _ = stream.shutdown().await;
    };
    let mut line = https(&pki, serve_tls(pki.leaf("rtc.example"), &[], once).await).await;
    for _ in 0..3 {
        line.send(request(None, None, ""));
        assert_eq!(next(&mut line).await.unwrap(), b"{}");
    }
}

#[tokio::test]
async fn a_server_without_the_api_is_told_by_its_status() {
    let pki = Pki::test();
    let none = |stream| crate::net::loopback::answer(stream, b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno");
    let mut line = https(&pki, serve_tls(pki.leaf("rtc.example"), &[], none).await).await;
    line.send(request(None, None, "{}"));
    let failure = next(&mut line).await.unwrap_err();
    assert_eq!(failure.detail, "the server answered with HTTP status 404");
}
