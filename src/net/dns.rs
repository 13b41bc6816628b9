//! One question to one DNS server: our own socket, so that an ICMP refusal is seen and every lie is noticed; hickory
//! writes and reads the messages (RFC 1035, EDNS RFC 6891). What does not answer our question is not read.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use hickory_resolver::proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

use super::classify::{self, clean, seconds};
use super::{chance, clock};
use crate::model::{FailureKind, millis};

/// Payload that we take by UDP: fits one unfragmented packet on every usual path.
const UDP_PAYLOAD: u16 = 1232;
/// Datagrams are sent so often within the time given.
const TRIES: u32 = 2;
/// Aliases followed within one answer.
const MAX_ALIASES: usize = 16;
/// Addresses kept of one answer.
const MAX_ADDRESSES: usize = 64;

pub use crate::model::resolver::{Kind, Over, ServerAnswer};

fn record_type(kind: Kind) -> RecordType {
    match kind {
        Kind::A => RecordType::A,
        Kind::Aaaa => RecordType::AAAA,
    }
}

/// No usable answer: class and words.
type Silence = (FailureKind, String);

/// Asks `server` for the addresses of `name`, by UDP and, where the answer was cut short, by TCP.
pub async fn ask(server: SocketAddr, name: &str, kind: Kind, timeout: Duration) -> ServerAnswer {
    let start = clock::now();
    let result = match Question::new(name, kind) {
        Some(question) => exchange(server, &question, start, timeout).await,
        None => Err((FailureKind::ResolverError, format!("{} cannot be a DNS name", clean(name, 80)))),
    };
    match result {
        Ok(answer) => answered(server, kind, answer, start),
        Err((error, detail)) => ServerAnswer::none(server, kind, error, detail),
    }
}

/// As [`ask`], over this transport alone; an answer by UDP that was cut short is followed by TCP all the same.
pub async fn ask_over(over: Over, server: SocketAddr, name: &str, kind: Kind, timeout: Duration) -> ServerAnswer {
    if over == Over::Udp {
        return ask(server, name, kind, timeout).await;
    }
    let start = clock::now();
    let Some(question) = Question::new(name, kind) else {
        let detail = format!("{} cannot be a DNS name", clean(name, 80));
        return ServerAnswer::none(server, kind, FailureKind::ResolverError, detail);
    };
    match by_tcp(server, &question, start + timeout).await {
        Ok(answer) => answered(server, kind, answer, start),
        Err((error, detail)) => ServerAnswer::none(server, kind, error, detail),
    }
}

/// Two names that nobody can have registered, each under 16 random digits: one below `invalid`, which RFC 6761 section 6.4
/// reserves for that, and one below a top level that does not exist, because some resolvers answer for `invalid` by
/// themselves. Names of the operator's own domain would show nothing: a wildcard is nobody's lie.
pub fn nowhere() -> [String; 2] {
    let random = || chance::bytes::<8>().map(|b| format!("{b:02x}")).concat();
    [format!("rc-{}.invalid", random()), format!("www.rtc-check.rc{}", random())]
}

fn answered(server: SocketAddr, kind: Kind, answer: Answer, start: Instant) -> ServerAnswer {
    ServerAnswer {
        server,
        kind,
        rcode: Some(rcode(answer.rcode)),
        addresses: answer.addresses,
        ttl_s: answer.ttl,
        ms: Some(millis(clock::now().duration_since(start))),
        error: None,
        detail: None,
    }
}

/// A question, and what its answer must repeat.
struct Question {
    id: u16,
    query: Query,
}

impl Question {
    fn new(name: &str, kind: Kind) -> Option<Self> {
        let mut name = Name::from_utf8(name).ok()?;
        name.set_fqdn(true);
        Some(Self { id: u16::from_be_bytes(chance::bytes()), query: Query::query(name, record_type(kind)) })
    }

