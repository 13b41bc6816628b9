//! What was lost, doubled and overtaken, told apart by direction: from what the far end says it received, else from the
//! numbers of its replies. What contradicts itself tells nothing.

use super::burst::Fate;
use super::reorder::reordered;
use super::train::{Far, Train};
use super::trip::{Trip, first_came};

/// Unanswered packets at the very end of a train may have been lost on either way. So many are left out where only the
/// replies' numbers tell the ways apart; more, and the ways are not told apart.
const OPEN_END: usize = 3;
/// A far end cannot have sent more replies than so many times our packets, whatever it says.
const MOST_COPIES: usize = 4;

/// What became of a train's packets on their two ways; `None` where that cannot be told.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Directions {
    pub(super) up: Option<Fate>,
    pub(super) down: Option<Fate>,
    pub(super) reordered_up: Option<u32>,
    pub(super) reordered_down: Option<u32>,
    pub(super) duplicated_up: Option<u32>,
    pub(super) duplicated_down: Option<u32>,
}

/// Of the round trip, with what became of each packet.
pub(super) fn round_trip(train: &Train, first: &[Trip]) -> Fate {
    let answered = answered(train, first);
    Fate::known(train.sent.iter().zip(&answered).map(|(packet, answered)| (packet.at, !answered)).collect())
}

/// `trips` are all, in order of coming back; `first` the first of each request.
pub(super) fn directions(train: &Train, trips: &[Trip], first: &[Trip]) -> Directions {
    let numbers = train.stateful.then(|| Numbers::of(trips)).flatten();
    let far = train.far.as_ref();
    let (up, down) = match (far, &numbers) {
        (Some(far), _) => told(train, far, numbers.as_ref(), first).unwrap_or_default(),
        (None, Some(numbers)) => inferred(train, numbers, first).unwrap_or_default(),
        (None, None) => unbroken(train, first),
    };
    let repeated = trips.len() - first.len();
    let same_order = reordered(first.iter().map(|trip| trip.request)) == 0 && !first.is_empty();
    let whole = repeated == 0 && first.len() == train.sent.len() && !first.is_empty();
    let blank = |known: bool| known.then_some(0);
    Directions {
        up,
        down,
        reordered_up: far.map(|far| far.reordered).or_else(|| match numbers {
            Some(_) => Some(reordered(first_came(trips, true, train.sent.len()).iter().map(|trip| trip.request))),
            None => blank(same_order),
        }),
        reordered_down: numbers.as_ref().map(|numbers| numbers.reordered).or(blank(same_order)),
        duplicated_up: far.map(|far| far.duplicates).or_else(|| match &numbers {
            Some(numbers) => Some(count(numbers.sorted.len() - first.len())),
            None => blank(whole),
        }),
        duplicated_down: numbers.as_ref().map(|numbers| numbers.repeated).or(blank(repeated == 0 && !first.is_empty())),
    }
}

/// The far end's own numbers of its replies.
struct Numbers {
    /// Different ones, ascending, with the request that each answers.
    sorted: Vec<(u32, u32)>,
    repeated: u32,
    reordered: u32,
}

impl Numbers {
    /// `None` where there are none, or where one number answers two requests: then they are not what they ought to be.
    fn of(trips: &[Trip]) -> Option<Self> {
        let mut seen: Vec<(u32, u32, usize)> =
            trips.iter().enumerate().map(|(place, trip)| (trip.number, trip.request, place)).collect();
        seen.sort_unstable();
        seen.dedup_by_key(|(number, request, _)| (*number, *request));
        let twice = seen.iter().zip(seen.iter().skip(1)).any(|(a, b)| a.0 == b.0);
        if twice || seen.is_empty() {
            return None;
        }
        let sorted = seen.iter().map(|(number, request, _)| (*number, *request)).collect();
        let repeated = count(trips.len() - seen.len());
        seen.sort_unstable_by_key(|(_, _, place)| *place);
        Some(Self { sorted, repeated, reordered: reordered(seen.iter().map(|(number, _, _)| *number)) })
    }

    fn highest(&self) -> u32 {
        self.sorted.last().map_or(0, |(number, _)| *number)
    }

    fn distinct(&self) -> u32 {
        count(self.sorted.len())
    }
}

type Ways = (Option<Fate>, Option<Fate>);

/// From what the far end says that it received and sent. `None` where replies came that it says it cannot have sent.
fn told(train: &Train, far: &Far, numbers: Option<&Numbers>, first: &[Trip]) -> Option<Ways> {
    let sent = count(train.sent.len());
    let lost = sent.checked_sub(far.unique)?;
    let unanswered = far.unique.checked_sub(count(first.len()))?;
    let up = Fate { lost, of: sent, each: each_up(train, far) };
    let down = match numbers {
        Some(numbers) => {
            let lost = far.replies.checked_sub(numbers.distinct()).filter(|_| numbers.highest() < far.replies);
            lost.map(|lost| Fate { lost, of: far.replies, each: each_down(train, numbers, far.replies) })
        }
        None => Some(Fate { lost: unanswered, of: far.unique, each: each_unanswered(train, far, first) }),
    };
    Some((Some(consistent(up)), down.map(consistent)))
}

