//! Sends one train and asks, while it runs, whether what is known is enough. Knows no limit.

use std::net::SocketAddr;
use std::time::Duration;

use super::Run;
use super::figures::estimates::{Circumstances, estimates};
use crate::model::measure::names;
use crate::model::{Estimates, Failure, Length, Load, Standing, Step};
use crate::net::paced::Paced;
use crate::probe::measure::Stands;
use crate::session::train::{Decision, Looks, Outcome, Plan, Train, Via};
use crate::stats;

/// For what comes after the last packet: stragglers, and the far end's account.
pub const SETTLING: Duration = Duration::from_secs(3);

/// Without an answer for so many packets after others were answered, a train need not go on.
const GONE: u32 = 150;

/// A train to be sent.
pub struct Ride {
    pub target: SocketAddr,
    pub via: Via,
    /// What it is shaped as.
    pub load: Load,
    /// What its figures are held against: [`Load::NONE`] where it offers no load.
    pub judged: Load,
    pub length: Length,
    /// A lower load is offered where this one does not flow: nothing else about it need be decided then.
    pub more: bool,
}

/// How figures under a load stand. One whose rates do not flow fails although other figures are open, where a lower load
/// comes after it.
pub fn standing(stands: &Stands, load: &Load, estimates: &Estimates, more: bool) -> Standing {
    const RATES: [&str; 4] = [names::UP_KBPS, names::DOWN_KBPS, names::DELAY_RISE_UP_MS, names::DELAY_RISE_DOWN_MS];
    let standing = stands(load, estimates);
    if standing != Standing::Undecided || !more {
        return standing;
    }
    let fails = |name: &str| {
        let alone = estimates.get(name).map(|estimate| Estimates([(name.to_owned(), estimate)].into_iter().collect()));
        alone.is_some_and(|alone| stands(load, &alone) == Standing::Fails)
    };
    if RATES.into_iter().any(fails) { Standing::Fails } else { standing }
}

/// Sends it.
///
/// # Errors
/// No socket could be opened.
pub async fn ride(run: &Run<'_>, ride: Ride) -> Result<Outcome, Failure> {
    let most = match ride.length {
        Length::Exact(length) => length,
        Length::Decided { most, .. } => most,
    };
    let paced = Paced {
        target: ride.target.ip(),
        dscp: run.task.dscp,
        deadline: (most + SETTLING).min(run.remaining()),
        cancel: run.cancel.clone(),
        step: Step::Train,
    };
    let looks = looks(ride.length, ride.judged, ride.more, run.stands.clone());
    let plan = Plan { target: ride.target, load: ride.load, via: ride.via, dscp: run.task.dscp, looks };
    let progress = run.progress.clone();
    let driven = paced
        .run(move |start| Train::new(plan, start.at, start.wall), move |done, total| progress(done, total))
        .await?;
    Ok(driven.session.finish(driven.ended))
}

/// A few packets at audio's beat, to see whether anybody answers.
pub async fn knock(run: &Run<'_>, target: SocketAddr, via: Via, load: Load) -> Result<Outcome, Failure> {
    const KNOCK: Duration = Duration::from_millis(50);
    const PATIENCE: Duration = Duration::from_millis(1500);
    let paced = Paced {
        target: target.ip(),
        dscp: run.task.dscp,
        deadline: PATIENCE.min(run.remaining()),
        cancel: run.cancel.clone(),
        step: Step::Train,
    };
    let looks = looks(Length::Exact(KNOCK), load, false, std::sync::Arc::new(|_, _| Standing::Undecided));
    let plan = Plan { target, load, via, dscp: run.task.dscp, looks };
    let driven = paced.run(move |start| Train::new(plan, start.at, start.wall), |_, _| {}).await?;
    Ok(driven.session.finish(driven.ended))
}

/// When to look, and what a look says.
pub fn looks(length: Length, judged: Load, more: bool, stands: Stands) -> Looks {
    let codec = judged.figures_up().codec_kbps;
    let around = Circumstances { codec_kbps: (!judged.is_none()).then_some(codec), ..Circumstances::default() };
    let mut answered = (0, 0);
    let decide = move |summary: &stats::Summary| {
        if summary.received > answered.1 {
            answered = (summary.sent, summary.received);
        }
        let gone = answered.1 > 0 && summary.sent.saturating_sub(answered.0) >= GONE;
        let standing = standing(&stands, &judged, &estimates(summary, &around), more);
        if gone || standing != Standing::Undecided { Decision::Decided } else { Decision::Undecided }
    };
    Looks { next: schedule(length), decide: Box::new(decide) }
}

/// The looks of a length.
fn schedule(length: Length) -> Box<dyn Fn(Duration) -> Option<(Duration, f64)> + Send> {
    let looks = match length {
        Length::Exact(length) => stats::Looks::exact(length),
        Length::Decided { least, most } => stats::Looks::deciding(least, most),
    };
    Box::new(move |so_far| looks.next(so_far))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Estimate, Media};

    #[test]
    fn a_load_that_does_not_flow_fails_where_a_lower_one_comes_whatever_else_is_open() {
        let load = Load { media: Media::Audio, up_kbps: 80.0, down_kbps: 80.0, sessions: 1, down_streams: 1 };
        let stands: Stands = std::sync::Arc::new(|load, all| {
            let up = all.get(names::UP_KBPS).map(|e| e.high < load.up_kbps);
            let rise = all.get(names::DELAY_RISE_UP_MS).map(|e| e.low < 50.0 && e.high > 50.0);
            match (up, rise) {
                (_, Some(true)) | (None, None) => Standing::Undecided,
                (Some(true), _) => Standing::Fails,
                _ => Standing::Holds,
            }
        });
        let estimate = |value, low, high| Estimate { value, low, high };
        let seen = |kbps| {
            let rise = (names::DELAY_RISE_UP_MS.to_owned(), estimate(40.0, -600.0, 700.0));
            Estimates([rise, (names::UP_KBPS.to_owned(), estimate(kbps, kbps - 1.0, kbps + 1.0))].into_iter().collect())
        };
        assert_eq!(standing(&stands, &load, &seen(58.0), true), Standing::Fails);
        assert_eq!(standing(&stands, &load, &seen(58.0), false), Standing::Undecided);
        assert_eq!(standing(&stands, &load, &seen(82.0), true), Standing::Undecided);
    }
}
