//! The layers that every TCP probe climbs before it comes to its own: connect, then TLS. Each is timed, recorded in the
//! observation and held to the task's deadline. No probe of its own; knows nothing of what is asked above.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::net::TcpStream;

use super::Task;
use crate::model::{Failure, FailureKind, Observation, ProbeKind, Step, metric, millis};
use crate::net::http::{Answer, Authority};
use crate::net::proxy::{NotThrough, Proxy};
use crate::net::talk::NotSpoken;
use crate::net::tcp::{CONNECT_TIMEOUT, Stream};
use crate::net::tls::Trust;
use crate::net::{clock, icmp, proxy, tcp, tls};

/// An observation in the making.
pub struct Climb<'a> {
    /// What was seen so far.
    pub obs: Observation,
    /// What is probed.
    pub task: &'a Task,
    end: Instant,
}

impl<'a> Climb<'a> {
    /// Begins at the foot; the task's deadline runs from now.
    pub fn new(kind: ProbeKind, task: &'a Task) -> Self {
        Self { obs: Observation::new(kind), task, end: clock::now() + task.deadline }
    }

    /// What the deadline leaves.
    pub fn remaining(&self) -> Duration {
        self.end.saturating_duration_since(clock::now())
    }

    /// Moves the deadline by time that is not the peer's to use.
    pub fn extend(&mut self, more: Duration) {
        self.end += more;
    }

    /// Connects, and shakes hands where `tls` gives the roots and the protocols to offer. `None` when the observation
    /// has failed; an untrusted certificate fails it too.
    pub async fn open(&mut self, tls: Option<(&Trust, &[&[u8]])>) -> Option<Stream> {
        let stream = self.connect().await?;
        self.over(stream, tls).await
    }

    /// As [`open`](Self::open) for HTTP; a proxy is asked itself for what is plain (see [`forward`](Self::forward)).
    pub async fn open_http(&mut self, tls: Option<(&Trust, &[&[u8]])>) -> Option<Stream> {
        let Some(proxy) = self.forward(tls.is_some()) else { return self.open(tls).await };
        let start = clock::now();
        let result = proxy.reach(self.end).await.map_err(NotThrough::from);
        self.through(result, start).map(|stream| Box::new(stream) as Stream)
    }

