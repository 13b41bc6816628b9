//! DTLS 1.2 (RFC 6347) to a server whose certificate is held to the same roots and names as in TLS. The engine is that of
//! real calls; a build without it says so.

use crate::model::{Facts, Failure};
use std::time::Duration;

#[cfg(feature = "media")]
pub use with::Dtls;
#[cfg(feature = "media")]
pub use with::handshake;
#[cfg(not(feature = "media"))]
pub use without::{Dtls, handshake};

/// How a handshake went.
pub struct Handshake {
    /// The connection, also where the certificate is not to be trusted.
    pub stream: Option<Dtls>,
    /// Step `dtls`.
    pub failure: Option<Failure>,
    /// Version, chain, days left: as far as it came.
    pub facts: Facts,
    /// From the first ClientHello to the end.
    pub took: Duration,
}

#[cfg(feature = "media")]
mod with {
    use std::io::{self, ErrorKind};
    use std::net::{IpAddr, SocketAddr};
    use std::sync::{Arc, Mutex, OnceLock, PoisonError};
    use std::time::Duration;

    use async_trait::async_trait;
    use tokio::net::UdpSocket;
    use tokio::sync::Notify;
    use webrtc::dtls::config::Config;
    use webrtc::dtls::conn::DTLSConn;
    use webrtc_util::Conn;

    use super::Handshake;
    use crate::model::{Facts, Failure, FailureKind, Step, metric};
    use crate::net::classify::{self, clean};
    use crate::net::tls::{self, Trust};
    use crate::net::{clock, icmp, udp};

    /// The first wait before a flight is sent again; it does not grow.
    const AGAIN: Duration = Duration::from_millis(500);

    /// A DTLS connection; each write and read is one datagram.
    pub struct Dtls(DTLSConn);

    impl Dtls {
        /// Sends one datagram.
        ///
        /// # Errors
        /// In words.
        pub async fn send(&self, bytes: &[u8]) -> Result<(), String> {
            self.0.write(bytes, None).await.map(drop).map_err(|e| clean(&e.to_string(), 120))
        }

        /// Receives one datagram.
        ///
        /// # Errors
        /// In words, once the connection is over.
        pub async fn recv(&self, buf: &mut [u8]) -> Result<usize, String> {
            self.0.read(buf, None).await.map_err(|e| clean(&e.to_string(), 120))
        }

        /// Tells the server that it is over.
        pub async fn close(&self) {
            let _ = tokio::time::timeout(AGAIN, self.0.close()).await;
        }
    }

    /// The socket below, which notes what DTLS keeps to itself.
    struct Below {
        socket: UdpSocket,
        server: SocketAddr,
        /// The system's word that nothing can come.
        refused: Mutex<Option<io::Error>>,
        told: Notify,
        /// First byte of the first datagram that came.
        first: OnceLock<Option<u8>>,
    }

    impl Below {
        fn open(server: SocketAddr) -> io::Result<Self> {
            let socket = udp::open(server.ip())?;
            socket.connect(server)?;
            let socket = UdpSocket::from_std(socket)?;
            Ok(Self { socket, server, refused: Mutex::new(None), told: Notify::new(), first: OnceLock::new() })
        }

        fn note(&self, error: io::Error) -> webrtc_util::Error {
            let again = io::Error::from(error.kind());
            *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            self.told.notify_one();
            again.into()
        }

        /// The error that ends a handshake: one that no repetition mends.
        async fn hopeless(&self) -> io::Error {
            loop {
                self.told.notified().await;
                if let Some(error) = self.refused.lock().unwrap_or_else(PoisonError::into_inner).take() {
                    return error;
                }
            }
        }
    }

    #[async_trait]
    impl Conn for Below {
        async fn connect(&self, _: SocketAddr) -> webrtc_util::Result<()> {
            Ok(())
        }
        async fn recv(&self, buf: &mut [u8]) -> webrtc_util::Result<usize> {
            let len = self.socket.recv(buf).await.map_err(|e| self.note(e))?;
            self.first.get_or_init(|| buf.first().copied().filter(|_| len > 0));
            Ok(len)
        }
        async fn recv_from(&self, buf: &mut [u8]) -> webrtc_util::Result<(usize, SocketAddr)> {
            Ok((self.recv(buf).await?, self.server))
        }
        async fn send(&self, buf: &[u8]) -> webrtc_util::Result<usize> {
            self.socket.send(buf).await.map_err(|e| self.note(e))
        }
        async fn send_to(&self, buf: &[u8], _: SocketAddr) -> webrtc_util::Result<usize> {
            self.send(buf).await
        }
        fn local_addr(&self) -> webrtc_util::Result<SocketAddr> {
            Ok(self.socket.local_addr()?)
        }
        fn remote_addr(&self) -> Option<SocketAddr> {
            Some(self.server)
        }
        async fn close(&self) -> webrtc_util::Result<()> {
            Ok(())
        }
        fn as_any(&self) -> &(dyn std::any::Any + Send + Sync) {
            self
        }
    }

