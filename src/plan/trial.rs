//! What is tried beside the rules: what NAT there is, relays that the operator names, ICE and a real call. Knows profiles,
//! never results.

use crate::model::{Host, Need, RoleName, TurnUri, Waived};

/// What a trial is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrialKind {
    /// What NATs between here and STUN servers do: one check a family.
    Nat {
        /// Hosts and ports to ask, the operator's first.
        servers: Vec<(Host, u16)>,
    },
    /// A relay that `--turn` names.
    Turn(TurnUri),
    /// ICE with an agent at the target, through every relay that works.
    Ice,
    /// A call through a media server at the target.
    Call,
}

/// One thing to try on one host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    pub kind: TrialKind,
    /// The target's role; `turn` and `stun` for servers that the operator names.
    pub role: RoleName,
    pub host: Host,
    /// The items of the plan on the same host, by their index.
    pub ways: Vec<usize>,
    /// `alternative` for a relay, `required` for a call, `optional` for what only informs.
    pub need: Need,
    /// The group of alternatives it counts in.
    pub group: Option<String>,
    /// The operator waives whatever it says.
    pub waived: Option<Waived>,
    /// The operator waives it if it stays unknown.
    pub allow_unknown: bool,
}
