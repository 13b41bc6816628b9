//! Ticks at given times from a thread of their own, to a tenth of a millisecond where a runtime's timers round to whole
//! ones. Knows not what they are for.

use std::io;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::clock;

/// Ticks that wait to be taken: who is so late has missed them.
const WAITING: usize = 256;

/// A tick at each of `dues` after `start`, which must not fall: its index. One that nobody takes in time waits; the thread
/// ends with the receiver.
///
/// # Errors
/// No thread could be started.
pub fn at(start: Instant, dues: Vec<Duration>) -> io::Result<mpsc::Receiver<usize>> {
    let (tick, ticks) = mpsc::channel(WAITING);
    let run = move || {
        for (index, due) in dues.into_iter().enumerate() {
            let wait = (start + due).saturating_duration_since(clock::now());
            if !wait.is_zero() {
                std::thread::sleep(wait);
            }
            if tick.blocking_send(index).is_err() {
                return;
            }
        }
    };
    std::thread::Builder::new().name("ticks".to_owned()).spawn(run)?;
    Ok(ticks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_tick_comes_in_order_and_never_early() {
        let start = clock::now();
        let dues: Vec<_> = (0..20).map(Duration::from_millis).collect();
        let mut ticks = at(start, dues.clone()).unwrap();
        for (index, due) in dues.into_iter().enumerate() {
            assert_eq!(ticks.recv().await, Some(index));
            assert!(clock::now() >= start + due);
        }
        assert_eq!(ticks.recv().await, None);
    }
}
