//! Drives a session whose times matter, on a thread of its own with one socket: wakes to the tenth of a millisecond,
//! hands in the kernel's times of arrival, and marks packets. Knows neither what a session is about nor what its outcome
//! means.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::udp::Stop;
use crate::model::{Failure, FailureKind, Step};
use crate::session::Session;

/// How a session is to be driven.
#[derive(Clone, Debug)]
pub struct Paced {
    /// Its family chooses that of the socket.
    pub target: IpAddr,
    /// What datagrams are marked with.
    pub dscp: u8,
    /// No longer than this.
    pub deadline: Duration,
    /// Ends it early.
    pub cancel: CancellationToken,
    /// The step that a failure to open a socket belongs to.
    pub step: Step,
}

/// One moment on both clocks.
#[derive(Clone, Copy, Debug)]
pub struct Start {
    pub at: Instant,
    /// Since 1970.
    pub wall: Duration,
}

/// A session that was driven.
#[derive(Debug)]
pub struct Driven<S> {
    pub session: S,
    pub stop: Stop,
    /// When it ended: what `Train::finish` is given.
    pub ended: Instant,
}

impl Paced {
    /// Runs the session that `make` makes at the moment when the socket is open, tells `progress` of it now and then, and
    /// hands the session back. It ends too when the returned future is dropped. `Err`: no socket could be opened.
    pub async fn run<S: Session + Send + 'static>(
        self,
        _make: impl FnOnce(Start) -> S + Send + 'static,
        _progress: impl Fn(u32, u32) + Send + 'static,
    ) -> Result<Driven<S>, Failure> {
        Err(Failure::new(self.step, FailureKind::Internal, "not built yet"))
    }
}
