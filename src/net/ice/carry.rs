//! Carries a session over a connection: its datagrams go through the pair, and those of the far agent come back timed.

use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::Connection;
use crate::net::clock;
use crate::net::paced::{Driven, Start};
use crate::net::udp::Stop;
use crate::session::{SendError, Session};

/// The longest datagram that is sent or looked at.
const LONGEST: usize = 2048;

/// Datagrams that may wait to be looked at.
const QUEUE: usize = 256;

/// One datagram is handed over within this: the agent may wait for a relay's permission first.
const SENDING: Duration = Duration::from_secs(1);

impl Connection {
    /// Runs the session that `make` makes, and hands it back when it is over, at the deadline, or when it is cancelled.
    /// The times of arrival are those at which the agent hands on what came.
    pub async fn carry<S: Session>(
        &self,
        make: impl FnOnce(Start) -> S,
        deadline: Duration,
        cancel: &CancellationToken,
    ) -> Driven<S> {
        let (deliver, mut delivered) = mpsc::channel(QUEUE);
        let (mut reader, conn) = (JoinSet::new(), self.conn.clone());
        reader.spawn(async move {
            let mut buf = vec![0; LONGEST];
            // What is longer than the buffer is no reply.
            while let Ok(len) = conn.recv(&mut buf).await {
                // Like a socket: what there is no room for is lost.
                let _ = deliver.try_send((clock::now(), buf.get(..len).unwrap_or_default().to_vec()));
            }
        });
        let start = Start { at: clock::now(), wall: clock::wall() };
        let mut session = make(start);
        let stop = self.drive(&mut session, &mut delivered, start.at + deadline, cancel).await;
        Driven { session, stop, ended: clock::now(), cut: None }
    }

    async fn drive(
        &self,
        session: &mut impl Session,
        delivered: &mut mpsc::Receiver<(Instant, Vec<u8>)>,
        deadline: Instant,
        cancel: &CancellationToken,
    ) -> Stop {
        let mut buf = [0; LONGEST];
        loop {
            while let Some(transmit) = session.poll_transmit(clock::now(), &mut buf) {
                let bytes = buf.get(..transmit.len).unwrap_or_default();
                let sent = tokio::time::timeout(SENDING, self.conn.send(bytes)).await;
                if !matches!(sent, Ok(Ok(_))) {
                    session.on_send_error(clock::now(), transmit.to, SendError::Unreachable);
                }
            }
            let Some(wake) = session.wake() else { return Stop::Finished };
            if cancel.is_cancelled() {
                return Stop::Cancelled;
            }
            if clock::now() >= deadline {
                return Stop::Deadline;
            }
            tokio::select! {
                biased;
                came = delivered.recv() => match came {
                    Some((at, bytes)) => session.on_arrival(at, self.remote, &bytes, Default::default()),
                    None => return Stop::Cancelled,
                },
                () = cancel.cancelled() => {}
                () = tokio::time::sleep_until(wake.min(deadline).into()) => {}
            }
        }
    }
}
