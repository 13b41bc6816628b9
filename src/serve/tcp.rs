//! The responder's TCP side: takes connections within their bounds and hands each to what its port speaks. Every step
//! has a deadline, and every connection ends when the responder stops.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::ConnectionLimits;
use super::admission::{Admission, Pass};
use super::counters::{Cut, Tally};
use super::door::Door;
use super::face::{Face, Port, Words};
use super::http::{self, Serving};
use super::ice::MediaPorts;
use super::{ear, ftp, rtmp, rtsp, sip, ssh};
use crate::net::ResponderKey;

/// The first byte of a TLS record that holds a handshake (RFC 8446 section 5.1).
const TLS_HANDSHAKE: u8 = 0x16;

/// How long to wait before taking connections again, when the system had no descriptor left for one.
const AFTER_FAILURE: Duration = Duration::from_millis(100);

/// What every connection shares.
pub(super) struct Context {
    pub(super) acceptor: TlsAcceptor,
    pub(super) page: String,
    /// Where sessions are asked for.
    pub(super) door: Door,
    /// What ICE candidates are made of.
    pub(super) media: MediaPorts,
    pub(super) key: Option<Arc<ResponderKey>>,
    pub(super) version: String,
    pub(super) limits: ConnectionLimits,
    pub(super) admission: Admission,
    /// Places that a connection needs too once it is a WebSocket.
    pub(super) websockets: Admission,
    pub(super) tally: Arc<Tally>,
    pub(super) cancel: CancellationToken,
    pub(super) tasks: TaskTracker,
    /// The page for browsers.
    pub(super) web: Option<super::web::Pages>,
}

/// Starts to take connections on `port`.
pub(super) fn listen(port: Port, context: &Arc<Context>) -> io::Result<()> {
    let listener = TcpListener::from_std(port.listener)?;
    let (face, local) = (Arc::new(port.face), port.local);
    context.tasks.spawn(take_all(listener, local, face, context.clone()));
    Ok(())
}

async fn take_all(listener: TcpListener, local: SocketAddr, face: Arc<Face>, context: Arc<Context>) {
    while let Some(taken) = context.cancel.run_until_cancelled(listener.accept()).await {
        match taken {
            Ok((stream, peer)) => admit(stream, peer, &face, &context),
            Err(e) => {
                tracing::warn!(%local, "cannot take a connection: {e}");
                tokio::time::sleep(AFTER_FAILURE).await;
            }
        }
    }
}

fn admit(stream: TcpStream, peer: SocketAddr, face: &Arc<Face>, context: &Arc<Context>) {
    match context.admission.enter(peer.ip()) {
        Err(cut) => {
            tracing::debug!(%peer, ?cut, "connection not taken");
            context.tally.cut(cut);
        }
        Ok(pass) => {
            context.tally.connection();
            let (face, shared) = (face.clone(), context.clone());
            context.tasks.spawn(async move {
                let serving = serve(stream, peer, face, pass, shared.clone());
                if let Some(Err(cut)) = shared.cancel.run_until_cancelled(serving).await {
                    shared.tally.cut(cut);
                }
            });
        }
    }
}

/// One connection, from its first byte to its end.
async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    face: Arc<Face>,
    pass: Pass,
    context: Arc<Context>,
) -> Result<(), Cut> {
    let _ = stream.set_nodelay(true);
    let at = stream.local_addr().map_err(|_| Cut::Protocol)?.ip();
    let client = Client { from: SocketAddr::new(peer.ip().to_canonical(), peer.port()), at, secure: false };
    let deadline = context.limits.handshake;
    let Some(inside) = &face.secure else {
        return speak(stream, &face.plain, client, pass, context).await;
    };
    let plain_waits = !face.plain.iter().any(Words::server_begins);
    if plain_waits && (face.plain.is_empty() || within(deadline, speaks_tls(&stream)).await??) {
        let stream = secured(stream, &context).await?;
        return speak(stream, inside, Client { secure: true, ..client }, pass, context).await;
    }
    speak(stream, &face.plain, client, pass, context).await
}

/// The two ends of a connection.
#[derive(Clone, Copy)]
struct Client {
    /// The client's own address, IPv4 as itself.
    from: SocketAddr,
    /// The address that it came to.
    at: IpAddr,
    /// Over TLS.
    secure: bool,
}

