//! What a Prometheus exporter decides: what a scrape's query asks for, which hosts may be asked at all, how long a run may
//! take, who may ask (the web configuration of Prometheus' exporters), and its own metrics as text. Knows no socket, no
//! clock and no profile; a run is carried out elsewhere.

pub mod allow;
pub mod basic;
pub mod patience;
pub mod query;
pub mod tally;
pub mod web;

pub use allow::{AllowList, Entry};
pub use query::Query;
pub use tally::{Outcome, Refusal, Tally};
pub use web::Web;
