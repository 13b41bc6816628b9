//! GRE.

use crate::model::{Facts, Status};

/// Nothing was sent; it says so in `fallback`.
pub fn status(_facts: &Facts) -> Status {
    Status::Unknown
}

pub fn words(_facts: &Facts) -> String {
    "was not probed".to_owned()
}
