use std::future::Future;

use hickory_resolver::proto::rr::rdata::{A, CNAME};
use proptest::prelude::*;
use tokio::net::TcpListener;

use super::*;
use crate::net::loopback::{LONG, SHORT};

/// A server that answers every datagram with what `reply` makes of it.
pub(in crate::net) async fn fake<F>(reply: F) -> SocketAddr
where
    F: Fn(Message) -> Vec<Vec<u8>> + Send + 'static,
{
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let at = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0u8; 2048];
        while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            for datagram in reply(Message::from_vec(&buffer[..length]).unwrap()) {
                socket.send_to(&datagram, from).await.unwrap();
            }
        }
    });
    at
}

/// The answer with `code` and, to questions for A, these addresses.
pub(in crate::net) fn respond(question: &Message, code: ResponseCode, addresses: &[&str]) -> Vec<u8> {
    let mut answer = Message::response(question.metadata.id, OpCode::Query);
    answer.metadata.response_code = code;
    let query = question.queries.first().unwrap().clone();
    if query.query_type() == RecordType::A {
        for address in addresses {
            let data = RData::A(A(address.parse().unwrap()));
            answer.add_answer(Record::from_rdata(query.name().clone(), 300, data));
        }
    }
    answer.add_query(query);
    answer.to_vec().unwrap()
}

async fn asked<F>(timeout: Duration, reply: F) -> ServerAnswer
where
    F: Fn(Message) -> Vec<Vec<u8>> + Send + 'static,
{
    ask(fake(reply).await, "rtc.example", Kind::A, timeout).await
}

fn ips(text: &[&str]) -> Vec<IpAddr> {
    text.iter().map(|t| t.parse().unwrap()).collect()
}

#[tokio::test]
async fn an_answer_has_addresses_ttl_and_time() {
    let a = asked(LONG, |q| vec![respond(&q, ResponseCode::NoError, &["192.0.2.1", "192.0.2.2"])]).await;
    assert_eq!((a.rcode.as_deref(), a.ttl_s, a.error), (Some("NOERROR"), Some(300), None));
    assert_eq!(a.addresses, ips(&["192.0.2.1", "192.0.2.2"]));
    assert!(a.ms.is_some_and(|ms| ms > 0.0));
}

#[tokio::test]
async fn refusals_of_every_sort_are_told_apart() {
    for (code, text) in [
        (ResponseCode::NXDomain, "NXDOMAIN"),
        (ResponseCode::ServFail, "SERVFAIL"),
        (ResponseCode::Refused, "REFUSED"),
        (ResponseCode::NoError, "NOERROR"),
    ] {
        let a = asked(LONG, move |q| vec![respond(&q, code, &[])]).await;
        assert_eq!((a.rcode.as_deref(), a.addresses.len(), a.ttl_s), (Some(text), 0, None));
    }
    let silent = asked(SHORT, |_| vec![]).await;
    assert_eq!((silent.error, silent.rcode, silent.ms), (Some(FailureKind::ResolverTimeout), None, None));
    let closed = UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let refused = ask(closed, "rtc.example", Kind::A, LONG).await;
    assert_eq!(refused.error, Some(FailureKind::Refused), "ICMP port unreachable is seen at once");
}

#[tokio::test]
async fn lies_are_not_believed() {
    let lies = |q: Message| {
        let truth = respond(&q, ResponseCode::NoError, &["192.0.2.1"]);
        let lie = respond(&q, ResponseCode::NoError, &["203.0.113.66"]);
        let mut wrong_id = lie.clone();
        wrong_id[0] ^= 1;
        let mut no_answer = lie.clone();
        no_answer[2] &= 0x7f;
        let mut other = q.clone();
        other.queries = vec![Query::query(Name::from_ascii("evil.example.").unwrap(), RecordType::A)];
        let wrong_question = respond(&other, ResponseCode::NoError, &["203.0.113.66"]);
        vec![vec![], vec![0], wrong_id, no_answer, wrong_question, truth]
    };
    assert_eq!(asked(LONG, lies).await.addresses, ips(&["192.0.2.1"]));
}

#[tokio::test]
async fn garbage_under_our_id_is_called_so() {
    let garbage = |q: Message| {
        let [a, b] = q.metadata.id.to_be_bytes();
        // One question whose name is a compression pointer to itself.
        vec![vec![a, b, 0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xc0, 0x0c, 0, 1, 0, 1]]
    };
    assert_eq!(asked(Duration::from_secs(1), garbage).await.error, Some(FailureKind::Garbage));
}

#[tokio::test]
async fn a_lost_datagram_is_sent_again() {
    let count = std::sync::atomic::AtomicU32::new(0);
    let second = move |q: Message| match count.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
        0 => vec![],
        _ => vec![respond(&q, ResponseCode::NoError, &["192.0.2.1"])],
    };
    assert_eq!(asked(Duration::from_secs(2), second).await.addresses, ips(&["192.0.2.1"]));
}

