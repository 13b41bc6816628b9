//! Numbers to summaries: round trips, jitter, loss by direction, bursts, reordering, intervals, MOS. Pure; knows neither
//! where numbers came from nor any limit. What is undefined is `None`, never 0 and never NaN.

mod train;

pub use train::{Distribution, Far, Interval, Late, Loss, Reply, Sent, Summary, Train, Variation, Window, summarise};