    /// Shakes hands with `server` as a client of `host`.
    pub async fn handshake(server: SocketAddr, host: &str, trust: &Trust, patience: Duration) -> Handshake {
        let start = clock::now();
        let chain = Arc::new(OnceLock::new());
        let result = match Below::open(server) {
            Ok(below) => shake(Arc::new(below), config(host, server.ip(), chain.clone()), patience).await,
            Err(e) => Err(icmp::not_sent(Step::Dtls, icmp::send_error(&e), server.ip())),
        };
        let took = clock::now().duration_since(start);
        let judged = chain.get().map(|chain| tls::judge(chain, host, server.ip(), trust, Step::Dtls));
        let (mut facts, verdict) = judged.unwrap_or_else(|| (Facts::new(), None));
        let (stream, failure) = match result {
            Ok(conn) => {
                facts.set(&metric::TLS_VERSION, "DTLSv1.2");
                (Some(Dtls(conn)), verdict)
            }
            Err(failure) => (None, Some(failure)),
        };
        Handshake { stream, failure, facts, took }
    }

    /// The chain is kept and judged apart, as in TLS; that the server holds its key is verified in any case.
    fn config(host: &str, address: IpAddr, chain: Arc<OnceLock<Vec<Vec<u8>>>>) -> Config {
        let name = if host.is_empty() { address.to_string() } else { host.to_owned() };
        Config {
            flight_interval: AGAIN,
            insecure_skip_verify: true,
            verify_peer_certificate: Some(Arc::new(move |sent: &[Vec<u8>], _: &[_]| {
                let _ = chain.set(sent.to_vec());
                Ok(())
            })),
            server_name: name,
            ..Config::default()
        }
    }

    async fn shake(below: Arc<Below>, config: Config, patience: Duration) -> Result<DTLSConn, Failure> {
        let fail = |kind, detail: &str| Failure::new(Step::Dtls, kind, detail);
        tokio::select! {
            shaken = DTLSConn::new(below.clone(), config, true, None) => shaken.map_err(|e| {
                let words = format!("the DTLS handshake broke: {}", clean(&e.to_string(), 160));
                fail(FailureKind::TlsRefused, &words)
            }),
            error = below.hopeless() => Err(match error.kind() {
                ErrorKind::ConnectionRefused => fail(FailureKind::Refused, "the server refuses UDP on this port (ICMP)"),
                _ => classify::io(Step::Dtls, &error),
            }),
            () = tokio::time::sleep(patience) => Err(match below.first.get() {
                // RFC 7983: DTLS records begin with 20 to 63.
                Some(Some(20..=63)) => classify::timed_out(Step::Dtls, "the server did not finish the DTLS handshake", patience),
                Some(_) => fail(FailureKind::NotTls, "the port answers, and not in DTLS"),
                None => classify::timed_out(Step::Dtls, "no answer to the DTLS ClientHello and its repetitions", patience),
            }),
        }
    }
}

#[cfg(not(feature = "media"))]
mod without {
    use std::net::SocketAddr;
    use std::time::Duration;

    use super::Handshake;
    use crate::model::{Facts, Failure, FailureKind, Step};
    use crate::net::tls::Trust;

    /// There is none.
    pub enum Dtls {}

    impl Dtls {
        pub async fn send(&self, _: &[u8]) -> Result<(), String> {
            match *self {}
        }

        pub async fn recv(&self, _: &mut [u8]) -> Result<usize, String> {
            match *self {}
        }

        pub async fn close(&self) {
            match *self {}
        }
    }

    pub async fn handshake(_: SocketAddr, _: &str, _: &Trust, _: Duration) -> Handshake {
        let words = "this build has no DTLS (it was made without the feature `media`)";
        let failure = Some(Failure::new(Step::Dtls, FailureKind::Internal, words));
        Handshake { stream: None, failure, facts: Facts::new(), took: Duration::ZERO }
    }
}