/// Serves the one of `words` that the client asks for. HTTP has bounds of its own; the others are short.
async fn speak<S>(stream: S, words: &[Words], client: Client, pass: Pass, context: Arc<Context>) -> Result<(), Cut>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let deadline = context.limits.handshake;
    let (wanted, mut stream) = within(deadline, ear::hear(stream, words)).await??;
    if let Some(Words::Http(site)) = wanted {
        let serving = Serving { site: site.clone(), secure: client.secure, at: client.at };
        return http::serve(stream, serving, pass, context).await;
    }
    let version = &context.version;
    let short = async {
        match wanted {
            Some(Words::Ssh) => ssh::serve(&mut stream, version).await?,
            Some(Words::Ftp) => ftp::serve(&mut stream, version).await?,
            Some(Words::Rtmp) => rtmp::serve(&mut stream, version).await?,
            Some(Words::Rtsp) => rtsp::serve(&mut stream, version).await?,
            Some(Words::Sip) => sip::serve(&mut stream, client.from, version).await?,
            Some(Words::Http(_)) | None => {}
        }
        farewell(&mut stream).await;
        Ok(())
    };
    within(deadline, short).await?
}

/// The TLS handshake.
async fn secured<S: AsyncRead + AsyncWrite + Unpin>(stream: S, context: &Context) -> Result<TlsStream<S>, Cut> {
    within(context.limits.handshake, context.acceptor.accept(stream)).await?.map_err(|_| Cut::Tls)
}

/// Whether the client's first byte begins a TLS handshake.
async fn speaks_tls(stream: &TcpStream) -> Result<bool, Cut> {
    let mut first = [0];
    stream.peek(&mut first).await.map_err(|_| Cut::Protocol)?;
    Ok(first == [TLS_HANDSHAKE])
}

/// Ends the connection from this side, and takes what is still on its way, so that the client sees an end and no reset.
async fn farewell(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
    let _ = stream.shutdown().await;
    let mut rest = [0; 1024];
    for _ in 0..16 {
        match stream.read(&mut rest).await {
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
    }
}

/// `future`'s result, or that the deadline passed.
pub(super) async fn within<T>(deadline: Duration, future: impl Future<Output = T>) -> Result<T, Cut> {
    tokio::time::timeout(deadline, future).await.map_err(|_| Cut::Deadline)
}

#[cfg(test)]
impl Context {
    /// With the bounds of a responder, its page and no key.
    pub(super) fn of_test() -> Arc<Self> {
        let limits = ConnectionLimits::default();
        let (_, tls) = super::self_signed(&["localhost".to_owned()]).unwrap();
        Arc::new(Self {
            acceptor: TlsAcceptor::from(tls),
            page: "{}".to_owned(),
            door: super::door::new().unwrap().0,
            media: MediaPorts::default(),
            key: None,
            version: "0".to_owned(),
            limits,
            admission: Admission::new(limits.total, limits.per_source),
            websockets: Admission::new(limits.websockets, limits.websockets_per_source),
            tally: Arc::default(),
            cancel: CancellationToken::new(),
            tasks: TaskTracker::new(),
            web: None,
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use tokio::io::DuplexStream;
    use tokio::time::Instant;

    use super::*;

    #[expect(clippy::disallowed_methods, reason = "the clock of these tests is paused")]
    fn paused_clock() -> Instant {
        Instant::now()
    }

    /// Writes a byte a second until the other side has gone; answers how long that took.
    pub(in crate::serve) async fn dribble(mut client: DuplexStream, bytes: impl Iterator<Item = u8>) -> Duration {
        let begun = paused_clock();
        for byte in bytes {
            tokio::time::sleep(Duration::from_secs(1)).await;
            if client.write_all(&[byte]).await.is_err() {
                break;
            }
        }
        begun.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_tls_handshake_that_dribbles_or_never_comes_is_cut_at_the_deadline() {
        let context = Context::of_test();
        let deadline = context.limits.handshake;
        let (client, server) = tokio::io::duplex(64);
        // A record of 512 bytes that holds a handshake.
        let hello = [TLS_HANDSHAKE, 3, 1, 2, 0].into_iter().chain(std::iter::repeat_n(1, 600));
        let (end, took) = tokio::join!(secured(server, &context), dribble(client, hello));
        assert_eq!(end.err(), Some(Cut::Deadline));
        assert!(took >= deadline && took < deadline + Duration::from_secs(2), "{took:?}");

        let (_silent, server) = tokio::io::duplex(64);
        let begun = paused_clock();
        assert_eq!(secured(server, &context).await.err(), Some(Cut::Deadline));
        assert_eq!(begun.elapsed(), deadline);
    }
}
