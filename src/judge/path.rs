//! The sentence for the way to a target. It informs: what is wrong with it is told by findings.

use crate::model::machine::Link;
use crate::model::path::{Mtu, PathHop, SizeFate};
use crate::model::{Outcome, Seen, Status, metric};

use super::check::Judgement;
use super::reason;

/// What a call's media need of a datagram (RFC 8899's BASE_PLPMTU).
pub const MEDIA: u16 = 1200;

/// Judges the way to one address.
pub fn judge(seen: &Seen) -> Judgement {
    let facts = &seen.observation.facts;
    let (status, reason) = match &seen.observation.outcome {
        Outcome::Skipped(because) => (Status::Skip, reason::skipped(because)),
        Outcome::Failed(failure) => (Status::Skip, format!("The way was not looked at: {}.", failure.detail)),
        Outcome::Measured => {
            let mtu: Option<Mtu> = facts.get(&metric::MTU);
            let hops: Vec<PathHop> = facts.get(&metric::HOPS).unwrap_or_default();
            let link: Option<Link> = facts.get(&metric::WAY_OUT);
            let (status, sizes) = mtu.as_ref().map_or((Status::Pass, None), |m| {
                let (status, words) = words_of(m);
                (status, Some(words))
            });
            let out = link.map(|l| format!("leaves by {}", l.interface));
            let all: Vec<String> = [out, routers(&hops), sizes].into_iter().flatten().collect();
            let status = if all.is_empty() { Status::Unknown } else { status };
            (status, format!("The way {}.", if all.is_empty() { "was not seen".to_owned() } else { all.join("; ") }))
        }
    };
    Judgement { status, reason }
}

fn routers(hops: &[PathHop]) -> Option<String> {
    let one = |h: &PathHop| format!("{} {}", h.distance, h.address);
    (!hops.is_empty()).then(|| format!("first routers {}", hops.iter().map(one).collect::<Vec<_>>().join(", ")))
}

fn words_of(mtu: &Mtu) -> (Status, String) {
    let lost = mtu.sizes.iter().find(|s| s.up == SizeFate::Silent || s.down == SizeFate::Silent);
    let passed = mtu.sizes.iter().rfind(|s| s.up == SizeFate::Passed && s.down != SizeFate::Silent);
    match (passed, lost) {
        (_, Some(lost)) => {
            (Status::Unknown, format!("datagrams of {} bytes got no answer, while small ones did", lost.bytes))
        }
        (Some(passed), None) => (Status::Pass, format!("datagrams of up to {} bytes pass unfragmented", passed.bytes)),
        (None, None) => (Status::Unknown, "which sizes of datagrams pass was not seen".to_owned()),
    }
}
