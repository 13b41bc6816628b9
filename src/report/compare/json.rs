//! The comparison as one JSON document.

use crate::model::Comparison;
use crate::report::json::pretty;

pub(super) fn render(comparison: &Comparison) -> String {
    pretty(comparison)
}