    /// The question on the wire, with or without EDNS.
    fn bytes(&self, edns: bool) -> Result<Vec<u8>, Silence> {
        let mut message = Message::new(self.id, MessageType::Query, OpCode::Query);
        message.metadata.recursion_desired = true;
        message.add_query(self.query.clone());
        if edns {
            let mut edns = Edns::new();
            edns.set_max_payload(UDP_PAYLOAD);
            message.set_edns(edns);
        }
        message.to_vec().map_err(|e| (FailureKind::ResolverError, clean(&e.to_string(), 120)))
    }
}

/// What a datagram or TCP message is to a question.
#[derive(Debug, PartialEq, Eq)]
enum Reading {
    /// Not an answer to this question: somebody else's, or a forgery.
    NotOurs,
    /// Our id, and no readable message.
    Garbage,
    /// Cut short: to be asked again by TCP.
    Truncated,
    /// The answer.
    Answer(Answer),
}

#[derive(Debug, PartialEq, Eq)]
struct Answer {
    rcode: ResponseCode,
    addresses: Vec<IpAddr>,
    ttl: Option<u32>,
}

/// Reads `bytes` as the answer to `question`.
fn read(bytes: &[u8], question: &Question) -> Reading {
    let &[id0, id1, flags, ..] = bytes else { return Reading::NotOurs };
    // QR is the first bit of the third byte, TC its second last (RFC 1035 section 4.1.1).
    if u16::from_be_bytes([id0, id1]) != question.id || flags & 0x80 == 0 {
        return Reading::NotOurs;
    }
    let truncated = flags & 0x02 != 0;
    let Ok(message) = Message::from_vec(bytes) else {
        return if truncated { Reading::Truncated } else { Reading::Garbage };
    };
    match message.queries.as_slice() {
        [q] if same(q, &question.query) => {}
        // Some servers leave the question out of an error.
        [] if message.metadata.response_code != ResponseCode::NoError => {}
        _ => return Reading::NotOurs,
    }
    if truncated {
        return Reading::Truncated;
    }
    let (addresses, ttl) = follow(&message.answers, &question.query);
    Reading::Answer(Answer { rcode: message.metadata.response_code, addresses, ttl })
}

fn same(a: &Query, b: &Query) -> bool {
    a.query_type() == b.query_type() && a.query_class() == b.query_class() && same_name(a.name(), b.name())
}

/// Names compare without regard to case (RFC 4343).
fn same_name(a: &Name, b: &Name) -> bool {
    a.to_lowercase() == b.to_lowercase()
}

/// The addresses that `query` leads to through the aliases of one answer, and the smallest TTL on the way.
fn follow(answers: &[Record], query: &Query) -> (Vec<IpAddr>, Option<u32>) {
    let mut name = query.name().to_lowercase();
    let mut ttl: Option<u32> = None;
    let mut least = |t: u32| ttl = Some(ttl.map_or(t, |least| least.min(t)));
    let mut addresses = Vec::new();
    for _ in 0..MAX_ALIASES {
        let mut alias = None;
        for record in answers.iter().filter(|r| r.name.to_lowercase() == name) {
            match &record.data {
                RData::A(a) if query.query_type() == RecordType::A => addresses.push(IpAddr::from(Ipv4Addr::from(*a))),
                RData::AAAA(a) if query.query_type() == RecordType::AAAA => {
                    addresses.push(IpAddr::from(Ipv6Addr::from(*a)));
                }
                RData::CNAME(to) => alias = Some(to.0.to_lowercase()),
                _ => continue,
            }
            least(record.ttl);
        }
        match alias {
            Some(to) if addresses.is_empty() => name = to,
            _ => break,
        }
    }
    addresses.truncate(MAX_ADDRESSES);
    (addresses, ttl)
}