#[tokio::test]
async fn a_server_from_before_edns_is_asked_without() {
    let old = |q: Message| {
        let code = if q.edns.is_some() { ResponseCode::FormErr } else { ResponseCode::NoError };
        vec![respond(&q, code, if q.edns.is_some() { &[] } else { &["192.0.2.1"] })]
    };
    assert_eq!(asked(LONG, old).await.addresses, ips(&["192.0.2.1"]));
}

/// UDP says "truncated" on a port where TCP does `serve`.
async fn truncated_then<F, R>(serve: F) -> ServerAnswer
where
    F: FnOnce(TcpListener) -> R,
    R: Future<Output = ()> + Send + 'static,
{
    let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = tcp.local_addr().unwrap();
    let udp = UdpSocket::bind(at).await.unwrap();
    tokio::spawn(async move {
        let mut buffer = [0u8; 2048];
        let (length, from) = udp.recv_from(&mut buffer).await.unwrap();
        let mut answer = respond(&Message::from_vec(&buffer[..length]).unwrap(), ResponseCode::NoError, &[]);
        answer[2] |= 2;
        udp.send_to(&answer, from).await.unwrap();
    });
    tokio::spawn(serve(tcp));
    ask(at, "rtc.example", Kind::A, Duration::from_secs(5)).await
}

#[tokio::test]
async fn a_truncated_answer_is_fetched_by_tcp() {
    let answered = truncated_then(|tcp| async move {
        let (mut stream, _) = tcp.accept().await.unwrap();
        let length = stream.read_u16().await.unwrap();
        let mut question = vec![0; usize::from(length)];
        stream.read_exact(&mut question).await.unwrap();
        let answer = respond(&Message::from_vec(&question).unwrap(), ResponseCode::NoError, &["192.0.2.9"]);
        stream.write_u16(answer.len() as u16).await.unwrap();
        stream.write_all(&answer).await.unwrap();
    })
    .await;
    assert_eq!(answered.addresses, ips(&["192.0.2.9"]));
    // A length of 65535, and three bytes.
    let lied = truncated_then(|tcp| async move {
        let (mut stream, _) = tcp.accept().await.unwrap();
        stream.write_all(&[0xff, 0xff, 1, 2, 3]).await.unwrap();
    })
    .await;
    assert_eq!(lied.error, Some(FailureKind::ResolverError));
    assert!(lied.detail.unwrap().contains("by TCP"));
    let refused = truncated_then(|tcp| async move { drop(tcp) }).await;
    assert_eq!(refused.error, Some(FailureKind::ResolverError));
}

fn question() -> Question {
    Question { id: 0x1234, ..Question::new("rtc.example", Kind::A).unwrap() }
}

#[test]
fn aliases_are_followed_and_loops_end() {
    let name = |n: &str| Name::from_ascii(n).unwrap();
    let cname = |from: &str, to: &str| Record::from_rdata(name(from), 60, RData::CNAME(CNAME(name(to))));
    let a = |of: &str| Record::from_rdata(name(of), 300, RData::A(A("192.0.2.1".parse().unwrap())));
    let q = question().query;
    let chain = [a("c.example."), cname("b.example.", "C.example."), cname("RTC.example.", "b.example.")];
    assert_eq!(follow(&chain, &q), (ips(&["192.0.2.1"]), Some(60)));
    let stray = [a("other.example.")];
    assert_eq!(follow(&stray, &q), (vec![], None), "an address of another name is not ours");
    let circle = [cname("rtc.example.", "b.example."), cname("b.example.", "rtc.example.")];
    assert_eq!(follow(&circle, &q).0, ips(&[]));
}

#[test]
fn a_name_that_cannot_be_asked_for_is_an_answer_too() {
    assert!(Question::new(&"a".repeat(64), Kind::A).is_none());
    assert!(Question::new("rtc..example", Kind::A).is_none());
    assert!(Question::new("bücher.example", Kind::A).is_some());
}

proptest! {
    #[test]
    fn no_answer_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&bytes, &question());
        let ours = [&[0x12, 0x34, 0x80][..], &bytes].concat();
        let _ = read(&ours, &question());
    }

    #[test]
    fn no_mangled_answer_panics(at in 0usize..120, byte: u8, cut in 0usize..120) {
        let q = Message::from_vec(&question().bytes(true).unwrap()).unwrap();
        let mut bytes = respond(&q, ResponseCode::NoError, &["192.0.2.1", "192.0.2.2"]);
        if let Some(b) = bytes.get_mut(at) {
            *b = byte;
        }
        bytes.truncate(cut);
        let _ = read(&bytes, &question());
    }
}
