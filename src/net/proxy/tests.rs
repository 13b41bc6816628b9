use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::net::loopback::{LONG, SHORT, answer, closed_port, read_head as head_of, reset, serve, silence};
use crate::net::reach::in_turns;

const PASSWORD: &str = "s3cret-of-the-proxy";

fn proxy(at: SocketAddr, login: bool) -> Proxy {
    let login = login.then(|| ("user".to_owned(), Secret::new(PASSWORD)));
    Proxy { kind: Kind::Http, host: Host::Address(at.ip()), port: at.port(), login }
}

fn far(host: &str, port: u16) -> Far<'_> {
    Far { host, address: None, port }
}

async fn refused(words: &'static [u8], login: bool) -> NotThrough {
    let at = serve(move |stream| answer(stream, words)).await;
    proxy(at, login).connect(far("turn.example", 443), clock::now() + LONG).await.unwrap_err()
}

#[tokio::test]
async fn a_tunnel_carries_bytes_both_ways_and_the_login_is_sent() {
    let at = serve(|mut stream| async move {
        let head = head_of(&mut stream).await;
        let asked = head.starts_with("CONNECT turn.example:443 HTTP/1.1\r\nHost: turn.example:443\r\n");
        let login = head.contains("Proxy-Authorization: Basic dXNlcjpzM2NyZXQtb2YtdGhlLXByb3h5\r\n");
        let status = if asked && login { "200 Connection established" } else { "400 Bad" };
        let _ = stream.write_all(format!("HTTP/1.1 {status}\r\nVia: x\r\n\r\n").as_bytes()).await;
        let mut echo = [0; 4];
        let _ = stream.read_exact(&mut echo).await;
        let _ = stream.write_all(&echo).await;
    })
    .await;
    let mut stream = proxy(at, true).connect(far("turn.example", 443), clock::now() + LONG).await.unwrap();
    stream.write_all(b"ping").await.unwrap();
    let mut back = [0; 4];
    stream.read_exact(&mut back).await.unwrap();
    assert_eq!(&back, b"ping");
}

#[tokio::test]
async fn each_refusal_is_its_own_class_and_sentence() {
    use FailureKind::{ProxyAnswered, ProxyLogin, ProxyRefused};
    for (words, login, (status, kind), part) in [
        (
            &b"HTTP/1.1 407 Nope\r\nProxy-Authenticate: Basic realm=\"x\"\r\nProxy-Authenticate: NTLM\r\n\r\nbody"[..],
            false,
            (407, ProxyLogin),
            "asks for a login by Basic, NTLM and none was given (HTTP 407 Nope)",
        ),
        (b"HTTP/1.1 407 Nope\r\n\r\n", true, (407, ProxyLogin), "did not accept the login"),
        (
            b"HTTP/1.1 407 Nope\r\nproxy-authenticate: Negotiate\r\nProxy-Authenticate: NTLM\r\n\r\n",
            true,
            (407, ProxyLogin),
            "takes logins by Negotiate, NTLM alone, and not by Basic",
        ),
        (b"HTTP/1.0 403 Forbidden\r\n\r\n", true, (403, ProxyRefused), "does not allow CONNECT to turn.example:443"),
        (
            b"HTTP/1.1 503 X\r\nX-Squid-Error: ERR_DNS_FAIL 0\r\n\r\n",
            true,
            (503, ProxyRefused),
            "could not reach turn.example:443 (HTTP 503 X, ERR_DNS_FAIL)",
        ),
        (b"HTTP/1.1 400\r\n\r\n", true, (400, ProxyRefused), "did not take CONNECT to turn.example:443 (HTTP 400)"),
        (
            b"HTTP/1.1 302 Found\r\nLocation: http://portal.example/\r\n\r\n",
            false,
            (302, ProxyAnswered),
            "with a page of its own to http://portal.example/ (HTTP 302 Found)",
        ),
    ] {
        let refused = refused(words, login).await;
        let answer = refused.answer.as_ref().unwrap();
        assert_eq!((answer.status.unwrap(), refused.failure.kind), (status, kind), "{}", refused.failure);
        assert!(refused.failure.detail.contains(part), "{}", refused.failure);
        assert!(!format!("{refused:?}").contains(PASSWORD));
    }
}

