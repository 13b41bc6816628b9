//! A UDP socket of ours beside a relay's: it learns how the server sees it, and sends back what a relayed address sends to
//! it. So data go from here through the relay to here, and all the way back. Bounded; knows no credentials.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{chance, udp};
use crate::wire::stun::{Class, MAX_WRITTEN, Message, request_len, write_binding_request};

/// Bindings that are asked for, and how long each is waited for: most relays answer them at once.
const ASKS: u32 = 4;
const WAIT: Duration = Duration::from_millis(400);

/// No more is sent back: a minute of audio.
const MOST_ECHOED: u32 = 3000;

/// Relayed addresses that are sent to.
const MOST_RELAYS: usize = 16;

/// The socket; ends when it is dropped.
pub struct Mirror {
    mapped: SocketAddr,
    shared: Arc<Shared>,
    _ends: DropGuard,
}

struct Shared {
    socket: UdpSocket,
    relays: Mutex<Vec<SocketAddr>>,
}

impl Mirror {
    /// Opens it and asks `server` for its address by STUN; `None`: no socket, no route, or no answer.
    pub async fn open(server: SocketAddr) -> Option<Self> {
        let socket = udp::open(server.ip()).and_then(UdpSocket::from_std).ok()?;
        let mapped = mapped(&socket, server).await.ok().flatten()?;
        let shared = Arc::new(Shared { socket, relays: Mutex::default() });
        let over = CancellationToken::new();
        let task = shared.clone();
        let until = over.clone();
        tokio::spawn(async move { until.run_until_cancelled(task.echo()).await });
        Some(Self { mapped, shared, _ends: over.drop_guard() })
    }

    /// This socket as the server saw it: what a relay is given for its peer.
    pub fn mapped(&self) -> SocketAddr {
        self.mapped
    }

    /// From now on what comes from a relayed address is sent back there, and NATs on the way have seen it.
    pub fn expect(&self) -> impl Fn(SocketAddr) + Send + 'static {
        let shared = self.shared.clone();
        move |relayed| {
            let mut relays = shared.relays.lock().unwrap_or_else(PoisonError::into_inner);
            if relays.len() < MOST_RELAYS {
                relays.push(relayed);
                let _ = shared.socket.try_send_to(&[0], relayed);
            }
        }
    }
}

impl Shared {
    async fn echo(self: Arc<Self>) {
        let mut buf = [0; 2048];
        let mut left = MOST_ECHOED;
        while left > 0 {
            let Ok((len, from)) = self.socket.recv_from(&mut buf).await else { continue };
            let known = self.relays.lock().unwrap_or_else(PoisonError::into_inner).contains(&from);
            if known {
                let _ = self.socket.send_to(buf.get(..len).unwrap_or_default(), from).await;
                left -= 1;
            }
        }
    }
}

async fn mapped(socket: &UdpSocket, server: SocketAddr) -> io::Result<Option<SocketAddr>> {
    let id = chance::bytes();
    let mut request = [0; MAX_WRITTEN];
    let len = write_binding_request(&mut request, id, None, request_len(false)).unwrap_or(0);
    for _ in 0..ASKS {
        socket.send_to(request.get(..len).unwrap_or_default(), server).await?;
        if let Ok(Some(mapped)) = tokio::time::timeout(WAIT, answer(socket, server, id)).await {
            return Ok(Some(mapped));
        }
    }
    Ok(None)
}

/// The address that the success response to `id` bears; `None` where its sender refuses.
async fn answer(socket: &UdpSocket, server: SocketAddr, id: [u8; 12]) -> Option<SocketAddr> {
    let mut buf = [0; 2048];
    loop {
        let (len, from) = socket.recv_from(&mut buf).await.ok()?;
        let message = Message::read(buf.get(..len).unwrap_or_default()).ok();
        let Some(message) = message.filter(|m| from == server && m.id() == id) else { continue };
        return message.mapped_address().filter(|_| message.class() == Class::Success);
    }
}
