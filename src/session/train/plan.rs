//! What a train is to send, to whom and over what, and when it is enough.

use std::net::SocketAddr;
use std::time::Duration;

use crate::model::Load;
use crate::session::Credential;
use crate::stats;

/// What is to be sent, and how it is to end.
pub struct Plan {
    pub target: SocketAddr,
    /// Its upstream is offered; downstream is what is sent back.
    pub load: Load,
    pub via: Via,
    /// What packets are marked with on the way there (the driver's `Paced::dscp`) and are asked to be marked with on
    /// the way back.
    pub dscp: u8,
    pub looks: Looks,
}

/// The test protocol.
#[derive(Debug)]
pub enum Via {
    Stamp(Stamp),
    /// Binding requests; audio's 20 ms whatever the load, and ten seconds at most.
    Stun {
        credential: Option<Credential>,
        /// Makes the transaction ids; from a source nobody can guess.
        secret: [u8; 32],
    },
    /// Packets of the load's shape that come back as they are: through a relay to its own address and back, or from an
    /// echo. Of which way a loss or delay was nothing is known; downstream is what was sent up.
    Echo {
        /// Proves that a packet is ours; from a source nobody can guess.
        secret: [u8; 32],
    },
}

/// How STAMP is spoken.
#[derive(Clone, Default)]
pub struct Stamp {
    /// Of a granted session; 0: none.
    pub ssid: u16,
    /// Of a granted session, borne by our report; 0: none.
    pub token: u64,
    /// Authenticated mode's.
    pub key: Option<Vec<u8>>,
    /// Whether packets bear our report extension: yes for our responder, no for any other reflector.
    pub report: bool,
}

impl std::fmt::Debug for Stamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Stamp(ssid {}, authenticated {}, report {})", self.ssid, self.key.is_some(), self.report)
    }
}

/// When the train is looked at, and what is asked then.
pub struct Looks {
    /// The first look after so much of the train, and the z of its intervals; `None`: no look any more. An exact length
    /// is one look. The last look ends the train whatever is said there.
    pub next: Box<dyn Fn(Duration) -> Option<(Duration, f64)> + Send>,
    /// Whether what is known is enough.
    pub decide: Box<dyn FnMut(&stats::Summary) -> Decision + Send>,
}

/// What a look says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Every limit's interval lies on one side of it.
    Decided,
    /// At least one spans its limit.
    Undecided,
}