#[tokio::test]
async fn what_follows_the_head_is_left_in_the_tunnel() {
    let at = serve(|mut stream| async move {
        head_of(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nSSH-2.0-Open").await;
        let _ = stream.write_all(b"SSH\r\n").await;
        let _ = stream.read(&mut [0; 9]).await;
    })
    .await;
    let proxy = proxy(at, false);
    let mut stream = proxy.connect(far("a", 22), clock::now() + LONG).await.unwrap();
    assert!(answers_itself(&stream, &proxy).is_none(), "a service that speaks first");
    let mut banner = [0; 17];
    stream.read_exact(&mut banner).await.unwrap();
    assert_eq!(&banner, b"SSH-2.0-OpenSSH\r\n");
}

#[tokio::test]
async fn a_page_in_place_of_the_tunnel_is_the_proxys_own() {
    let at = serve(move |stream| answer(stream, b"HTTP/1.1 200 OK\r\n\r\n<html>blocked s3cret-of-the-proxy")).await;
    let proxy = proxy(at, true);
    let stream = proxy.connect(far("a", 443), clock::now() + LONG).await.unwrap();
    let not = answers_itself(&stream, &proxy).unwrap();
    assert_eq!(not.failure.kind, FailureKind::ProxyAnswered);
    assert!(not.failure.detail.contains("\"<html>blocked …\""), "{}", not.failure);
}

fn socks(at: SocketAddr, kind: Kind, login: bool) -> Proxy {
    Proxy { kind, ..proxy(at, login) }
}

/// A SOCKS5 server that says `says` one by one, each after a message of the client's, and then sends back what came.
async fn socks_server(says: &'static [&'static [u8]]) -> SocketAddr {
    serve(move |mut stream| async move {
        let mut came = [0; 300];
        for words in says {
            let len = stream.read(&mut came).await.unwrap_or(0);
            let asked: Vec<u8> = came[..len].to_vec();
            let _ = stream.write_all(words).await;
            if words.len() > 3 {
                let _ = stream.write_all(&asked).await;
                return;
            }
        }
        let _ = stream.read(&mut came).await;
    })
    .await
}

#[tokio::test]
async fn socks_asks_by_name_or_by_address_and_takes_no_byte_of_the_tunnel() {
    const OPEN: &[&[u8]] = &[&[5, 2], &[1, 0], &[5, 0, 0, 1, 192, 0, 2, 9, 0, 80]];
    for (kind, asked) in [
        (Kind::Socks5h, &b"\x05\x01\x00\x03\x04name\x01\xbb"[..]),
        (Kind::Socks5, b"\x05\x01\x00\x01\xc0\x00\x02\x07\x01\xbb"),
    ] {
        let proxy = socks(socks_server(OPEN).await, kind, true);
        let far = Far { host: "name", address: Some("192.0.2.7".parse().unwrap()), port: 443 };
        let mut stream = proxy.connect(far, clock::now() + LONG).await.unwrap();
        let mut back = vec![0; asked.len()];
        stream.read_exact(&mut back).await.unwrap();
        assert_eq!(back, asked);
    }
    let blind = socks(socks_server(&[&[5, 0]]).await, Kind::Socks5, false);
    let failure = blind.connect(far("name", 1), clock::now() + LONG).await.unwrap_err().failure;
    assert_eq!(failure.kind, FailureKind::NoAddress);
}

