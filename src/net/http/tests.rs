use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;
use crate::model::{Facts, metric};
use crate::net::loopback::{self, LONG, Pki, SHORT, answer, read_head, serve, serve_tls, silence};

async fn ask(at: SocketAddr, timeout: Duration) -> Result<Answer, Failure> {
    let stream = TcpStream::connect(at).await.unwrap();
    let to = Authority { host: "rtc.example", port: at.port(), tls: false };
    get(stream, to, "/", timeout, None).await.map_err(|not| not.failure)
}

/// Every connection gets `bytes` and the end.
async fn canned(bytes: impl Into<Vec<u8>>) -> SocketAddr {
    let bytes: Vec<u8> = bytes.into();
    serve(move |s| {
        let bytes = bytes.clone();
        async move { answer(s, &bytes).await }
    })
    .await
}

#[tokio::test]
async fn any_status_is_an_answer() {
    for status in [200, 301, 403, 404, 500, 503] {
        let at = canned(format!("HTTP/1.1 {status} Whatever\r\nServer: te\x1bst\r\nContent-Length: 0\r\n\r\n")).await;
        let answered = ask(at, LONG).await;
        // A control character in a header is not HTTP.
        assert_eq!(answered.unwrap_err().kind, FailureKind::Garbage);
        let at = canned(format!("HTTP/1.1 {status} Whatever\r\nServer: test\r\nContent-Length: 0\r\n\r\n")).await;
        let answered = ask(at, LONG).await.unwrap();
        let mut facts = Facts::new();
        answered.record(&mut facts);
        assert_eq!(facts.get::<u16>(&metric::HTTP_STATUS), Some(status));
        assert_eq!(facts.get::<String>(&metric::HTTP_SERVER).as_deref(), Some("test"));
        assert!(facts.get::<f64>(&metric::FIRST_BYTE_MS).unwrap() > 0.0);
    }
}

#[tokio::test]
async fn the_request_names_host_port_path_and_us() {
    let at = serve(|mut s| async move {
        let head = read_head(&mut s).await;
        let echo = format!("HTTP/1.1 200 OK\r\nX-Head: {}\r\n\r\n", head.replace("\r\n", "|"));
        let _ = s.write_all(echo.as_bytes()).await;
    })
    .await;
    let stream = TcpStream::connect(at).await.unwrap();
    let to = Authority { host: "2001:db8::1", port: 8443, tls: true };
    let head =
        get(stream, to, "/a/b?c", LONG, None).await.unwrap().text(&HeaderName::from_static("x-head"), 500).unwrap();
    assert!(head.starts_with("GET /a/b?c HTTP/1.1|Host: [2001:db8::1]:8443|User-Agent: rtc-check/"), "{head}");
    assert_eq!(Authority { host: "a.example", port: 443, tls: true }.header(), "a.example");
    assert_eq!(Authority { host: "a.example", port: 80, tls: true }.header(), "a.example:80");
}

#[tokio::test]
async fn what_is_no_answer_is_classified() {
    let kind = |r: Result<Answer, Failure>| r.unwrap_err().kind;
    assert_eq!(kind(ask(canned("SSH-2.0-OpenSSH\r\n").await, LONG).await), FailureKind::Garbage);
    assert_eq!(kind(ask(canned("\x16\x03\x01\0\x02\x02\x28").await, LONG).await), FailureKind::Garbage);
    assert_eq!(kind(ask(canned("").await, LONG).await), FailureKind::Closed);
    assert_eq!(kind(ask(canned("HTTP/1.1 200 OK\r\nSer").await, LONG).await), FailureKind::Closed);
    assert_eq!(kind(ask(serve(loopback::reset).await, LONG).await), FailureKind::Reset);
    assert_eq!(kind(ask(serve(silence).await, SHORT).await), FailureKind::TimedOut);
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(MAX_HEADERS + 1));
    assert_eq!(kind(ask(canned(many).await, LONG).await), FailureKind::TooLarge);
}

#[tokio::test]
async fn a_header_without_end_is_given_up_at_the_bound() {
    let at = serve(|mut s| async move {
        read_head(&mut s).await;
        let _ = s.write_all(b"HTTP/1.1 200 OK\r\nX: ").await;
        let chunk = [b'a'; 16 * 1024];
        let mut sent = 0;
        while sent < 10 << 20 && s.write_all(&chunk).await.is_ok() {
            sent += chunk.len();
        }
        assert!(sent < 10 << 20, "the client read all ten megabytes");
    })
    .await;
    assert_eq!(ask(at, LONG).await.unwrap_err().kind, FailureKind::TooLarge);
}

#[tokio::test]
async fn a_header_that_drips_ends_at_the_deadline() {
    let at = serve(|mut s| async move {
        let _ = s.write_all(b"HTTP/1.1 200 OK\r\nX: a").await;
        silence(s).await;
    })
    .await;
    let failure = ask(at, SHORT).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::TimedOut);
    assert!(failure.detail.contains("did not end its header"), "{}", failure.detail);
}

