//! A run in the background, which can be looked at and broken off.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::under_way::UnderWay;
use crate::cli::Unusable;
use crate::cli::check::{self, Job};
use crate::model::Report;

/// How many addresses a name is taken to have, for the longest time of a run.
const ADDRESSES: u32 = 2;

/// How long a run that is broken off may take to give back what it holds at the far end.
const PATIENCE: Duration = Duration::from_secs(2);

pub struct Task {
    handle: JoinHandle<Report>,
    stop: Option<oneshot::Sender<()>>,
    pub under_way: Arc<UnderWay>,
    /// The longest that it can take.
    pub longest: Duration,
}

impl Task {
    /// Begins a run.
    pub fn begin(job: Job) -> Self {
        let under_way = Arc::new(UnderWay::default());
        let longest = job.tuning.longest(&job.plan, ADDRESSES);
        let (stop, stopped) = oneshot::channel::<()>();
        let until = async {
            let _ = stopped.await;
        };
        let sink: Arc<UnderWay> = Arc::clone(&under_way);
        let handle = tokio::spawn(check::run(job, sink, until));
        Self { handle, stop: Some(stop), under_way, longest }
    }

    /// The report of a run that has ended; never, where there is no run.
    ///
    /// # Errors
    /// It panicked.
    pub async fn ended(task: &mut Option<Task>) -> Result<Report, Unusable> {
        match task {
            Some(task) => {
                let ended = (&mut task.handle).await;
                ended.map_err(|e| Unusable(format!("a run broke off, which is a mistake in rtc-check: {e}")))
            }
            None => std::future::pending().await,
        }
    }

    /// Breaks it off, gives it a moment to end well, and has it ended then in any case.
    pub async fn stop(mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        // Dropping the handle alone would let it go on, beside the run that takes its place.
        if tokio::time::timeout(PATIENCE, &mut self.handle).await.is_err() {
            self.handle.abort();
            let _ = self.handle.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_run_that_does_not_end_when_it_is_told_to_is_ended() {
        let (held, mut seen) = oneshot::channel::<()>();
        let handle = tokio::spawn(async move {
            let _held = held;
            std::future::pending::<Report>().await
        });
        let under_way = Arc::new(UnderWay::default());
        Task { handle, stop: None, under_way, longest: Duration::ZERO }.stop().await;
        assert_eq!(seen.try_recv(), Err(oneshot::error::TryRecvError::Closed));
    }
}