#[tokio::test]
async fn what_socks_refuses_is_named() {
    use FailureKind::{Garbage, ProxyLogin, ProxyRefused, TimedOut};
    type Row = (&'static [&'static [u8]], bool, FailureKind, &'static str);
    const ROWS: &[Row] = &[
        (&[&[5, 255]], false, ProxyLogin, "asks for a login and none was given"),
        (&[&[5, 255]], true, ProxyLogin, "takes no login by user name and password"),
        (&[&[5, 2], &[1, 1]], true, ProxyLogin, "did not accept the login"),
        (&[&[5, 0], &[5, 2, 0, 0]], false, ProxyRefused, "(SOCKS5 reply 2, connection not allowed by its rules)"),
        (&[&[5, 0], &[5, 5, 0, 0]], false, ProxyRefused, "could not reach a:1 (SOCKS5 reply 5, connection refused)"),
        (&[&[5, 0], &[5, 7, 0, 0]], false, ProxyRefused, "did not connect to a:1 (SOCKS5 reply 7, command"),
        (&[b"HTTP/1.1 400"], false, Garbage, "its answer is not SOCKS5"),
        (&[&[]], false, TimedOut, "no answer to the request to connect to a:1"),
    ];
    for (says, login, kind, part) in ROWS {
        let at = socks_server(says).await;
        let patience = if *kind == TimedOut { SHORT } else { LONG };
        let not = socks(at, Kind::Socks5h, *login).connect(far("a", 1), clock::now() + patience).await.unwrap_err();
        let failure = &not.failure;
        assert!(failure.kind == *kind && failure.detail.contains(part), "{failure}");
        assert!(not.answer.is_some());
    }
}

#[tokio::test]
async fn what_is_no_proxy_is_told_and_never_waited_for_beyond_the_deadline() {
    let long: &'static [u8] = Vec::leak([&b"HTTP/1.1 200 OK\r\nX: "[..], &vec![b'a'; 20_000][..]].concat());
    for (words, kind) in [
        (&b""[..], FailureKind::Closed),
        (b"SSH-2.0-x\r\n\r\n", FailureKind::Garbage),
        (b"HTTP/1.1 2000 OK\r\n\r\n", FailureKind::Garbage),
        (b"HTTP/1.1 200 OK\r\nVia", FailureKind::Closed),
        (long, FailureKind::TooLarge),
    ] {
        let refused = refused(words, true).await;
        assert_eq!((refused.failure.step, refused.failure.kind), (Step::Proxy, kind), "{}", refused.failure);
    }
    let at = closed_port().await;
    let refused = proxy(at, false).connect(far("a", 1), clock::now() + LONG).await.unwrap_err().failure;
    assert_eq!((refused.step, refused.kind), (Step::Proxy, FailureKind::Refused));
    let at = serve(reset).await;
    let reset = proxy(at, false).connect(far("a", 1), clock::now() + LONG).await.unwrap_err().failure;
    assert_eq!(reset.kind, FailureKind::Reset);
    let at = serve(silence).await;
    let late = proxy(at, false).connect(far("a", 1), clock::now() + SHORT).await.unwrap_err().failure;
    assert_eq!(late.kind, FailureKind::TimedOut);
}

#[tokio::test]
async fn a_proxy_that_repeats_its_login_is_not_quoted() {
    let words = b"HTTP/1.1 400 s3cret-of-the-proxy dXNlcjpzM2NyZXQtb2YtdGhlLXByb3h5\r\n\r\n";
    let refused = refused(words, true).await;
    assert!(refused.failure.detail.ends_with("(HTTP 400 … …)"), "{}", refused.failure);
}

#[tokio::test]
async fn a_name_that_leads_nowhere_is_told_as_the_resolver_tells_it() {
    let nobody = Proxy { kind: Kind::Http, host: "nobody.invalid".parse().unwrap(), port: 1, login: None };
    let failure = nobody.connect(far("a", 1), clock::now() + SHORT).await.unwrap_err().failure;
    assert_eq!(failure.step, Step::Proxy);
    use FailureKind::{NoAddress, NxDomain, ResolverError, ResolverTimeout};
    assert!(matches!(failure.kind, NxDomain | NoAddress | ResolverError | ResolverTimeout), "{failure}");
    assert!(failure.detail.starts_with("the proxy nobody.invalid:1: its name: "), "{failure}");
}