/// Where the count and the packets known to be lost differ, it is not known which ones were.
fn consistent(fate: Fate) -> Fate {
    let lost = |each: &Vec<(i64, bool)>| count(each.iter().filter(|(_, lost)| *lost).count());
    Fate { each: fate.each.filter(|each| lost(each) == fate.lost), ..fate }
}

/// From the numbers of the replies alone: those missing below the highest were sent and lost on the way down, and what
/// else is unanswered was lost on the way up. `None` where more numbers are missing than packets unanswered. Where
/// packets were doubled on the way up, a missing number may be that of a copy, and what was lost up is not known.
fn inferred(train: &Train, numbers: &Numbers, first: &[Trip]) -> Option<Ways> {
    let last = first.iter().map(|trip| trip.request).max()? as usize;
    let open = train.sent.len().checked_sub(last + 1)?;
    let unanswered = count(last + 1).checked_sub(count(first.len()))?;
    let replies = numbers.highest().checked_add(1)?;
    let lost_down = replies - numbers.distinct();
    let lost_up = unanswered.checked_sub(lost_down)?;
    let sure = lost_up == 0 || lost_down == 0;
    if open > OPEN_END {
        return None;
    }
    // Where all was lost on one way, it is known which ones: those without an answer.
    let each_up = sure.then(|| if lost_up == 0 { vec![true; last + 1] } else { answered(train, first) });
    let each_up =
        each_up.map(|came| train.sent.iter().zip(came).take(last + 1).map(|(p, came)| (p.at, !came)).collect());
    let up = Fate { lost: lost_up, of: count(last + 1), each: each_up };
    let down = Fate { lost: lost_down, of: replies, each: each_down(train, numbers, replies) };
    let doubled = numbers.distinct() > count(first.len());
    Some((Some(up).filter(|_| lost_down == 0 || !doubled), Some(down)))
}

/// Nothing tells the ways apart, and nothing need where nothing was lost.
fn unbroken(train: &Train, first: &[Trip]) -> Ways {
    let fate = round_trip(train, first);
    let fate = Some(fate).filter(|fate| fate.lost == 0 && fate.of > 0);
    (fate.clone(), fate)
}

/// `None` where it is not known of every packet whether it came.
fn each_up(train: &Train, far: &Far) -> Option<Vec<(i64, bool)>> {
    if far.came.len() != train.sent.len() {
        return None;
    }
    train.sent.iter().zip(&far.came).map(|(packet, came)| came.map(|came| (packet.at, !came))).collect()
}

/// Of the packets that came there, those that were not answered.
fn each_unanswered(train: &Train, far: &Far, first: &[Trip]) -> Option<Vec<(i64, bool)>> {
    let up = each_up(train, far)?;
    let came = up.iter().zip(answered(train, first)).filter(|((_, lost), _)| !lost);
    Some(came.map(|((at, _), answered)| (*at, !answered)).collect())
}

/// By number of the reply. When a lost one was sent is drawn from its neighbours: numbers count on as packets come.
/// `None` where there are more of them than can be.
fn each_down(train: &Train, numbers: &Numbers, replies: u32) -> Option<Vec<(i64, bool)>> {
    if replies as usize > train.sent.len().saturating_mul(MOST_COPIES) {
        return None;
    }
    let mut each = Vec::with_capacity(replies as usize);
    let mut before = train.sent.first()?.at;
    for (number, request) in &numbers.sorted {
        let at = train.sent.get(*request as usize)?.at;
        fill(&mut each, before, at, *number as usize);
        each.push((at, false));
        before = at;
    }
    fill(&mut each, before, train.sent.last()?.at, replies as usize);
    Some(each)
}

/// Lost ones up to the number `until`, spread evenly between two times.
fn fill(each: &mut Vec<(i64, bool)>, from: i64, to: i64, until: usize) {
    let missing = until.saturating_sub(each.len()) as i128;
    let span = i128::from(to) - i128::from(from);
    each.extend((1..=missing).map(|place| {
        let at = i128::from(from) + span * place / (missing + 1);
        (i64::try_from(at).unwrap_or(to), true)
    }));
}

fn answered(train: &Train, first: &[Trip]) -> Vec<bool> {
    let mut answered = vec![false; train.sent.len()];
    for trip in first {
        if let Some(answered) = answered.get_mut(trip.request as usize) {
            *answered = true;
        }
    }
    answered
}

fn count(packets: usize) -> u32 {
    u32::try_from(packets).unwrap_or(u32::MAX)
}
