//! The answer as one JSON document: [`Sizes`]' own shape, indented, keys always in the same order.

use crate::model::sizing::Sizes;

/// The answer, indented by two, with a newline at its end.
pub(super) fn render(sizes: &Sizes) -> String {
    crate::report::json::pretty(sizes)
}
