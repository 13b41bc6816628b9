//! Numbers to summaries: round trips, jitter, loss by direction, bursts, reordering, intervals, MOS. Pure; knows neither
//! where numbers came from nor any limit. What is undefined is `None`, never 0 and never NaN.

mod burst;
pub mod capacity;
mod direction;
mod distribution;
pub mod emodel;
mod interval;
mod looks;
mod oneway;
mod reorder;
mod rise;
#[cfg(test)]
mod simulate;
mod summary;
mod timeline;
mod train;
mod trip;
mod variation;

pub use distribution::{distribution, median, percentile};
pub use interval::{mean_interval, share_interval};
pub use looks::{Looks, ONE_LOOK, packets_to_decide};
pub use summary::summarise;
pub use timeline::{histogram, timeline};
pub use train::{
    Distribution, Far, Histogram, Interval, Late, Loss, Reply, Sent, Slot, Summary, Timeline, Train, Variation, Window,
};
