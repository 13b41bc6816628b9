//! Renderers of sizes: the answer in, text out, one format a file. They reckon nothing and know no profile.

mod cited;
mod grid;
mod json;
mod markdown;
mod schema;
mod table;
mod words;

use crate::model::sizing::Sizes;

use super::Style;

pub(super) use markdown::escaped;
pub use schema::schema;

/// The formats of an answer on sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people, on a terminal.
    Table,
    /// One document, `rtc-check/sizing/1`.
    Json,
    /// For an offer or a ticket.
    Markdown,
}

/// Draws `sizes`. Every format ends with a newline; `style` matters to the table only.
pub fn render(sizes: &Sizes, format: Format, style: &Style) -> String {
    match format {
        Format::Table => table::render(sizes, style),
        Format::Json => json::render(sizes),
        Format::Markdown => markdown::render(sizes),
    }
}

#[cfg(test)]
mod tests;
