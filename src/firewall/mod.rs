//! Firewall requests, from a plan (what the documents ask for) or from a report (what failed). Pure: knows no sockets, no
//! file and no format; names are still names when it is done.

mod fate;
mod from_plan;
mod from_report;
mod openings;
mod words;

pub use from_plan::{Around, from_plan};
pub use from_report::{Kept, LeftOut, Mended, from_report};
