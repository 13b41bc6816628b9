//! FTP.

use crate::model::{Facts, Status};

pub fn status(_facts: &Facts) -> Status {
    Status::Pass
}

pub fn words(_facts: &Facts) -> String {
    "is open".to_owned()
}
