//! Renderers of comparisons: what two reports differ in, in text, one format a file. They compare nothing.

mod json;
mod markdown;
mod schema;
mod table;
mod words;

use crate::model::{Change, Comparison};

use super::Style;
use super::page::Page;

pub use schema::schema;

/// The formats of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people, on a terminal.
    Table,
    /// One document, `rtc-check/comparison/1`.
    Json,
    /// For a ticket.
    Markdown,
}

impl Format {
    /// Every format.
    pub const ALL: [Format; 3] = [Format::Table, Format::Json, Format::Markdown];
}

/// Draws `comparison`. Every format ends with a newline; `style` matters to the table only.
pub fn render(comparison: &Comparison, format: Format, style: &Style) -> String {
    match format {
        Format::Table => {
            let mut page = Page::new(style);
            table::draw(&mut page, comparison);
            page.finish()
        }
        Format::Json => json::render(comparison),
        Format::Markdown => markdown::render(comparison),
    }
}

/// The comparison below a report in its table.
pub(super) fn below(page: &mut Page, comparison: &Comparison) {
    page.blank();
    table::draw(page, comparison);
}

/// Parts of every format, in this order: what got worse stands first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Worse,
    Appeared,
    Changed,
    Better,
    Gone,
    Moved,
}

impl Part {
    const ALL: [Part; 6] = [Part::Worse, Part::Appeared, Part::Changed, Part::Better, Part::Gone, Part::Moved];

    fn heading(self) -> &'static str {
        match self {
            Part::Worse => "WORSE",
            Part::Appeared => "APPEARED",
            Part::Changed => "OTHERWISE",
            Part::Better => "BETTER",
            Part::Gone => "GONE",
            Part::Moved => "THE SAME AT ANOTHER ADDRESS",
        }
    }
}

/// The part that a change of something that counts or does not stands in. A problem that came is worse, one that went is
/// better: the reader looks there for it.
fn part(change: Change, came_as_problem: bool, went_as_problem: bool) -> Part {
    match change {
        Change::Worse => Part::Worse,
        Change::Appeared if came_as_problem => Part::Worse,
        Change::Gone if went_as_problem => Part::Better,
        Change::Better => Part::Better,
        Change::Appeared => Part::Appeared,
        Change::Gone => Part::Gone,
        Change::Changed => Part::Changed,
        Change::Same => Part::Moved,
    }
}
