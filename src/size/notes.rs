//! What to know before trusting a figure: the profile's own notes on its documents, and what shows in the figures
//! themselves. Knows the tables and the answer; changes neither.

use crate::model::Source;
use crate::model::sizing::{About, Asked, Note, RateOp, RecordingNeed, ServerNeed};
use crate::profile::{Mode, Rate, Sizing};

use super::{counted, recording};

/// Every note that concerns the answer, by its part.
pub(super) fn all(
    sizing: &Sizing,
    mode: &Mode,
    asked: &Asked,
    server: &ServerNeed,
    recording: &RecordingNeed,
) -> Vec<Note> {
    let mut notes: Vec<Note> = several(sizing, asked, server).into_iter().collect();
    notes.extend(bounded(mode));
    notes.extend(recorded(sizing, mode, asked, recording));
    let of_profile = sizing.notes.iter().filter(|n| n.modes.is_empty() || n.modes.contains(&mode.name));
    notes.extend(of_profile.map(|n| Note { about: n.about, text: n.text.clone(), sources: n.sources.clone() }));
    let order = [About::Server, About::Platform, About::Bandwidth, About::Recording];
    notes.sort_by_key(|n| order.iter().position(|about| *about == n.about));
    notes
}

/// Beyond the largest documented server.
fn several(sizing: &Sizing, asked: &Asked, server: &ServerNeed) -> Option<Note> {
    let largest = sizing.servers.last().filter(|l| asked.channels > l.channels)?;
    let text = format!(
        "The document ends at {} channels on one server. {} servers for {} are rtc-check's own sum of its rows; how \
         calls are shared out among servers the document does not say: ask the vendor.",
        largest.channels,
        server.servers,
        counted(asked.channels, "channel")
    );
    Some(Note { about: About::Server, text, sources: vec![largest.source.clone()] })
}

/// A rate with a sign bounds what is reckoned with it.
fn bounded(mode: &Mode) -> Option<Note> {
    let kbps = mode.rate.kbps;
    let text = match mode.rate.op {
        RateOp::Exactly => return None,
        RateOp::Below => format!(
            "Mode `{}` is below {kbps} kbit/s in the document: the figures are reckoned with {kbps} and are the most.",
            mode.name
        ),
        RateOp::Above => format!(
            "Mode `{}` is above {kbps} kbit/s in the document, which gives no upper end: the figures are reckoned with \
             {kbps} and are the least.",
            mode.name
        ),
    };
    Some(Note { about: About::Bandwidth, text, sources: vec![mode.source.clone()] })
}

fn recorded(sizing: &Sizing, mode: &Mode, asked: &Asked, need: &RecordingNeed) -> Vec<Note> {
    let Some(stored) = &need.documented else { return own_reckoning(sizing, mode, asked, need) };
    let mut notes = Vec::new();
    let head = Rate { op: stored.op, kbps: stored.stream_kbps };
    let mut note = |text: String, more: &[Source]| {
        let sources = [more, &stored.sources].concat();
        notes.push(Note { about: About::Recording, text, sources });
    };
    if head != mode.rate {
        let text = format!(
            "The table of recordings has mode `{}` at {head}, the table of modes at {}: storage follows the first, \
             bandwidth the second.",
            mode.name, mode.rate
        );
        note(text, std::slice::from_ref(&mode.source));
    }
    let times = stored.channel_day_megabytes / need.by_rate.channel_day_megabytes;
    if times.is_finite() && (times - 1.0).abs() >= 0.05 {
        let text = format!(
            "The table of recordings has {times:.1} times what two streams of {} kbit/s make; its figures stand, because \
             they are the document's.",
            need.by_rate.stream_kbps
        );
        note(text, &[]);
    }
    notes
}

/// There is no column for the mode.
fn own_reckoning(sizing: &Sizing, mode: &Mode, asked: &Asked, need: &RecordingNeed) -> Vec<Note> {
    let total = need.by_rate.total_gigabytes;
    let own = format!(
        "The table of recordings has no column for mode `{}`: {total} GB is rtc-check's own reckoning from the rate of \
         the streams, not the document's.",
        mode.name
    );
    let mut notes = vec![Note { about: About::Recording, text: own, sources: vec![mode.source.clone()] }];
    let lesser = sizing.modes.iter().filter(|m| m.rate.kbps < mode.rate.kbps);
    let columns = lesser.filter_map(|m| Some((m, recording::documented(sizing, &m.name, asked)?)));
    let largest = columns.max_by(|(_, a), (_, b)| a.total_gigabytes.total_cmp(&b.total_gigabytes));
    if let Some((lesser, stored)) = largest.filter(|(_, s)| s.total_gigabytes > total) {
        let text = format!(
            "For the lesser mode `{}` the same table has {} GB, which is more: plan for that much at least.",
            lesser.name, stored.total_gigabytes
        );
        notes.push(Note { about: About::Recording, text, sources: stored.sources });
    }
    notes
}
