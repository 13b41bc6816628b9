//! How many lines each part of the screen gets.

/// What there is to show.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    pub rows: usize,
    pub trips: usize,
    pub changes: usize,
    pub findings: usize,
}

/// Lines of each part, its title included; 0 where it has no room or nothing to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shares {
    pub rows: usize,
    pub trips: usize,
    pub changes: usize,
    pub findings: usize,
}

/// Checks are never fewer than so many while anything else has room.
const ROWS: usize = 5;

impl Wanted {
    /// Shares `lines` out: everything gets a little first, then checks what they need, then news the rest.
    pub fn of(self, lines: usize) -> Shares {
        let titled = |n: usize, most: usize| if n == 0 { 0 } else { n.min(most) + 1 };
        let mut shares = Shares {
            rows: 0,
            trips: titled(self.trips, if lines < 18 { 1 } else { 3 }),
            changes: titled(self.changes.max(1), if lines < 18 { 2 } else { 4 }),
            findings: titled(self.findings, if lines < 18 { 2 } else { 3 }),
        };
        let least = ROWS.min(self.rows.max(1) + 1);
        for part in [&mut shares.trips, &mut shares.findings, &mut shares.changes] {
            *part = (*part).min(lines.saturating_sub(least));
            if *part < 2 {
                *part = 0;
            }
        }
        while shares.trips + shares.changes + shares.findings + least > lines {
            match shares {
                Shares { trips: 1.., .. } => shares.trips = 0,
                Shares { findings: 1.., .. } => shares.findings = 0,
                Shares { changes: 1.., .. } => shares.changes = 0,
                _ => break,
            }
        }
        let rest = lines.saturating_sub(shares.trips + shares.changes + shares.findings);
        let spare = rest.saturating_sub(self.rows.max(1) + 1);
        let more = |n: usize, has: usize, spare: usize| (n + 1).saturating_sub(has).min(spare);
        if shares.changes > 0 {
            shares.changes += more(self.changes, shares.changes, spare);
        }
        let spare = lines.saturating_sub(self.rows.max(1) + 1 + shares.trips + shares.changes + shares.findings);
        if shares.findings > 0 {
            shares.findings += more(self.findings, shares.findings, spare);
        }
        shares.rows = lines.saturating_sub(shares.trips + shares.changes + shares.findings);
        shares
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_line_is_given_once(
            rows in 0usize..100, trips in 0usize..9, changes in 0usize..99, findings in 0usize..20, lines in 0usize..90,
        ) {
            let Shares { rows: shown, trips: t, changes: c, findings: f } = Wanted { rows, trips, changes, findings }.of(lines);
            prop_assert_eq!(shown + t + c + f, lines);
            prop_assert!([t, c, f].iter().all(|n| *n != 1), "no title without a line");
            prop_assert!(shown >= ROWS.min(rows.max(1) + 1).min(lines), "checks come first");
            prop_assert!(t <= trips + 1 && c <= changes.max(1) + 1 && f <= findings + 1);
        }
    }
}
