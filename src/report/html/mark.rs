//! Marks of a status: a sign and a word, so that colour is never alone.

use maud::{Markup, html};

use crate::model::Status;

/// The sign of a status, as on a terminal.
pub(super) fn sign(status: Status) -> &'static str {
    match status {
        Status::Pass => "✓",
        Status::Warn => "!",
        Status::Unknown => "?",
        Status::Fail => "✗",
        Status::Skip => "–",
    }
}

/// Sign and word.
pub(super) fn badge(status: Status) -> Markup {
    html! {
        span class={ "badge " (status.as_str()) } { span aria-hidden="true" { (sign(status)) } " " (status.as_str()) }
    }
}
