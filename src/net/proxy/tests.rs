use super::*;
use crate::net::loopback::{LONG, SHORT, answer, closed_port, read_head as head_of, reset, serve, silence};

const PASSWORD: &str = "s3cret-of-the-proxy";

fn proxy(at: SocketAddr, login: bool) -> Proxy {
    let login = login.then(|| ("user".to_owned(), Secret::new(PASSWORD)));
    Proxy { host: Host::Address(at.ip()), port: at.port(), login }
}

async fn refused(words: &'static [u8], login: bool) -> NotThrough {
    let at = serve(move |stream| answer(stream, words)).await;
    proxy(at, login).connect("turn.example", 443, clock::now() + LONG).await.unwrap_err()
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
    let mut stream = proxy(at, true).connect("turn.example", 443, clock::now() + LONG).await.unwrap();
    stream.write_all(b"ping").await.unwrap();
    let mut back = [0; 4];
    stream.read_exact(&mut back).await.unwrap();
    assert_eq!(&back, b"ping");
}

#[tokio::test]
async fn each_refusal_is_its_own_sentence() {
    for (words, login, status, part) in [
        (
            &b"HTTP/1.1 407 Nope\r\nProxy-Authenticate: Basic realm=\"x\"\r\nProxy-Authenticate: NTLM\r\n\r\nbody"[..],
            false,
            407,
            "asks for a login by Basic, NTLM and none was given (HTTP 407 Nope)",
        ),
        (b"HTTP/1.1 407 Nope\r\n\r\n", true, 407, "did not accept the login"),
        (b"HTTP/1.0 403 Forbidden\r\n\r\n", true, 403, "does not allow CONNECT to turn.example:443"),
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", true, 502, "could not reach turn.example:443"),
        (b"HTTP/1.1 400\r\n\r\n", true, 400, "did not CONNECT to turn.example:443 (HTTP 400)"),
    ] {
        let refused = refused(words, login).await;
        assert_eq!((refused.failure.kind, refused.status), (FailureKind::ProxyRefused, Some(status)));
        assert!(refused.failure.detail.contains(part), "{}", refused.failure);
        assert!(!format!("{refused:?}").contains(PASSWORD));
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
        (b"HTTP/1.1 200 OK\r\n\r\nhello", FailureKind::Garbage),
        (long, FailureKind::TooLarge),
    ] {
        let refused = refused(words, true).await;
        assert_eq!((refused.failure.step, refused.failure.kind), (Step::Proxy, kind), "{}", refused.failure);
    }
    let at = closed_port().await;
    let refused = proxy(at, false).connect("a", 1, clock::now() + LONG).await.unwrap_err().failure;
    assert_eq!((refused.step, refused.kind), (Step::Proxy, FailureKind::Refused));
    let at = serve(reset).await;
    let reset = proxy(at, false).connect("a", 1, clock::now() + LONG).await.unwrap_err().failure;
    assert_eq!(reset.kind, FailureKind::Reset);
    let at = serve(silence).await;
    let late = proxy(at, false).connect("a", 1, clock::now() + SHORT).await.unwrap_err().failure;
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
    let nobody = Proxy { host: "nobody.invalid".parse().unwrap(), port: 1, login: None };
    let failure = nobody.connect("a", 1, clock::now() + SHORT).await.unwrap_err().failure;
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