#[tokio::test]
async fn an_alert_after_the_handshake_is_named() {
    // A TLS 1.3 server that wants a client certificate says so only after our side of the handshake is through.
    let pki = Pki::test();
    let served = pki.leaf("a.example");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = rustls::RootCertStore::empty();
    roots.add(pki.root()).unwrap();
    let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(served.chain, served.key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let at = serve(move |s| {
        let acceptor = acceptor.clone();
        async move {
            let _ = acceptor.accept(s).await;
        }
    })
    .await;
    let stream = TcpStream::connect(at).await.unwrap();
    let shaken = tls::handshake(stream, "a.example", at.ip(), &pki.trust(), tls::HTTP11, LONG).await;
    let to = Authority { host: "a.example", port: at.port(), tls: true };
    let failure = get(shaken.stream.unwrap(), to, "/", LONG, None).await.unwrap_err().failure;
    assert_eq!(failure.kind, FailureKind::TlsRefused, "{failure}");
    assert!(failure.detail.contains("CertificateRequired"), "{failure}");
}

#[tokio::test]
async fn the_page_is_fetched_from_an_untrusted_server_and_bounded() {
    let page = |body: &'static str| async move {
        serve_tls(loopback::self_signed("other.example"), &[b"http/1.1"], move |mut s| async move {
            let head = read_head(&mut s).await;
            let token = if head.contains("Authorization: Bearer proof") { 200 } else { 401 };
            let text = format!("HTTP/1.1 {token} X\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            let _ = s.write_all(text.as_bytes()).await;
            let _ = s.read(&mut [0u8; 1]).await;
        })
        .await
    };
    let path = "/.well-known/rtc-check";
    let asked =
        |address, bearer, max_bytes| Unverified { address, host: "a.example", path, bearer, max_bytes, timeout: LONG };
    let small = page("{}").await;
    assert_eq!(asked(small, Some("proof"), 100).fetch().await, Ok((200, b"{}".to_vec())));
    assert_eq!(asked(small, None, 100).fetch().await, Ok((401, b"{}".to_vec())));
    let large = page("0123456789").await;
    let failure = asked(large, Some("proof"), 9).fetch().await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::TooLarge);
    let plain = serve(loopback::blurt).await;
    let failure = asked(plain, None, 100).fetch().await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::NotTls, "{failure}");
}

#[tokio::test]
async fn a_post_brings_its_body_its_length_and_the_proof() {
    let at = serve_tls(loopback::self_signed("other.example"), &[b"http/1.1"], move |mut s| async move {
        let head = read_head(&mut s).await;
        let mut body = [0; 7];
        s.read_exact(&mut body).await.unwrap();
        let right = head.starts_with("POST /ask HTTP/1.1")
            && head.to_ascii_lowercase().contains("content-length: 7")
            && head.to_ascii_lowercase().contains("content-type: application/json")
            && head.contains("Authorization: Bearer proof")
            && &body == b"{\"a\":1}";
        let status = if right { 200 } else { 400 };
        let _ = s.write_all(format!("HTTP/1.1 {status} X\r\nContent-Length: 2\r\n\r\n{{}}").as_bytes()).await;
        let _ = s.read(&mut [0u8; 1]).await;
    })
    .await;
    let ask = Unverified {
        address: at,
        host: "a.example",
        path: "/ask",
        bearer: Some("proof"),
        max_bytes: 100,
        timeout: LONG,
    };
    assert_eq!(ask.post(b"{\"a\":1}".to_vec()).await, Ok((200, b"{}".to_vec())));
}

async fn met(bytes: &'static [u8]) -> (FailureKind, Option<&'static str>, String) {
    let at = canned(bytes).await;
    let stream = TcpStream::connect(at).await.unwrap();
    let to = Authority { host: "rtc.example", port: at.port(), tls: false };
    let not = page(stream, to, "/", LONG, None).await.unwrap_err();
    (not.failure.kind, not.met, not.failure.detail)
}

#[tokio::test]
async fn a_stranger_on_the_port_is_named() {
    for (bytes, name) in [
        (&b"SSH-2.0-OpenSSH_9.2\r\n"[..], "SSH"),
        (b"RTSP/1.0 400 Bad Request\r\n\r\n", "RTSP"),
        (b"SIP/2.0 400 Bad Request\r\n\r\n", "SIP"),
        (b"\x15\x03\x01\x00\x02\x02\x28", "TLS"),
        (b"220 files ready\r\n", "FTP"),
    ] {
        let (kind, met, detail) = met(bytes).await;
        assert_eq!((kind, met), (FailureKind::Garbage, Some(name)), "{detail}");
        assert!(detail.contains(&format!("speaks {name} and not HTTP")), "{detail}");
    }
    let (kind, met, detail) = met(b"\xff\xfe\x00\x01\x02").await;
    assert_eq!((kind, met), (FailureKind::Garbage, None), "{detail}");
    assert!(detail.contains("fffe0001"), "{detail}");
}

#[tokio::test]
async fn the_beginning_of_a_page_is_enough_however_long_or_slow_it_is() {
    let head = b"HTTP/1.1 200 OK\r\nServer: test\r\n\r\n";
    let endless = serve(move |mut s| async move {
        read_head(&mut s).await;
        let _ = s.write_all(head).await;
        while s.write_all(&[b'x'; 16 * 1024]).await.is_ok() {}
    })
    .await;
    let slow = serve(move |mut s| async move {
        read_head(&mut s).await;
        let _ = s.write_all(head).await;
        let _ = s.write_all(b"abc").await;
        silence(s).await;
    })
    .await;
    for (at, length) in [(endless, MAX_PAGE), (slow, 3)] {
        let stream = TcpStream::connect(at).await.unwrap();
        let to = Authority { host: "rtc.example", port: at.port(), tls: false };
        let start = clock::now();
        let (answer, body) = page(stream, to, "/", LONG, None).await.unwrap();
        assert_eq!((answer.status, body.len()), (200, length));
        assert!(clock::now().duration_since(start) < Duration::from_secs(10));
    }
}

#[tokio::test]
async fn an_echo_of_the_request_is_told_as_one() {
    let at = serve(|mut s| async move {
        let (mut read, mut write) = s.split();
        let _ = tokio::io::copy(&mut read, &mut write).await;
    })
    .await;
    let failure = ask(at, LONG).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Garbage);
    assert!(failure.detail.contains("sends back what it is sent"), "{failure}");
}