async fn exchange(
    server: SocketAddr,
    question: &Question,
    start: Instant,
    timeout: Duration,
) -> Result<Answer, Silence> {
    let end = start + timeout;
    let io = |e: io::Error| unreachable(&e);
    let any = if server.is_ipv4() { IpAddr::from(Ipv4Addr::UNSPECIFIED) } else { IpAddr::from(Ipv6Addr::UNSPECIFIED) };
    let socket = UdpSocket::bind(SocketAddr::new(any, 0)).await.map_err(io)?;
    // Connected: other senders are not heard, and an ICMP error arrives as ours.
    socket.connect(server).await.map_err(io)?;
    let mut garbage = false;
    let mut edns = true;
    for attempt in 1..=TRIES {
        socket.send(&question.bytes(edns)?).await.map_err(io)?;
        let until = if attempt == TRIES { end } else { start + timeout * attempt / TRIES };
        let left = until.saturating_duration_since(clock::now());
        match tokio::time::timeout(left, listen(&socket, question, &mut garbage)).await {
            Ok(Ok(Reading::Truncated)) => return by_tcp(server, question, end).await.map_err(cut_short),
            // A server from before EDNS: once more without.
            Ok(Ok(Reading::Answer(a))) if edns && attempt < TRIES && a.rcode == ResponseCode::FormErr => edns = false,
            Ok(Ok(Reading::Answer(a))) => return Ok(a),
            Ok(Ok(_)) | Err(_) => {}
            Ok(Err(e)) => return Err(io(e)),
        }
    }
    Err(if garbage {
        (FailureKind::Garbage, "the server's answer is not a DNS message".to_owned())
    } else {
        (FailureKind::ResolverTimeout, format!("no answer to a question sent {TRIES} times in {}", seconds(timeout)))
    })
}

/// Waits for what ends the wait: an answer, whole or cut short.
async fn listen(socket: &UdpSocket, question: &Question, garbage: &mut bool) -> io::Result<Reading> {
    let mut buffer = [0u8; 4096];
    loop {
        let length = socket.recv(&mut buffer).await?;
        match read(buffer.get(..length).unwrap_or_default(), question) {
            Reading::NotOurs => {}
            Reading::Garbage => *garbage = true,
            done => return Ok(done),
        }
    }
}

/// The same question by TCP (RFC 7766): a length of two bytes, then the message.
async fn by_tcp(server: SocketAddr, question: &Question, end: Instant) -> Result<Answer, Silence> {
    let bytes = question.bytes(true)?;
    let ask = async {
        let mut stream = TcpStream::connect(server).await?;
        let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
        stream.write_all(&[&length.to_be_bytes()[..], &bytes].concat()).await?;
        let length = stream.read_u16().await?;
        let mut answer = Vec::new();
        stream.take(u64::from(length)).read_to_end(&mut answer).await?;
        io::Result::Ok(answer)
    };
    match tokio::time::timeout(end.saturating_duration_since(clock::now()), ask).await {
        Ok(Ok(answer)) => match read(&answer, question) {
            Reading::Answer(a) => Ok(a),
            _ => Err((FailureKind::Garbage, "by TCP came no DNS answer to the question".to_owned())),
        },
        Ok(Err(e)) => {
            let (kind, why) = unreachable(&e);
            Err((kind, format!("by TCP {why}")))
        }
        Err(_) => Err((FailureKind::ResolverTimeout, "by TCP came no answer in time".to_owned())),
    }
}

/// No answer by TCP, where that by UDP was cut short.
fn cut_short((_, why): Silence) -> Silence {
    (FailureKind::ResolverError, format!("the answer by UDP was cut short, and {why}"))
}

fn unreachable(e: &io::Error) -> Silence {
    match classify::io_kind(e) {
        FailureKind::Refused => (FailureKind::Refused, "the server's port is closed (refused)".to_owned()),
        FailureKind::Unreachable => (FailureKind::Unreachable, format!("the server cannot be reached ({e})")),
        kind => (kind, clean(&e.to_string(), 120)),
    }
}

/// The mnemonic of RFC 1035, `RCODE11` for the rarer ones.
fn rcode(code: ResponseCode) -> String {
    match code {
        ResponseCode::NoError => "NOERROR".to_owned(),
        ResponseCode::FormErr => "FORMERR".to_owned(),
        ResponseCode::ServFail => "SERVFAIL".to_owned(),
        ResponseCode::NXDomain => "NXDOMAIN".to_owned(),
        ResponseCode::NotImp => "NOTIMP".to_owned(),
        ResponseCode::Refused => "REFUSED".to_owned(),
        other => format!("RCODE{}", u16::from(other)),
    }
}

#[cfg(test)]
pub(in crate::net) mod tests;
