//! Attempts against receivers on loopback; the schedule's own tests are virtual.

use std::net::SocketAddr;

use tokio::io::AsyncWriteExt;

use super::*;
use crate::net::loopback::{LONG, OK, Pki, answer, closed_port, read_head, serve, serve_tls, silence};
use crate::net::tls;

fn parcel(to: &str) -> Parcel {
    Parcel {
        to: Destination::read(to).unwrap(),
        method: Method::Put,
        headers: Headers::default(),
        content_type: "application/json",
        encoding: None,
        key: "run-1".to_owned(),
        body: Bytes::from_static(b"{}"),
        timeout: LONG,
        passing: &[503],
    }
}

fn way(trust: Trust) -> Way {
    Way { trust: Arc::new(trust), proxies: Arc::default() }
}

async fn once(parcel: &Parcel) -> Result<Taken, Trouble> {
    super::once::once(parcel, &way(Trust::only([])), parcel.timeout).await
}

async fn canned(answer: &'static str) -> SocketAddr {
    serve(move |mut s| async move {
        read_head(&mut s).await;
        let _ = s.write_all(answer.as_bytes()).await;
        let _ = s.shutdown().await;
    })
    .await
}

#[tokio::test]
async fn what_is_taken_is_taken_however_the_answer_ends() {
    let at = canned("HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\nhalf").await;
    let taken = once(&parcel(&format!("http://{at}/in"))).await.unwrap();
    assert_eq!((taken.status, taken.body.as_slice()), (201, &b"half"[..]));
}

#[tokio::test]
async fn a_refusal_is_told_without_what_opens_the_place() {
    for (answer, passing, word) in [
        ("HTTP/1.1 503 x\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n", true, "503 Service Unavailable"),
        (
            "HTTP/1.1 403 x\r\nContent-Length: 26\r\n\r\nno such key: sign-hunter22",
            false,
            "403 Forbidden: \"no such key: …\"",
        ),
        ("HTTP/1.1 404 x\r\nContent-Length: 4\r\n\r\n\x1b[2J", false, "404 Not Found"),
        (
            "HTTP/1.1 307 x\r\nLocation: https://else.example/sign-hunter22\r\nContent-Length: 0\r\n\r\n",
            false,
            "points to https://else.example; redirects are not followed",
        ),
        (
            "HTTP/1.1 308 x\r\nLocation: /sign-hunter22\r\nContent-Length: 0\r\n\r\n",
            false,
            "another path of http://127.",
        ),
    ] {
        let at = canned(answer).await;
        let trouble = once(&parcel(&format!("http://{at}/in?key=sign-hunter22"))).await.unwrap_err();
        assert!(trouble.why.contains(word) && !trouble.why.contains("hunter22"), "{}", trouble.why);
        assert_eq!(
            (trouble.passing, trouble.asked.map(|d| d.as_secs())),
            (passing, passing.then_some(7)),
            "{}",
            trouble.why
        );
    }
}

#[tokio::test]
async fn a_receiver_that_was_sent_a_token_is_not_quoted() {
    let at = canned("HTTP/1.1 401 x\r\nContent-Length: 17\r\n\r\nbad token: aGFzaA").await;
    let headers = Headers::read("Authorization: Basic aGFzaA==").unwrap();
    let trouble = once(&Parcel { headers, ..parcel(&format!("http://{at}/")) }).await.unwrap_err();
    assert!(trouble.why.ends_with("401 Unauthorized"), "{}", trouble.why);
}

#[tokio::test]
async fn nobody_there_and_silence_may_pass() {
    let trouble = once(&parcel(&format!("http://{}/", closed_port().await))).await.unwrap_err();
    assert!(trouble.passing && trouble.why.contains("refused"), "{}", trouble.why);
    let at = serve(silence).await;
    let short = Duration::from_millis(50);
    let trouble = once(&Parcel { timeout: short, ..parcel(&format!("http://{at}/")) }).await.unwrap_err();
    assert!(trouble.passing, "{}", trouble.why);
}

#[tokio::test]
async fn a_stranger_with_a_certificate_of_his_own_is_sent_nothing_and_not_asked_again() {
    let pki = Pki::test();
    let at = serve_tls(pki.leaf("localhost"), tls::HTTP11, |s| answer(s, OK)).await;
    let parcel = parcel(&format!("https://localhost:{}/in", at.port()));
    let trouble = once(&parcel).await.unwrap_err();
    assert!(!trouble.passing && trouble.why.contains("https://localhost"), "{}", trouble.why);
    let taken = super::once::once(&parcel, &way(pki.trust()), LONG).await.unwrap();
    assert_eq!(taken.status, 200);
}
