//! The trips of a train's packets, with those delays that can be believed. All times are nanoseconds in 128 bits:
//! sums of whatever a peer claims fit.

use super::train::{Reply, Train};

/// One reply, as far as it is one: to a packet that was sent, and after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Trip {
    pub(super) request: u32,
    /// The far end's number of the reply.
    pub(super) number: u32,
    /// From send to reply, less what the far end says it took; the whole where what it says cannot be.
    pub(super) round: i128,
    pub(super) ways: Option<Ways>,
}

/// Delay of each way, offset by the difference of the clocks, and when the request came, on the far end's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ways {
    pub(super) up: i128,
    pub(super) down: i128,
    pub(super) came: i64,
}

/// Trips in the order in which the replies came back, duplicates too, and how many of them bear far times that cannot be:
/// less than no time between them, or more than the whole round trip took.
pub(super) fn trips(train: &Train) -> (Vec<Trip>, u32) {
    let trips: Vec<Trip> = train.replies.iter().filter_map(|reply| trip(train, reply)).collect();
    let timed = train.replies.iter().filter(|reply| reply.far.is_some() && trip(train, reply).is_some()).count();
    let believed = trips.iter().filter(|trip| trip.ways.is_some()).count();
    (trips, u32::try_from(timed - believed).unwrap_or(u32::MAX))
}

fn trip(train: &Train, reply: &Reply) -> Option<Trip> {
    let sent = i128::from(train.sent.get(reply.request as usize)?.at);
    let back = i128::from(reply.back);
    let ways = reply.far.map(|(came, left)| Ways { up: i128::from(came) - sent, down: back - i128::from(left), came });
    // Both ways together are the round trip without the far end's part, which lies between nothing and all of it.
    let ways = ways.filter(|ways| (0..=back - sent).contains(&(ways.up + ways.down)));
    let round = ways.map_or(back - sent, |ways| ways.up + ways.down);
    (back >= sent).then_some(Trip { request: reply.request, number: reply.number, round, ways })
}

/// Of each request the first reply to come back, in that order; `sent` is how many requests there are.
pub(super) fn first_back(trips: &[Trip], sent: usize) -> Vec<Trip> {
    let mut answered = vec![false; sent];
    let mut first =
        |trip: &&Trip| answered.get_mut(trip.request as usize).is_some_and(|before| !std::mem::replace(before, true));
    trips.iter().filter(|trip| first(trip)).copied().collect()
}

/// Of each request the first copy to reach the far end, in the order in which they came there: by its numbers where it
/// keeps any, else by its clock.
pub(super) fn first_came(trips: &[Trip], stateful: bool, sent: usize) -> Vec<Trip> {
    let mut ordered = trips.to_vec();
    let came = |trip: &Trip| trip.ways.map_or(i64::MIN, |ways| ways.came);
    ordered.sort_by_key(|trip| (if stateful { trip.number } else { 0 }, came(trip)));
    first_back(&ordered, sent)
}

/// Nanoseconds to milliseconds.
pub(super) fn ms(nanos: i128) -> f64 {
    nanos as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::super::train::Sent;
    use super::*;

    fn train(replies: Vec<Reply>) -> Train {
        let sent = (0..3).map(|n| Sent { at: n * 20, late: 0, len: 100 }).collect();
        Train { sent, replies, stateful: true, ..Train::default() }
    }

    fn reply(request: u32, number: u32, back: i64, far: Option<(i64, i64)>) -> Reply {
        Reply { request, number, back, far }
    }

    #[test]
    fn the_far_ends_part_is_taken_out_of_the_round_trip() {
        let (trips, unbelievable) = trips(&train(vec![reply(1, 0, 70, Some((1_000, 1_007)))]));
        assert_eq!(unbelievable, 0);
        assert_eq!(trips[0].round, 50 - 7);
        assert_eq!(trips[0].ways, Some(Ways { up: 980, down: -937, came: 1_000 }));
    }

    #[test]
    fn far_times_that_cannot_be_are_counted_and_not_used() {
        let lies = [(5, 4), (0, 51), (i64::MIN, i64::MAX), (i64::MAX, i64::MIN)];
        let (trips, unbelievable) = trips(&train(lies.iter().map(|far| reply(0, 0, 50, Some(*far))).collect()));
        assert_eq!(unbelievable, 4);
        assert!(trips.iter().all(|trip| trip.round == 50 && trip.ways.is_none()));
    }

    #[test]
    fn replies_to_nothing_or_from_before_their_request_are_none() {
        let (trips, _) =
            trips(&train(vec![reply(3, 0, 90, None), reply(u32::MAX, 0, 90, None), reply(2, 0, 39, None)]));
        assert_eq!(trips, []);
    }

    #[test]
    fn duplicates_count_once_by_the_first_of_each_end() {
        // The request 0 came twice; the reply to its second copy, number 1, overtook the first's.
        let replies =
            vec![reply(0, 1, 50, Some((7, 7))), reply(0, 0, 60, Some((5, 5))), reply(1, 2, 70, Some((30, 30)))];
        let (trips, _) = trips(&train(replies));
        assert_eq!(first_back(&trips, 3).iter().map(|trip| trip.number).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(first_came(&trips, true, 3).iter().map(|trip| trip.number).collect::<Vec<_>>(), [0, 2]);
        assert_eq!(first_came(&trips, false, 3).iter().map(|trip| trip.number).collect::<Vec<_>>(), [0, 2]);
    }
}