#[test]
fn families_take_turns_and_no_more_than_four_addresses_are_tried() {
    let all = |words: &[&str]| words.iter().map(|w| w.parse().unwrap()).collect::<Vec<IpAddr>>();
    let found = all(&["2001:db8::1", "2001:db8::2", "2001:db8::3", "192.0.2.1", "192.0.2.2"]);
    assert_eq!(in_turns(&found), all(&["2001:db8::1", "192.0.2.1", "2001:db8::2", "192.0.2.2"]));
    assert_eq!(in_turns(&found[..2]), found[..2]);
    assert_eq!(in_turns(&[]), all(&[]));
}

#[tokio::test]
async fn a_page_that_is_no_utf8_hides_the_login_too_and_a_cut_one_its_rest() {
    for words in [
        &b"HTTP/1.1 200 OK\r\n\r\n<p>acc\xe8s s3cret-of-the-proxy dXNlcjpzM2NyZXQtb2YtdGhlLXByb3h5"[..],
        b"HTTP/1.1 200 OK\r\n\r\n<p>Basic dXNlcjpzM2NyZXQtb2YtdGhl",
        b"HTTP/1.1 200 OK\r\n\r\n<p>s3cret-of-the-\xe8",
    ] {
        let at = serve(move |stream| answer(stream, words)).await;
        let proxy = proxy(at, true);
        let stream = proxy.connect(far("a", 443), clock::now() + LONG).await.unwrap();
        let detail = answers_itself(&stream, &proxy).unwrap().failure.detail;
        assert!(!detail.contains("dXNlcj") && !detail.contains(PASSWORD), "{detail}");
    }
}

#[tokio::test]
async fn what_a_proxy_that_asks_in_our_place_repeats_is_hidden_in_head_page_and_failure() {
    use crate::net::http::{Authority, page};
    let to = Authority { host: "a", port: 80, tls: false };
    let asked = async |words: &'static [u8]| {
        let proxy = proxy(serve(move |stream| answer(stream, words)).await, true);
        let stream = proxy.reach(clock::now() + LONG).await.unwrap();
        page(stream, to, "/", LONG, Some(&proxy)).await
    };
    let words = b"HTTP/1.1 302 X\r\nServer: Basic dXNlcjpzM2NyZXQtb2YtdGhlLXByb3h5\r\nLocation: /s3cret-of-the-proxy\r\nContent-Length: 24\r\n\r\n\xe8 s3cret-of-the-proxy s3";
    let (answer, body) = asked(words).await.unwrap();
    let told = format!("{:?} {}", answer.lines(), String::from_utf8_lossy(&body));
    assert!(!told.contains("dXNlcj") && !told.contains(PASSWORD) && told.contains("Basic …"), "{told}");
    let long = b"\xe8 GET X Proxy-Authorization: Basic dXNlcjpzM2NyZXQtb2YtdGhlLXByb3h5\r\n\r\n";
    for words in [&long[..], &long[2..]] {
        let failure = asked(words).await.unwrap_err().failure;
        assert!(!failure.detail.contains("dXNlcj"), "{failure}");
    }
}

#[test]
fn what_was_seen_through_a_proxy_hides_its_login_last_of_all() {
    let proxy = proxy("192.0.2.3:3128".parse().unwrap(), true);
    let mut seen = Observation::new(crate::model::ProbeKind::Ws);
    let detail = "it sent \"Basic dXNlcjpzM2NyZXQtb2Y\"";
    seen.step_failed(Failure::new(Step::Tls, FailureKind::NotTls, detail), Duration::ZERO);
    seen.facts.set(&metric::HTTP_HEADERS, serde_json::json!({ "x-you-said": [PASSWORD] }));
    proxy.hide_login(&mut seen);
    let told = format!("{seen:?}");
    assert!(!told.contains("dXNlcj") && !told.contains(PASSWORD) && told.contains("Basic …"), "{told}");
}
