//! The name that was probably meant. Knows only words.

/// Names longer than this are not compared.
const LONGEST: usize = 40;

/// The candidate nearest to `name`, if it is near enough to have been meant.
pub(super) fn nearest<'c>(name: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let length = name.chars().count();
    if length > LONGEST {
        return None;
    }
    let bound = (length / 3).max(1);
    let distances = candidates.into_iter().map(|c| (distance(name, c), c));
    distances.filter(|(d, _)| *d <= bound).min_by_key(|(d, _)| *d).map(|(_, c)| c)
}

/// `, did you mean ...?`, or nothing.
pub(super) fn did_you_mean<'c>(name: &str, candidates: impl IntoIterator<Item = &'c str>) -> String {
    nearest(name, candidates).map(|c| format!(", did you mean `{c}`?")).unwrap_or_default()
}

/// Edit distance (Levenshtein), one row at a time.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, cb) in row.iter_mut().skip(1).zip(&b) {
            let here = (diagonal + usize::from(ca != *cb)).min(left + 1).min(*cell + 1);
            diagonal = std::mem::replace(cell, here);
            left = here;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (a, b, d) in [("", "", 0), ("", "abc", 3), ("kitten", "sitting", 3), ("htps", "https", 1), ("wss", "ws", 1)]
        {
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
