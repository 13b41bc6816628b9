//! Both carriers before servers on loopback that do right, wrong and nothing.

use std::net::{Ipv4Addr, UdpSocket};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::model::{Facts, FailureKind};
use crate::net::tls::Trust;
use crate::probe::layers::fixture;
use crate::wire::sip::{Framed, decode, framed, reply};

/// A server's answer to a request from `source`.
type Answering = fn(&[u8], SocketAddr) -> Vec<Vec<u8>>;

fn right(request: &[u8], source: SocketAddr) -> Vec<Vec<u8>> {
    vec![reply(&decode(request).unwrap(), source, "t", Some("Test/1")).unwrap().into_bytes()]
}

/// Serves one probe on a thread that ends with it.
async fn over_udp(answering: Answering) -> Observation {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let task =
        Task { deadline: Duration::from_millis(700), ..fixture::task("sip.example", socket.local_addr().unwrap()) };
    std::thread::spawn(move || {
        let mut buf = [0; 2048];
        // The probe's last datagram is a STUN Binding; nobody waits for this thread.
        while let Ok((len, from)) = socket.recv_from(&mut buf) {
            if buf.starts_with(b"OPTIONS ") {
                answering(&buf[..len], from).iter().for_each(|bytes| drop(socket.send_to(bytes, from)));
            }
        }
    });
    probe(&task, &fixture::settings(Trust::only([])), SipCarrier::Udp, &CancellationToken::new()).await
}

async fn over_tcp(answering: Answering) -> Observation {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let at = listener.local_addr().unwrap();
    let task = Task { deadline: Duration::from_millis(700), ..fixture::task("sip.example", at) };
    tokio::spawn(async move {
        let (mut stream, from) = listener.accept().await.unwrap();
        let (mut bytes, mut chunk) = (Vec::new(), [0; 2048]);
        loop {
            while let Framed::Message(_, used) = framed(&bytes) {
                let request: Vec<u8> = bytes.drain(..used).collect();
                for answer in answering(&request, from) {
                    stream.write_all(&answer).await.unwrap();
                }
            }
            match stream.read(&mut chunk).await {
                Ok(0) | Err(_) => return,
                Ok(len) => bytes.extend_from_slice(&chunk[..len]),
            }
        }
    });
    probe(&task, &fixture::settings(Trust::only([])), SipCarrier::Tcp, &CancellationToken::new()).await
}

fn verdict(facts: &Facts) -> String {
    facts.get::<serde_json::Value>(&metric::SIP_ALG).unwrap()["verdict"].as_str().unwrap().to_owned()
}

fn failed(seen: &Observation) -> FailureKind {
    seen.failure().unwrap_or_else(|| panic!("{seen:?}")).kind
}

#[tokio::test]
async fn a_right_answer_is_told_with_its_server_and_source() {
    for seen in [over_udp(right).await, over_tcp(right).await] {
        assert_eq!(seen.failure(), None);
        assert_eq!(seen.facts.get::<u16>(&metric::SIP_STATUS), Some(200));
        assert_eq!(seen.facts.get::<String>(&metric::SIP_SERVER).as_deref(), Some("Test/1"));
        assert_eq!(seen.facts.get::<String>(&metric::SIP_RECEIVED).as_deref(), Some("127.0.0.1"));
        assert!(seen.facts.get::<f64>(&metric::SIP_RTT_MS).is_some_and(|ms| ms > 0.0));
        assert_eq!(verdict(&seen.facts), "none");
    }
}

#[tokio::test]
async fn a_provisional_answer_and_those_to_others_are_waited_beyond() {
    fn slow(request: &[u8], source: SocketAddr) -> Vec<Vec<u8>> {
        let last = right(request, source).remove(0);
        let text = String::from_utf8(last.clone()).unwrap();
        let trying = text.replace("200 OK", "100 Trying").into_bytes();
        let to_others =
            ["z9hG4bK", "Call-ID: ", "CSeq: "].map(|what| text.replace(what, &format!("{what}9")).into_bytes());
        [vec![trying], to_others.to_vec(), vec![last]].concat()
    }
    for seen in [over_udp(slow).await, over_tcp(slow).await] {
        assert_eq!((seen.failure(), seen.facts.get::<u16>(&metric::SIP_STATUS)), (None, Some(200)));
    }
}

#[tokio::test]
async fn a_server_that_answers_only_provisionally_is_not_told_as_silent() {
    let trying: Answering = |request, source| {
        let last = String::from_utf8(right(request, source).remove(0)).unwrap();
        vec![last.replace("200 OK", "100 Trying").into_bytes()]
    };
    let seen = over_udp(trying).await;
    let failure = seen.failure().unwrap();
    assert!(failure.detail.ends_with("carried a provisional answer and no final one)"), "{failure}");
    let to_others: Answering = |request, source| {
        let last = String::from_utf8(right(request, source).remove(0)).unwrap();
        vec![last.replace("z9hG4bK", "z9hG4bK9").into_bytes()]
    };
    let seen = over_udp(to_others).await;
    let failure = seen.failure().unwrap();
    assert!(failure.detail.ends_with("carried SIP that does not answer this request)"), "{failure}");
}

#[tokio::test]
async fn a_device_that_puts_its_own_address_everywhere_is_noticed() {
    // To the server both requests seem to come from where their Vias say; the client gets its own words back.
    fn alg(request: &[u8], source: SocketAddr) -> Vec<Vec<u8>> {
        let request = decode(request).unwrap();
        let honest = request.via().unwrap().address() == Some(source.ip());
        let text = reply(&request, source, "t", None).unwrap();
        let seen = if honest { "127.0.0.1" } else { "198.51.100.77" };
        vec![text.replace("received=127.0.0.1", &format!("received={seen}")).into_bytes()]
    }
    for seen in [over_udp(alg).await, over_tcp(alg).await] {
        assert_eq!((seen.failure(), verdict(&seen.facts).as_str()), (None, "rewritten"));
    }
}

#[tokio::test]
async fn a_server_that_repeats_the_via_and_tells_nothing_is_no_alg() {
    fn plain(request: &[u8], _: SocketAddr) -> Vec<Vec<u8>> {
        vec![crate::wire::sip::ok(&decode(request).unwrap(), "t", "Old").unwrap().into_bytes()]
    }
    for seen in [over_udp(plain).await, over_tcp(plain).await] {
        assert_eq!((seen.failure(), verdict(&seen.facts).as_str()), (None, "cannot-tell"));
    }
}

#[tokio::test]
async fn what_is_no_answer_is_named_and_never_passes() {
    let silent: Answering = |_, _| Vec::new();
    assert_eq!(failed(&over_tcp(silent).await), FailureKind::TimedOut);
    let http: Answering = |_, _| vec![b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()];
    let echo: Answering = |request, _| vec![request.to_vec()];
    let noise: Answering = |_, _| vec![vec![0xff; 100]];
    for (answering, met) in [(http, Some("HTTP")), (noise, None)] {
        let seen = over_tcp(answering).await;
        assert_eq!((failed(&seen), seen.facts.get::<String>(&metric::MET).as_deref()), (FailureKind::Garbage, met));
        // Over UDP anybody may have sent it, so the answer is waited for until the time is over.
        let seen = over_udp(answering).await;
        assert_eq!(seen.facts.get::<String>(&metric::MET).as_deref(), met, "{seen:?}");
        assert!(seen.failure().is_some());
    }
    assert_eq!(failed(&over_tcp(echo).await), FailureKind::Garbage);
    assert!(over_udp(echo).await.failure().is_some());
}
