//! One resolver by itself: a name of the plan over UDP and TCP, and names that cannot exist. Any answer is an answer; what
//! it is worth is not decided here.

use std::net::SocketAddr;
use std::time::Duration;

use crate::model::resolver::{AskedFor, Kind, Over, Question, ResolverSeen, ServerAnswer};
use crate::model::{Failure, FailureKind, Observation, ProbeKind, Step, metric};
use crate::net::{clock, dns, trace};

/// A resolver, and what it is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolver {
    pub server: SocketAddr,
    /// A name that the plan needs.
    pub name: String,
    /// Whether this machine is configured to ask it.
    pub configured: bool,
}

/// Asks everything side by side; the name is asked for twice more by UDP once its first answer is there, because the first
/// may have to be fetched from far away.
pub async fn probe(resolver: &Resolver, deadline: Duration) -> Observation {
    let start = clock::now();
    let [first, second] = dns::nowhere();
    let ask = |name: &str, asked_for, over| one(resolver.server, name.to_owned(), asked_for, over, deadline);
    let (needed, by_tcp, first, second) = tokio::join!(
        repeated(resolver, deadline),
        ask(&resolver.name, AskedFor::Needed, Over::Tcp),
        ask(&first, AskedFor::Nowhere, Over::Udp),
        ask(&second, AskedFor::Nowhere, Over::Udp),
    );
    let questions = needed.into_iter().chain([by_tcp, first, second]).collect();
    let seen = ResolverSeen { server: resolver.server, configured: resolver.configured, questions };
    let mut obs = Observation::new(ProbeKind::Dns);
    let took = clock::now().duration_since(start);
    match seen.questions.iter().any(Question::is_answered) {
        true => obs.step_ok(Step::Name, took),
        false => obs.step_failed(silence(&seen), took),
    }
    obs.facts.set(&metric::RESOLVER, seen);
    if let Some(own) = trace::own_address(resolver.server) {
        obs.facts.set(&metric::LOCAL, own);
    }
    obs
}

async fn repeated(resolver: &Resolver, deadline: Duration) -> Vec<Question> {
    let end = clock::now() + deadline;
    let again = |left| one(resolver.server, resolver.name.clone(), AskedFor::Needed, Over::Udp, left);
    let first = again(deadline).await;
    let left = end.saturating_duration_since(clock::now());
    if !first.is_answered() || left.is_zero() {
        return vec![first];
    }
    let (second, third) = tokio::join!(again(left), again(left));
    vec![first, second, third]
}

async fn one(server: SocketAddr, name: String, asked_for: AskedFor, over: Over, timeout: Duration) -> Question {
    let answer = dns::ask_over(over, server, &name, Kind::A, timeout).await;
    Question { name, asked_for, over, answer }
}

/// Why nothing came: what UDP met, which is asked first everywhere.
fn silence(seen: &ResolverSeen) -> Failure {
    let why = |a: &ServerAnswer| Some((a.error?, a.detail.clone()?));
    let (kind, detail) = seen
        .of(AskedFor::Needed, Over::Udp)
        .find_map(|q| why(&q.answer))
        .unwrap_or((FailureKind::ResolverTimeout, "no answer".to_owned()));
    Failure::new(Step::Name, kind, detail)
}

#[cfg(test)]
mod tests {
    use tokio::net::{TcpListener, UdpSocket};

    use super::*;

    #[tokio::test]
    async fn a_closed_port_is_told_at_once_and_names_that_cannot_exist_differ_each_time() {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let server = socket.local_addr().unwrap();
        drop(socket);
        let resolver = Resolver { server, name: "rtc.example".to_owned(), configured: true };
        let obs = probe(&resolver, Duration::from_secs(5)).await;
        assert_eq!(obs.failure().map(|f| f.kind), Some(FailureKind::Refused));
        let seen: ResolverSeen = obs.facts.get(&metric::RESOLVER).unwrap();
        assert_eq!(seen.questions.len(), 4);
        assert!(!seen.answers_over(Over::Udp) && !seen.answers_over(Over::Tcp) && seen.median_ms().is_none());
        assert_ne!(dns::nowhere(), dns::nowhere());
    }

    #[tokio::test]
    async fn silence_over_udp_ends_in_time_and_is_no_answer() {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let server = socket.local_addr().unwrap();
        // The same port by TCP takes the connection and says nothing.
        let _listener = TcpListener::bind(server).await.unwrap();
        let resolver = Resolver { server, name: "rtc.example".to_owned(), configured: true };
        let obs = probe(&resolver, Duration::from_millis(60)).await;
        assert_eq!(obs.failure().map(|f| f.kind), Some(FailureKind::ResolverTimeout));
    }
}
