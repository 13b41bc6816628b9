//! The name that was probably meant. Knows only words.

/// Names longer than this are not compared.
const LONGEST: usize = 40;

/// The candidate nearest to `name`, if it is near enough to have been meant.
pub fn nearest<'c>(name: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let length = name.chars().count();
    if length > LONGEST {
        return None;
    }
    let bound = (length / 3).max(1);
    let distances = candidates.into_iter().map(|c| (distance(name, c), c));
    distances.filter(|(d, _)| *d <= bound).min_by_key(|(d, _)| *d).map(|(_, c)| c)
}

/// ` (did you mean `...`?)`, to stand behind the name itself; or nothing.
pub fn meant<'c>(name: &str, candidates: impl IntoIterator<Item = &'c str>) -> String {
    nearest(name, candidates).map(|c| format!(" (did you mean `{c}`?)")).unwrap_or_default()
}

/// `, did you mean ...?`, or nothing.
pub(super) fn did_you_mean<'c>(name: &str, candidates: impl IntoIterator<Item = &'c str>) -> String {
    nearest(name, candidates).map(|c| format!(", did you mean `{c}`?")).unwrap_or_default()
}

/// Edit distance in which two neighbours that changed places count once (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let (mut before, mut row): (Vec<usize>, Vec<usize>) = (Vec::new(), (0..=b.len()).collect());
    let mut previous = None;
    for (i, ca) in a.chars().enumerate() {
        let mut next = vec![i + 1];
        for (j, cb) in b.iter().enumerate() {
            let cell = |row: &[usize], j: usize| row.get(j).copied().unwrap_or(usize::MAX - 1);
            let mut here = (cell(&row, j) + usize::from(ca != *cb)).min(cell(&row, j + 1) + 1).min(cell(&next, j) + 1);
            let swapped = j > 0 && previous == Some(*cb) && b.get(j - 1) == Some(&ca);
            if swapped {
                here = here.min(cell(&before, j - 1) + 1);
            }
            next.push(here);
        }
        before = std::mem::replace(&mut row, next);
        previous = Some(ca);
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (a, b, d) in [
            ("", "", 0),
            ("", "abc", 3),
            ("kitten", "sitting", 3),
            ("htps", "https", 1),
            ("wss", "ws", 1),
            ("prot", "port", 1),
        ] {
            assert_eq!(distance(a, b), d, "{a} {b}");
            assert_eq!(distance(b, a), d, "{b} {a}");
        }
    }

    #[test]
    fn only_a_near_name_is_offered() {
        let names = ["http", "https", "wss"];
        assert_eq!(nearest("htps", names), Some("https"));
        assert_eq!(nearest("httpss", names), Some("https"));
        assert_eq!(nearest("carrier-pigeon", names), None);
    }
}