    /// The HTTP proxy that is asked for plain HTTP in our place, in absolute form, as browsers do.
    pub fn forward(&self, tls: bool) -> Option<&'a Proxy> {
        self.task.proxy.as_deref().filter(|proxy| proxy.kind == proxy::Kind::Http && !tls)
    }

    /// The refusal of a proxy that was asked in our place, if the answer is one; the observation has failed then.
    pub fn refused_by_proxy(&mut self, answer: &Answer, to: Authority<'_>) -> bool {
        let refusal = self.forward(to.tls).and_then(|proxy| proxy.refuses(answer, &to.header()));
        refusal.map(|not| self.not_through(not)).is_some()
    }

    fn not_through(&mut self, not: NotThrough) {
        self.obs.steps.retain(|step| step.step != Step::Proxy);
        not.record(Duration::ZERO, &mut self.obs);
    }

    /// The same with this machine's own end of the connection.
    pub async fn open_from(&mut self, tls: Option<(&Trust, &[&[u8]])>) -> Option<(Stream, SocketAddr)> {
        let stream = self.connect().await?;
        let own = stream.local_addr().map(|a| SocketAddr::new(a.ip().to_canonical(), a.port()));
        let own = own.unwrap_or(SocketAddr::new(self.task.address, 0));
        Some((self.over(stream, tls).await?, own))
    }

    async fn over(&mut self, stream: TcpStream, tls: Option<(&Trust, &[&[u8]])>) -> Option<Stream> {
        // Whoever opens a connection here is the first to speak.
        if let Some(not) = self.task.proxy.as_deref().and_then(|proxy| proxy::answers_itself(&stream, proxy)) {
            self.not_through(not);
            return None;
        }
        match tls {
            None => Some(Box::new(stream)),
            Some((trust, alpn)) => self.handshake(stream, trust, alpn).await,
        }
    }

    /// The TCP handshake, or a proxy's tunnel in its place.
    pub async fn connect(&mut self) -> Option<TcpStream> {
        let start = clock::now();
        if let Some(proxy) = &self.task.proxy {
            let result = proxy.connect(self.task.far(), self.end).await;
            return self.through(result, start);
        }
        let result = tcp::connect(self.task.socket(), CONNECT_TIMEOUT.min(self.remaining())).await;
        let took = clock::now().duration_since(start);
        match result {
            Ok(stream) => {
                self.obs.step_ok(Step::Connect, took);
                self.obs.facts.set(&metric::RTT_CONNECT_MS, millis(took));
                if let Some(mss) = tcp::segment(&stream) {
                    self.obs.facts.set(&metric::MSS, mss);
                }
                Some(stream)
            }
            Err(not_open) => {
                if let Some(error) = not_open.icmp {
                    icmp::record(&error, &mut self.obs.facts);
                }
                self.obs.step_failed(not_open.failure, took);
                None
            }
        }
    }

    /// What came of a proxy.
    fn through(&mut self, result: Result<TcpStream, NotThrough>, start: Instant) -> Option<TcpStream> {
        let took = clock::now().duration_since(start);
        match result {
            Ok(stream) => {
                self.obs.step_ok(Step::Proxy, took);
                Some(stream)
            }
            Err(not) => {
                not.record(took, &mut self.obs);
                None
            }
        }
    }

    async fn handshake(&mut self, stream: TcpStream, trust: &Trust, alpn: &[&[u8]]) -> Option<Stream> {
        let left = self.remaining();
        let shaken = tls::handshake(stream, &self.task.host, self.task.address, trust, alpn, left).await;
        self.obs.facts.extend(shaken.facts);
        match (shaken.stream, shaken.failure) {
            (Some(stream), None) => {
                self.obs.step_ok(Step::Tls, shaken.took);
                Some(Box::new(stream))
            }
            (_, failure) => {
                let failure = failure.unwrap_or_else(|| Failure::new(Step::Tls, FailureKind::Internal, "no result"));
                self.obs.step_failed(failure, shaken.took);
                None
            }
        }
    }

    /// As [`failed`](Self::failed), with the stranger that was met.
    pub fn not_spoken(mut self, not: NotSpoken, start: Instant) -> Observation {
        self.met(not, clock::now().duration_since(start));
        self.obs
    }

    /// Records the failure of a step that `took` so long, and the stranger that was met.
    pub fn met(&mut self, NotSpoken { failure, met }: NotSpoken, took: Duration) {
        if let Some(met) = met {
            self.obs.facts.set(&metric::MET, met);
        }
        self.obs.step_failed(failure, took);
    }

    /// The observation with `step` as its failure, after the time since `start`.
    pub fn failed(mut self, failure: Failure, start: Instant) -> Observation {
        self.obs.step_failed(failure, clock::now().duration_since(start));
        self.obs
    }
}

/// Tasks and settings for the tests of the probes.
#[cfg(test)]
pub mod fixture {
    use std::net::SocketAddr;
    use std::sync::Arc;
    use std::time::Duration;

    use crate::model::PortRange;
    use crate::net::tls::Trust;
    use crate::probe::{Settings, Task};
    use crate::profile::Spec;

    pub fn task(host: &str, at: SocketAddr) -> Task {
        Task {
            check: "test".to_owned(),
            spec: Spec::Ssh,
            host: host.to_owned(),
            address: at.ip(),
            ports: PortRange::single(at.port()),
            transport: crate::model::Transport::Tcp,
            stun: Vec::new(),
            proxy: None,
            unresolved: None,
            deadline: Duration::from_secs(20),
        }
    }

    pub fn settings(trust: Trust) -> Settings {
        Settings { call: crate::model::CallMode::IfOffered, ..Settings::new(Arc::new(trust), 1) }
    }
}
