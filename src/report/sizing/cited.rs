//! The documents' rows behind an answer, each once and by a number. Knows no format.

use crate::model::Source;

/// Rows in the order in which they were first cited.
#[derive(Default)]
pub(super) struct Cited<'s>(Vec<&'s Source>);

impl<'s> Cited<'s> {
    /// `[1] [4]`, the numbers of these rows.
    pub(super) fn marks(&mut self, sources: impl IntoIterator<Item = &'s Source>) -> String {
        let mut marks: Vec<usize> = Vec::new();
        for source in sources {
            let number = self.number(source);
            if !marks.contains(&number) {
                marks.push(number);
            }
        }
        marks.iter().map(|n| format!("[{n}]")).collect::<Vec<_>>().join(" ")
    }

    fn number(&mut self, source: &'s Source) -> usize {
        if let Some(place) = self.0.iter().position(|s| *s == source) {
            return place + 1;
        }
        self.0.push(source);
        self.0.len()
    }

    /// Numbers and rows by document, documents in the order in which they were first cited.
    pub(super) fn documents(&self) -> Vec<(&'s str, Vec<(usize, &'s Source)>)> {
        let mut documents: Vec<(&str, Vec<(usize, &Source)>)> = Vec::new();
        for (n, source) in self.0.iter().enumerate() {
            match documents.iter_mut().find(|(title, _)| *title == source.document) {
                Some((_, rows)) => rows.push((n + 1, source)),
                None => documents.push((&source.document, vec![(n + 1, source)])),
            }
        }
        documents
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_one_number_and_stands_under_its_document() {
        let source = |d: &str, row: &str| Source { document: d.into(), section: "s".into(), row: row.into() };
        let (a, b, c) = (source("one", "a"), source("two", "b"), source("one", "c"));
        let mut cited = Cited::default();
        assert_eq!(cited.marks([&a, &b, &a]), "[1] [2]");
        assert_eq!(cited.marks([&c, &a]), "[3] [1]");
        assert_eq!(cited.marks([]), "");
        assert_eq!(cited.documents(), [("one", vec![(1, &a), (3, &c)]), ("two", vec![(2, &b)])]);
    }
}
