use super::*;
use crate::net::loopback::{Pki, answer, serve};
use crate::probe::layers::fixture::{settings, task};

async fn redirected(head: &str) -> Observation {
    let head: &'static str = format!("HTTP/1.1 {head}\r\nContent-Length: 0\r\n\r\n").leak();
    let at = serve(|s| answer(s, head.as_bytes())).await;
    let spec = RedirectSpec { path: "/".to_owned() };
    probe(&task("rtc.example", at), &settings(Pki::test().trust()), &spec).await
}

#[tokio::test]
async fn https_on_the_same_host_is_right() {
    for head in [
        "301 X\r\nLocation: https://rtc.example/",
        "302 X\r\nLocation: HTTPS://RTC.Example:8443/login?a=b",
        "307 X\r\nLocation: https://rtc.example.",
        "308 X\r\nLocation: https://rtc.example/p\u{e4}th",
    ] {
        let obs = redirected(head).await;
        assert_eq!(obs.failure(), None, "{head}");
        assert!(obs.facts.has(&metric::REDIRECT) && obs.facts.has(&metric::HTTP_STATUS));
    }
}

#[tokio::test]
async fn anything_else_is_a_wrong_redirect_that_says_where_it_leads() {
    for (head, words) in [
        ("301 X\r\nLocation: https://other.example/", "another host than rtc.example"),
        ("301 X\r\nLocation: https://rtc.example@evil.example/", "another host"),
        ("301 X\r\nLocation: https://rtc.example.evil.example/", "another host"),
        ("301 X\r\nLocation: http://rtc.example/", "not HTTPS"),
        ("302 X\r\nLocation: /login?next=https://rtc.example/", "stays on HTTP"),
        ("302 X\r\nLocation: //rtc.example/", "stays on HTTP"),
        ("303 X", "without a Location"),
    ] {
        let obs = redirected(head).await;
        let failure = obs.failure().unwrap();
        assert_eq!((failure.step, failure.kind), (Step::Request, FailureKind::WrongRedirect));
        assert!(failure.detail.contains(words), "{}", failure.detail);
    }
}

#[tokio::test]
async fn no_redirect_is_measured_with_its_status_alone() {
    for status in [200, 304, 404, 503] {
        let obs = redirected(&format!("{status} X")).await;
        assert_eq!(obs.failure(), None);
        assert_eq!(obs.facts.get::<u16>(&metric::HTTP_STATUS), Some(status));
        assert!(!obs.facts.has(&metric::REDIRECT));
    }
}

#[test]
fn hosts_are_compared_as_hosts() {
    assert!(same_host(host_of("[2001:DB8::1]:8443/x"), "2001:db8::1"));
    assert!(same_host(host_of("192.0.2.1:443"), "192.0.2.1"));
    assert!(!same_host(host_of("192.0.2.10"), "192.0.2.1"));
    assert_eq!(host_of(""), "");
}
