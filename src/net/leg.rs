//! The way to a relay: nothing for UDP; TCP, TLS over it, both through a proxy where there is one; DTLS. Each layer is
//! timed, recorded in an observation and bounded by one deadline. Knows nothing of what is asked of the relay.

mod dtls;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

pub use dtls::Dtls;

use super::first::Heard;
use super::proxy::{self, Far, Proxy};
use super::tls::{self, Trust};
use super::{classify::clean, clock, icmp, tcp};
use crate::model::{Failure, FailureKind, Observation, RelayTransport, Step, metric, millis};
use crate::wire::turn::frames::NotFrames;

/// A way to be taken.
#[derive(Clone, Debug)]
pub struct Leg {
    pub transport: RelayTransport,
    pub server: SocketAddr,
    /// As given: for SNI and certificate names. An address literal has no brackets.
    pub host: String,
    pub trust: Arc<Trust>,
    /// Used for TCP and TLS alone: a proxy carries no UDP.
    pub proxy: Option<Arc<Proxy>>,
}

/// A way that is open.
pub struct Connected {
    pub server: SocketAddr,
    pub carrier: Carrier,
}

/// What carries a relay's messages.
pub enum Carrier {
    /// Datagrams from a socket that whoever sends them opens.
    Udp,
    Tcp(TcpStream),
    Tls(Box<TlsStream<Heard<TcpStream>>>),
    Dtls(Box<Dtls>),
}

impl fmt::Debug for Connected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let carrier = match &self.carrier {
            Carrier::Udp => "udp",
            Carrier::Tcp(_) => "tcp",
            Carrier::Tls(_) => "tls",
            Carrier::Dtls(_) => "dtls",
        };
        write!(f, "Connected({carrier} to {})", self.server)
    }
}

impl Leg {
    /// The proxy that this way leads through.
    pub fn proxy(&self) -> Option<&Proxy> {
        self.proxy.as_deref().filter(|_| !self.transport.is_udp())
    }

    /// Opens it. Records the steps `proxy` (in the place of `connect`), `connect`, `tls` and `dtls` with their facts.
    ///
    /// # Errors
    /// The observation has failed; a certificate that is not to be trusted fails it too.
    pub async fn connect(&self, deadline: Instant, obs: &mut Observation) -> Result<Connected, ()> {
        let carrier = match self.transport {
            RelayTransport::Udp => Carrier::Udp,
            RelayTransport::Dtls => Carrier::Dtls(Box::new(self.dtls(deadline, obs).await?)),
            RelayTransport::Tcp => Carrier::Tcp(self.tcp(deadline, obs).await?),
            RelayTransport::Tls => {
                let stream = self.tcp(deadline, obs).await?;
                Carrier::Tls(Box::new(self.tls(stream, deadline, obs).await?))
            }
        };
        Ok(Connected { server: self.server, carrier })
    }

    async fn tcp(&self, deadline: Instant, obs: &mut Observation) -> Result<TcpStream, ()> {
        let start = clock::now();
        if let Some(proxy) = self.proxy() {
            return self.through(proxy, deadline, obs).await;
        }
        let result = tcp::connect(self.server, tcp::CONNECT_TIMEOUT.min(left(deadline))).await;
        let took = clock::now().duration_since(start);
        match result {
            Ok(stream) => {
                obs.step_ok(Step::Connect, took);
                obs.facts.set(&metric::RTT_CONNECT_MS, millis(took));
                Ok(stream)
            }
            Err(not_open) => {
                if let Some(error) = not_open.icmp {
                    icmp::record(&error, &mut obs.facts);
                }
                obs.step_failed(not_open.failure, took);
                Err(())
            }
        }
    }

    async fn through(&self, proxy: &Proxy, deadline: Instant, obs: &mut Observation) -> Result<TcpStream, ()> {
        let start = clock::now();
        let far = Far {
            host: &self.host,
            address: Some(self.server.ip()).filter(|ip| !ip.is_unspecified()),
            port: self.server.port(),
        };
        let result = proxy.connect(far, deadline).await;
        // A relay waits for its client to begin.
        let result = result.and_then(|stream| proxy::answers_itself(&stream, proxy).map_or(Ok(stream), Err));
        let took = clock::now().duration_since(start);
        match result {
            Ok(stream) => {
                obs.step_ok(Step::Proxy, took);
                Ok(stream)
            }
            Err(not) => {
                not.record(took, obs);
                Err(())
            }
        }
    }

    async fn tls(
        &self,
        stream: TcpStream,
        deadline: Instant,
        obs: &mut Observation,
    ) -> Result<TlsStream<Heard<TcpStream>>, ()> {
        let shaken = tls::handshake(stream, &self.host, self.server.ip(), &self.trust, &[], left(deadline)).await;
        obs.facts.extend(shaken.facts);
        settle(Step::Tls, shaken.stream, shaken.failure, shaken.took, obs)
    }

    async fn dtls(&self, deadline: Instant, obs: &mut Observation) -> Result<Dtls, ()> {
        let shaken = dtls::handshake(self.server, &self.host, &self.trust, left(deadline)).await;
        obs.facts.extend(shaken.facts);
        settle(Step::Dtls, shaken.stream, shaken.failure, shaken.took, obs)
    }
}

/// Records how a handshake went: only one that leaves nothing to be said against it is good.
fn settle<T>(
    step: Step,
    stream: Option<T>,
    failure: Option<Failure>,
    took: Duration,
    obs: &mut Observation,
) -> Result<T, ()> {
    match (stream, failure) {
        (Some(stream), None) => {
            obs.step_ok(step, took);
            Ok(stream)
        }
        (_, failure) => {
            obs.step_failed(failure.unwrap_or_else(|| Failure::new(step, FailureKind::Internal, "no result")), took);
            Err(())
        }
    }
}

/// What came in the place of frames.
pub(super) fn garbage(what: &NotFrames, step: Step) -> Failure {
    let words = match what {
        // A TLS record (RFC 8446 section 5.1): its type, then version 3.
        NotFrames::Bytes([20..=23, 3, ..]) => {
            "the port answers in TLS: it is for TURN over TLS (turns:), and was asked in plain TCP".to_owned()
        }
        NotFrames::Bytes([b'H', b'T', b'T', b'P', ..]) => "the port answers in HTTP, not in TURN".to_owned(),
        NotFrames::Bytes(_) => format!("the port answers, and not in TURN ({})", clean(&what.to_string(), 100)),
        NotFrames::TooMuch => "the relay sent more than a message can hold".to_owned(),
    };
    Failure::new(step, FailureKind::Garbage, words)
}

fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(clock::now())
}

#[cfg(test)]
mod tests;
