//! What a responder's reports say of the packets that came to it, merged: each shows the last 128 numbers and exact
//! counts, so lost replies leave nothing unknown as long as fewer than 128 are lost in a row.

use crate::stats;
use crate::wire::stamp::Report;

/// What is known of one packet's fate on the way there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Unknown,
    /// Not there when a report was last written that would show it.
    Missing,
    Came,
}

/// All reports of a train.
#[derive(Default)]
pub(super) struct Reports {
    fates: Vec<Fate>,
    /// The latest, by what it counts.
    last: Option<Report>,
    /// Some could not be true.
    pub unbelievable: u32,
}

impl Reports {
    /// Room for so many packets.
    pub fn reserve(&mut self, packets: usize) {
        self.fates.reserve(packets);
    }

    /// Takes a report in; `sent` packets were sent until it came, and it came with the reply to packet `asked`.
    pub fn take(&mut self, report: &Report, sent: u32, asked: Option<u32>) {
        if !believable(report, sent, asked) {
            self.unbelievable = self.unbelievable.saturating_add(1);
            return;
        }
        if report.unique > 0 {
            self.window(report);
        }
        let count = |r: &Report| (u64::from(r.unique) + u64::from(r.duplicates), r.highest);
        if self.last.is_none_or(|last| count(report) >= count(&last)) {
            self.last = Some(*report);
        }
    }

    /// All of `sent` packets came, each once and none late.
    pub fn in_order(&self, sent: u32) -> bool {
        let clean = |last: &Report| last.unique == sent && last.duplicates == 0 && last.reordered == 0;
        self.unbelievable == 0 && self.last.as_ref().is_some_and(clean)
    }

    fn window(&mut self, report: &Report) {
        let highest = report.highest as usize;
        if self.fates.len() <= highest {
            self.fates.resize(highest + 1, Fate::Unknown);
        }
        let first = highest.saturating_sub(127);
        for (at, fate) in self.fates.iter_mut().enumerate().take(highest + 1).skip(first) {
            if report.window >> (highest - at) & 1 == 1 {
                *fate = Fate::Came;
            } else if *fate == Fate::Unknown {
                *fate = Fate::Missing;
            }
        }
    }

    /// The fate of the first `upto` packets, of which `answered` were answered here. `None`: no report, one that cannot be
    /// true, or the last one was written before the last of these packets can have come, and `closed` says nothing else.
    pub fn far(&self, upto: usize, answered: u32, closed: bool) -> Option<stats::Far> {
        let last = self.last.filter(|_| self.unbelievable == 0)?;
        if !closed && (last.highest as usize) + 1 < upto {
            return None;
        }
        let came = |fates: &[Fate]| fates.iter().filter(|f| **f == Fate::Came).count();
        let (these, later) = self.fates.split_at(self.fates.len().min(upto));
        let unique = usize::try_from(last.unique).unwrap_or(usize::MAX).saturating_sub(came(later)).min(upto);
        let known = came(these);
        if known > unique || (answered as usize) > unique {
            return None;
        }
        let fate = |fate: &Fate| match fate {
            Fate::Came => Some(true),
            Fate::Missing => Some(false),
            // Where all that came are known, the others did not come.
            Fate::Unknown => (known == unique).then_some(false),
        };
        let behind = std::iter::repeat_n(Some(false), upto - these.len());
        Some(stats::Far {
            came: these.iter().map(fate).chain(behind).collect(),
            unique: u32::try_from(unique).ok()?,
            duplicates: last.duplicates,
            reordered: last.reordered,
            replies: last.unique.saturating_add(last.duplicates),
            overflow: last.overflow,
        })
    }
}

/// Whether a report can be true: no more came than was sent, nothing that was not, and the packet it answers did.
fn believable(report: &Report, sent: u32, asked: Option<u32>) -> bool {
    if report.unique == 0 {
        return asked.is_none() && report.window == 0 && report.duplicates == 0;
    }
    let within = report.highest < sent && report.unique <= report.highest.saturating_add(1);
    let shown = report.window.count_ones() <= report.unique && report.has(report.highest) == Some(true);
    let reach = 127_u32.saturating_sub(report.window.leading_zeros());
    within && shown && reach <= report.highest && asked.is_none_or(|n| report.has(n) != Some(false))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn report(unique: u32, highest: u32, window: u128) -> Report {
        Report { unique, highest, window, ..Report::default() }
    }

    #[test]
    fn what_cannot_be_true_is_not_believed() {
        for (report, why) in [
            (report(11, 9, 0x3ff), "more than there are numbers"),
            (report(5, 10, 0b1), "a number never sent"),
            (report(2, 9, 0b111), "more shown than counted"),
            (report(2, 9, 0b110), "the highest did not come"),
            (report(1, 2, 0b1001), "a number below 0"),
            (report(0, 0, 0), "the packet that it answers did not come"),
        ] {
            let mut reports = Reports::default();
            reports.take(&report, 10, Some(9));
            assert_eq!((reports.unbelievable, reports.far(10, 1, true)), (1, None), "{why}");
        }
    }

    #[test]
    fn fewer_than_were_answered_is_not_believed() {
        let mut reports = Reports::default();
        reports.take(&report(2, 9, 0b11), 10, Some(9));
        assert_eq!(reports.far(10, 3, true), None);
        assert_eq!(reports.far(10, 2, true).unwrap().unique, 2);
    }

    #[test]
    fn packets_behind_the_last_report_are_lost_only_where_it_came_last() {
        let mut reports = Reports::default();
        reports.take(&report(9, 9, 0x3fd), 12, Some(9));
        assert_eq!(reports.far(12, 1, false), None);
        assert_eq!(reports.far(12, 1, true).unwrap().came[9..], [Some(true), Some(false), Some(false)]);
        assert!(reports.far(10, 1, false).is_some());
    }

    proptest! {
        #[test]
        fn any_loss_upstream_is_known_packet_by_packet(came in prop::collection::vec(any::<bool>(), 1..600), heard in prop::collection::vec(any::<bool>(), 600)) {
            let sent = came.len() as u32;
            let (mut reports, mut state, mut gap) = (Reports::default(), Report::default(), 0);
            for (n, came) in came.iter().enumerate() {
                if !came { continue }
                let shift = n as u32 - state.highest;
                state.window = if state.unique == 0 { 1 } else { state.window.checked_shl(shift).unwrap_or(0) | 1 };
                (state.highest, state.unique) = (n as u32, state.unique + 1);
                gap += 1;
                if heard[n] || gap > 60 {
                    gap = 0;
                    reports.take(&state, n as u32 + 1, Some(n as u32));
                }
            }
            reports.take(&state, sent, None);
            let far = reports.far(came.len(), 0, true).unwrap();
            prop_assert_eq!(reports.unbelievable, 0);
            prop_assert_eq!(far.unique as usize, came.iter().filter(|c| **c).count());
            // A gap of 128 that no reply bridged leaves fates open; what is said is right.
            prop_assert!(far.came.iter().zip(&came).all(|(said, came)| said.is_none_or(|s| s == *came)));
        }
    }
}
