//! Which check of one report is which of the other: by id, else by rule and host where the address is another, else by
//! rule alone where its hosts are as many on both sides.

use std::collections::BTreeMap;

use crate::model::{Check, MatchedBy};

/// A check in both reports, or in one.
pub(super) struct Pair<'a> {
    pub before: Option<&'a Check>,
    pub after: Option<&'a Check>,
    pub matched: Option<MatchedBy>,
}

/// Every check of both reports, once: in the order of `after`, then what only `before` has.
pub(super) fn pairs<'a>(before: &'a [Check], after: &'a [Check]) -> Vec<Pair<'a>> {
    let mut open = Open { before, after, to_after: vec![None; before.len()], to_before: vec![None; after.len()] };
    open.join(MatchedBy::Id, |c| c.id.clone(), |_, _| true);
    // The same family first: a host that lost an address is not taken to have moved to the other family.
    let family = |c: &Check| c.address.map(|a| a.is_ipv4());
    open.join(MatchedBy::Target, |c| (kind(c), c.target.clone(), family(c)), |_, _| true);
    open.join(MatchedBy::Target, |c| (kind(c), c.target.clone()), |_, _| true);
    open.join(MatchedBy::Rule, |c| (kind(c), family(c)), |a, b| a == b);
    open.join(MatchedBy::Rule, kind, |a, b| a == b);
    open.pairs()
}

/// What makes two checks ask the same.
fn kind(check: &Check) -> (String, String) {
    (check.name().to_owned(), check.role.as_str().to_owned())
}

struct Open<'a> {
    before: &'a [Check],
    after: &'a [Check],
    to_after: Vec<Option<(usize, MatchedBy)>>,
    to_before: Vec<Option<(usize, MatchedBy)>>,
}

impl<'a> Open<'a> {
    /// Joins checks of equal key that have no partner yet, in their order, where `fair` takes how many each side has.
    fn join<K: Ord>(&mut self, by: MatchedBy, key: impl Fn(&Check) -> K, fair: impl Fn(usize, usize) -> bool) {
        let mut free: BTreeMap<K, [Vec<usize>; 2]> = BTreeMap::new();
        for (side, (checks, taken)) in [(self.before, &self.to_after), (self.after, &self.to_before)].iter().enumerate()
        {
            for (n, check) in checks.iter().enumerate().filter(|(n, _)| taken.get(*n).is_some_and(Option::is_none)) {
                let [ours, theirs] = free.entry(key(check)).or_default();
                if side == 0 { ours.push(n) } else { theirs.push(n) }
            }
        }
        for [ours, theirs] in free.values().filter(|[a, b]| fair(a.len(), b.len())) {
            for (a, b) in ours.iter().zip(theirs) {
                if let (Some(to_b), Some(to_a)) = (self.to_after.get_mut(*a), self.to_before.get_mut(*b)) {
                    (*to_b, *to_a) = (Some((*b, by)), Some((*a, by)));
                }
            }
        }
    }

    fn pairs(self) -> Vec<Pair<'a>> {
        let of_after = self.after.iter().zip(&self.to_before).map(|(check, partner)| Pair {
            before: partner.and_then(|(n, _)| self.before.get(n)),
            after: Some(check),
            matched: partner.map(|(_, by)| by),
        });
        let rest = self.before.iter().zip(&self.to_after).filter(|(_, partner)| partner.is_none());
        let rest = rest.map(|(check, _)| Pair { before: Some(check), after: None, matched: None });
        of_after.chain(rest).collect()
    }
}
