//! A host that has nothing to do with the platform: its certificates are evidence for conclusions, and its check informs.

use crate::model::{CertRoot, RootStanding, Seen, Status, metric};

use super::aim::Aim;
use super::check::Judgement;
use super::reason;

/// Judges what was seen of `aim` on `port`.
pub fn judge(aim: &Aim<'_>, port: u16, seen: &Seen) -> Judgement {
    let place = format!("{}, TCP {port}", aim.place());
    let root: Option<CertRoot> = seen.observation.facts.get(&metric::CERT_ROOT);
    let failure = seen.observation.failure();
    let (status, reason) = match (root, failure) {
        (Some(root), _) => {
            let standing = match root.standing {
                RootStanding::Public => "a public root",
                RootStanding::Private => "a root that this machine trusts and browsers do not know",
                RootStanding::Untrusted => "an issuer that is not trusted here",
            };
            let words = format!("Control name {place}: its certificates lead to {standing} (\"{}\").", root.name);
            (Status::Pass, words)
        }
        (None, Some(failure)) => {
            (Status::Unknown, format!("Control name {place}: {}; its certificates were not seen.", failure.detail))
        }
        (None, None) => match &seen.observation.outcome {
            crate::model::Outcome::Skipped(because) => (Status::Skip, reason::skipped(because)),
            _ => (Status::Unknown, format!("Control name {place}: no certificate was seen.")),
        },
    };
    Judgement { status, reason }
}
