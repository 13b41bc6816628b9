//! The way that media would take, by role, where it is another.

use std::collections::BTreeMap;

use crate::model::{Change, Report, RoleName, Way, WayChange};

/// The best way of each role in both reports; roles of which either report tried none are left out.
pub(super) fn changes(before: &Report, after: &Report) -> Vec<WayChange> {
    let (ours, theirs) = (taken(before), taken(after));
    let both = theirs.into_iter().filter_map(|(role, now)| Some((role, *ours.get(role)?, now)));
    let change = |(role, before, after): (&RoleName, Option<Way>, Option<Way>)| WayChange {
        change: between(before, after),
        role: role.clone(),
        before,
        after,
    };
    both.map(change).filter(|way| way.change != Change::Same).collect()
}

/// By role that has a direct way, the one that a call takes: that, or else the relays' best; `None` where none is left.
fn taken(report: &Report) -> BTreeMap<&RoleName, Option<Way>> {
    let relay = report.ways.iter().filter(|row| row.used && row.way != Way::DirectUdp).map(|row| row.way).min();
    let mut taken = BTreeMap::new();
    for row in report.ways.iter().filter(|row| row.way == Way::DirectUdp) {
        let way = taken.entry(&row.role).or_insert(relay);
        if row.used {
            *way = Some(Way::DirectUdp);
        }
    }
    taken
}

/// Ways stand in the order in which a call prefers them.
fn between(before: Option<Way>, after: Option<Way>) -> Change {
    let rank = |way: Option<Way>| (way.is_none(), way);
    match rank(after).cmp(&rank(before)) {
        std::cmp::Ordering::Less => Change::Better,
        std::cmp::Ordering::Equal => Change::Same,
        std::cmp::Ordering::Greater => Change::Worse,
    }
}
