//! Connections: taken within their number, given their time, over TLS where the web configuration says so.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::exporter::Refusal;

use super::Site;
use super::door::Door;
use super::routes;

/// Connections beside those that wait for a probe each.
const SPARE: usize = 128;

/// The TLS handshake, and a request's header from its first byte or the end of the one before, take no longer.
const PATIENCE: Duration = Duration::from_secs(10);

/// What was sent and is not taken for so long ends a connection.
const UNTAKEN: Duration = Duration::from_secs(30);

/// No connection is kept for longer: scrapers open another.
const LIFETIME: Duration = Duration::from_secs(3600);

/// Bytes and fields of a request's header.
const LONGEST_HEADER: usize = 16 << 10;
const MOST_FIELDS: usize = 64;

/// How long to wait before taking connections again, when the system had no descriptor left for one.
const AFTER_FAILURE: Duration = Duration::from_millis(100);

/// Listens at `[ADDR]:PORT`; a port alone stands for every address of both families, as far as there are any.
pub fn bind(text: &str) -> io::Result<TcpListener> {
    let wrong = || io::Error::new(io::ErrorKind::InvalidInput, "write it as :PORT, ADDRESS:PORT or [IPV6]:PORT");
    let Some(port) = text.strip_prefix(':') else {
        return open(text.parse().map_err(|_| wrong())?, true);
    };
    let port: u16 = port.parse().map_err(|_| wrong())?;
    let all: [IpAddr; 2] = [Ipv6Addr::UNSPECIFIED.into(), Ipv4Addr::UNSPECIFIED.into()];
    let [both, v4] = all.map(|address| SocketAddr::new(address, port));
    match open(both, false) {
        // A machine without IPv6.
        Err(e) if e.kind() != io::ErrorKind::AddrInUse => open(v4, true),
        opened => opened,
    }
}

fn open(at: SocketAddr, only_v6: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(at), Type::STREAM, Some(Protocol::TCP))?;
    if at.is_ipv6() {
        socket.set_only_v6(only_v6)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&at.into())?;
    socket.listen(1024)?;
    TcpListener::from_std(socket.into())
}

/// Takes connections until it is dropped.
pub async fn take_all(listener: TcpListener, site: Arc<Site>, door: Arc<Door>) {
    let most = 2 * site.max_probes + SPARE;
    let places = Arc::new(Semaphore::new(most));
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => match Arc::clone(&places).try_acquire_owned() {
                Ok(place) => {
                    let open = Open { site: site.clone(), door: door.clone(), places: places.clone(), most };
                    site.tasks.spawn(serve(stream, peer, open, place));
                }
                Err(_) => site.tally.refused(Refusal::Connections),
            },
            Err(e) => {
                site.log.note(&format!("cannot take a connection: {e}"));
                tokio::time::sleep(AFTER_FAILURE).await;
            }
        }
    }
}

/// What a connection is served with.
struct Open {
    site: Arc<Site>,
    door: Arc<Door>,
    places: Arc<Semaphore>,
    most: usize,
}

async fn serve(stream: TcpStream, peer: SocketAddr, open: Open, _place: OwnedSemaphorePermit) {
    let _ = stream.set_nodelay(true);
    let _ = SockRef::from(&stream).set_tcp_user_timeout(Some(UNTAKEN));
    let Some(tls) = open.door.current().tls.clone() else {
        return speak(stream, peer, open).await;
    };
    let stop = open.site.stop.clone();
    match stop.run_until_cancelled(tokio::time::timeout(PATIENCE, tls.accept(stream))).await {
        Some(Ok(Ok(stream))) => speak(stream, peer, open).await,
        _ => open.site.tally.refused(Refusal::Tls),
    }
}

/// HTTP/1.1. Whoever closes the connection drops the answer that is being made, and with it its run.
async fn speak<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(stream: S, peer: SocketAddr, open: Open) {
    let stop = open.site.stop.clone();
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(PATIENCE);
    builder.max_buf_size(LONGEST_HEADER).max_headers(MOST_FIELDS);
    let open = Arc::new(open);
    let service = service_fn(move |request| {
        let open = Arc::clone(&open);
        async move {
            let connections = open.most.saturating_sub(open.places.available_permits());
            Ok::<_, std::convert::Infallible>(routes::answer(request, peer, &open.site, &open.door, connections).await)
        }
    });
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => return,
        () = stop.cancelled() => {}
        () = tokio::time::sleep(LIFETIME) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = tokio::time::timeout(crate::exporter::patience::LONGEST + PATIENCE, connection).await;
}
