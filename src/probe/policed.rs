//! Whether the way to a port polices datagrams: asked where a sweep or a train lost much, of a responder of ours, which does
//! not limit so few. Knows no limit on loss.

use std::net::SocketAddr;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Settings;
use super::stun::credential;
use crate::model::path::{AtRate, Policed, PolicedVerdict};
use crate::model::{Facts, Step, metric};
use crate::net::chance;
use crate::net::udp::{Drive, Stop};
use crate::session::rates::Rates;

pub use crate::session::rates::LONGEST;

/// Of the fast ones so many at least are lost, in percent, where a policer is claimed; all slow ones come back.
const LOST_PCT: u32 = 40;
/// So few, where it is denied.
const KEPT_PCT: u32 = 5;
/// A queue that fills delays its datagrams by more than this before it drops them; a policer does not.
const QUEUED_MS: f64 = 20.0;

/// Tests it where `left` allows.
pub async fn test(
    target: SocketAddr,
    settings: &Settings,
    left: Duration,
    cancel: &CancellationToken,
    facts: &mut Facts,
) {
    if left < LONGEST || cancel.is_cancelled() {
        return;
    }
    let (secret, credential) = (chance::bytes(), credential(settings));
    let drive = Drive { target: target.ip(), sockets: 1, deadline: LONGEST, cancel: cancel.clone(), step: Step::Stun };
    let make = move |now| Rates::new(now, target, &secret, credential);
    if let Ok((session, Stop::Finished)) = drive.run(make, |_, _| {}).await {
        let (slow, fast) = session.outcome();
        facts.set(&metric::POLICED, conclusion(target.port(), slow, fast));
    }
}

fn conclusion(port: u16, slow: AtRate, fast: AtRate) -> Policed {
    let lost = |r: &AtRate| (r.sent.saturating_sub(r.answered) * 100).checked_div(r.sent);
    let queued = slow.rtt_ms.zip(fast.rtt_ms).is_some_and(|(slow, fast)| fast > slow + QUEUED_MS);
    let (verdict, why) = match (lost(&slow), lost(&fast)) {
        (_, Some(fast)) if fast <= KEPT_PCT => (PolicedVerdict::NotPoliced, None),
        (Some(0), Some(fast)) if fast >= LOST_PCT && !queued => (PolicedVerdict::Policed, None),
        (Some(0), Some(fast)) if fast >= LOST_PCT => {
            (PolicedVerdict::CannotTell, Some("fast ones were delayed first, as by a full queue of a slow line"))
        }
        (Some(0), _) => (PolicedVerdict::CannotTell, Some("too few of the fast ones were lost to tell it from loss")),
        _ => (PolicedVerdict::CannotTell, Some("slow ones were lost too")),
    };
    Policed { verdict, port, why: why.map(str::to_owned), slow, fast }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_fast_ones_that_vanish_without_delay_show_a_policer() {
        let at = |sent, answered, rtt_ms| AtRate { per_second: 0, sent, answered, rtt_ms: Some(rtt_ms) };
        for (slow, fast, verdict) in [
            (at(8, 8, 10.0), at(140, 40, 11.0), PolicedVerdict::Policed),
            (at(8, 8, 10.0), at(140, 139, 11.0), PolicedVerdict::NotPoliced),
            (at(8, 8, 10.0), at(140, 40, 90.0), PolicedVerdict::CannotTell),
            (at(8, 8, 10.0), at(140, 110, 10.0), PolicedVerdict::CannotTell),
            (at(8, 6, 10.0), at(140, 40, 10.0), PolicedVerdict::CannotTell),
            (at(0, 0, 10.0), at(0, 0, 10.0), PolicedVerdict::CannotTell),
        ] {
            assert_eq!(conclusion(19_099, slow, fast).verdict, verdict, "{slow:?} {fast:?}");
        }
    }
}
