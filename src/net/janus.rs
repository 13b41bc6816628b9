//! What carries the signalling with a Janus Gateway: a WebSocket with the subprotocol `janus-protocol`, or its HTTPS API,
//! where events are polled for. Bounded in message size and in what waits to be read; knows no message but its place.

mod https;

use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::{SinkExt, StreamExt};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;

use super::tcp::Stream;
use super::tls::Trust;
use super::ws::{End, WebSocket, end_of};
use crate::model::{Failure, Step};
use crate::session::janus::{Credentials, Outgoing};

/// Messages that wait in either direction.
const WAITING: usize = 64;

/// The subprotocol of the WebSocket API.
pub const SUBPROTOCOL: &str = "janus-protocol";

/// A way to a server's API. Its tasks end with it.
pub struct Line {
    outgoing: mpsc::Sender<Outgoing>,
    incoming: mpsc::Receiver<Result<Vec<u8>, Failure>>,
    api: Api,
    poller: Option<https::Poller>,
    tasks: JoinSet<()>,
}

/// Which API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Api {
    Wss,
    Https,
}

/// Where an HTTPS API is.
#[derive(Clone)]
pub struct Place {
    /// Name or address literal without brackets.
    pub host: String,
    pub address: SocketAddr,
    /// Where the API is, such as `/janus`; no end of its own.
    pub base: String,
    pub trust: Arc<Trust>,
}

impl Line {
    /// Over a WebSocket.
    pub fn websocket(socket: WebSocket) -> Self {
        let (outgoing, to_send) = mpsc::channel(WAITING);
        let (came, incoming) = mpsc::channel(WAITING);
        let mut tasks = JoinSet::new();
        tasks.spawn(carry(socket, to_send, came));
        Self { outgoing, incoming, api: Api::Wss, poller: None, tasks }
    }

    /// Over `stream`, TLS to `place` with HTTP/1.1 above; polls take a connection of their own.
    ///
    /// # Errors
    /// Step `request`, where not even HTTP can begin.
    pub async fn https(stream: Stream, place: Place, credentials: Credentials) -> Result<Self, Failure> {
        let (outgoing, to_send) = mpsc::channel(WAITING);
        let (came, incoming) = mpsc::channel(WAITING);
        let posts = https::Posts::begin(stream, place.clone()).await?;
        let mut tasks = JoinSet::new();
        tasks.spawn(posts.carry(to_send, came.clone()));
        let poller = https::Poller { place, credentials, came };
        Ok(Self { outgoing, incoming, api: Api::Https, poller: Some(poller), tasks })
    }

    /// Which API it is.
    pub fn api(&self) -> Api {
        self.api
    }

    /// Events of `session` are wanted from now on.
    pub fn listen(&mut self, session: u64) {
        if let Some(poller) = self.poller.take() {
            self.tasks.spawn(poller.carry(session));
        }
    }

    /// Hands a request over; one too many is dropped, and its answer will be missed.
    pub fn send(&self, request: Outgoing) {
        let _ = self.outgoing.try_send(request);
    }

    /// The next message; cancel-safe.
    ///
    /// # Errors
    /// How the line ended, step `request`.
    pub async fn receive(&mut self) -> Result<Vec<u8>, Failure> {
        let ended = || Err(lost(&End::Fin));
        self.incoming.recv().await.unwrap_or_else(ended)
    }
}

fn lost(end: &End) -> Failure {
    Failure::new(Step::Request, end.kind(), format!("the WebSocket {}", end.words()))
}

async fn carry(socket: WebSocket, mut to_send: mpsc::Receiver<Outgoing>, came: mpsc::Sender<Result<Vec<u8>, Failure>>) {
    let (mut sink, mut stream) = socket.inner.split();
    let sending = async {
        while let Some(request) = to_send.recv().await {
            if let Err(e) = sink.send(Message::text(request.text)).await {
                return end_of(&e);
            }
        }
        // Nobody is there any more.
        let _ = sink.close().await;
        End::Fin
    };
    let reading = async {
        loop {
            let bytes = match stream.next().await {
                Some(Ok(Message::Text(text))) => text.as_bytes().to_vec(),
                Some(Ok(Message::Binary(bytes))) => bytes.to_vec(),
                Some(Ok(Message::Close(frame))) => return End::CloseFrame(frame.map(super::ws::code_and_reason)),
                Some(Ok(_)) => continue,
                Some(Err(e)) => return end_of(&e),
                None => return End::Fin,
            };
            if came.send(Ok(bytes)).await.is_err() {
                return End::Fin;
            }
        }
    };
    let end = tokio::select! { end = sending => end, end = reading => end };
    let _ = came.send(Err(lost(&end))).await;
}

#[cfg(test)]
mod tests;
