//! Reports that are sent run after run, one at a time: what is still under way when the next run begins is let go, so
//! that nothing waits for a receiver and nothing piles up. It is told when sending begins to fail and when it works again,
//! and not run by run; nothing is printed here.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::task::JoinHandle;

use super::Sending;
use super::errand::Errand;
use crate::cli::{Unusable, signal};
use crate::model::Report;
use crate::net::push::Again;
use crate::report::{self, Format, Style};

/// How long the last report may take where watching ends by itself: as long as that of a single run.
pub const WHOLE: Duration = Duration::from_secs(60);

/// How long it may where somebody ends the watching.
pub const PATIENCE: Duration = Duration::from_secs(2);

/// Sends one report after another.
pub struct Repeated {
    sending: Sending,
    under_way: Option<UnderWay>,
    state: State,
}

/// The report of one run on its way.
struct UnderWay {
    run: u64,
    fates: Arc<Mutex<Vec<Fate>>>,
    handle: JoinHandle<()>,
}

/// What became of one part.
struct Fate {
    what: &'static str,
    /// `None` until it is known.
    sent: Option<Result<(), String>>,
    /// Why the last attempt came to nothing, or who has not answered.
    waits: String,
}

impl Repeated {
    pub fn new(sending: Sending) -> Self {
        Self { sending, under_way: None, state: State::default() }
    }

    /// Begins to send the report of a run, in the background; answers what is to be told now.
    pub fn begin(&mut self, run: u64, report: &Report) -> Vec<String> {
        let mut told = Vec::new();
        let json = report::render(report, Format::Json, &Style::default());
        match self.sending.errands(report, &json) {
            Ok(errands) => self.under_way = Some(UnderWay::begin(run, errands)),
            Err(Unusable(error)) => {
                told.extend(self.state.take(run, vec![("everything", format!("nothing could be sent: {error}"))]));
            }
        }
        told
    }

    /// Lets go of what is under way, so that the run that begins is alone on the wire; answers what is to be told.
    pub async fn make_way(&mut self) -> Option<String> {
        self.let_go("when the next run began").await
    }

    /// When what is under way is over, what is to be told of it; never, where nothing is.
    pub async fn ended(this: &mut Option<Self>) -> Option<String> {
        let Some(this) = this else { return std::future::pending().await };
        match &mut this.under_way {
            Some(under_way) => drop((&mut under_way.handle).await),
            None => std::future::pending().await,
        }
        this.settle("and sending broke off, which is a mistake in rtc-check")
    }

    /// Gives what is under way so much time, or until a signal comes; answers what is to be told, and what could not be sent
    /// of the last report.
    pub async fn finish(mut self, time: Duration) -> (Option<String>, Option<String>) {
        if let Some(under_way) = &mut self.under_way {
            tokio::select! {
                _ = &mut under_way.handle => {}
                () = signal::ended() => {}
                () = tokio::time::sleep(time) => {}
            }
        }
        (self.let_go("when watching ended").await, self.state.words().map(str::to_owned))
    }

    /// What could not be sent, for as long as that is so.
    pub fn words(&self) -> Option<&str> {
        self.state.words()
    }

    async fn let_go(&mut self, when: &str) -> Option<String> {
        if let Some(under_way) = self.under_way.as_mut().filter(|under_way| !under_way.handle.is_finished()) {
            under_way.handle.abort();
            drop((&mut under_way.handle).await);
        }
        self.settle(&format!("and it was let go {when}"))
    }

    /// `end`: how it ended for what nobody answered.
    fn settle(&mut self, end: &str) -> Option<String> {
        let UnderWay { run, fates, .. } = self.under_way.take()?;
        let failed = |fate: &Fate| match &fate.sent {
            Some(Ok(())) => None,
            Some(Err(words)) => Some((fate.what, words.clone())),
            None => Some((fate.what, format!("{} may not have arrived: {}, {end}", fate.what, fate.waits))),
        };
        let failed = locked(&fates).iter().filter_map(failed).collect();
        self.state.take(run, failed)
    }
}

impl UnderWay {
    fn begin(run: u64, errands: Vec<Errand>) -> Self {
        let new = |e: &Errand| Fate { what: e.what, sent: None, waits: format!("{} has not answered", e.parcel.to) };
        let fates = Arc::new(Mutex::new(errands.iter().map(new).collect::<Vec<_>>()));
        let told = Arc::clone(&fates);
        let handle = tokio::spawn(async move {
            join_all(errands.iter().enumerate().map(|(n, errand)| carried(errand, n, &told))).await;
        });
        Self { run, fates, handle }
    }
}

/// Carries one part and notes how that goes.
async fn carried(errand: &Errand, n: usize, fates: &Mutex<Vec<Fate>>) {
    let again = |again: &Again<'_>| {
        locked(fates).get_mut(n).into_iter().for_each(|fate| again.why.clone_into(&mut fate.waits));
    };
    let sent = errand.carry(again).await.map(drop);
    if let Some(fate) = locked(fates).get_mut(n) {
        fate.sent = Some(sent);
    }
}

/// A panic while it was held has been told; what it knows is still right.
fn locked(fates: &Mutex<Vec<Fate>>) -> MutexGuard<'_, Vec<Fate>> {
    fates.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether sending works.
#[derive(Default)]
struct State(Option<Failing>);

struct Failing {
    what: Vec<&'static str>,
    words: String,
    runs: u64,
}

impl State {
    /// Takes what could not be sent of a run; answers a sentence where that is news.
    fn take(&mut self, run: u64, failed: Vec<(&'static str, String)>) -> Option<String> {
        if failed.is_empty() {
            let Failing { runs, .. } = self.0.take()?;
            let before = if runs == 1 { "one run".to_owned() } else { format!("{runs} runs") };
            return Some(format!("sending works again: run {run} is sent, {before} before it could not be"));
        }
        let (what, sentences): (Vec<_>, Vec<_>) = failed.into_iter().unzip();
        let is_news = self.0.as_ref().is_none_or(|failing| failing.what != what);
        let words = format!("run {run}: {}", sentences.join("; "));
        let runs = self.0.as_ref().map_or(0, |failing| failing.runs) + 1;
        self.0 = Some(Failing { what, words: words.clone(), runs });
        is_news.then_some(words)
    }

    fn words(&self) -> Option<&str> {
        self.0.as_ref().map(|failing| failing.words.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_when_sending_begins_to_fail_what_else_fails_and_when_it_works_again() {
        let mut state = State::default();
        let mut told = |run, what: &[&'static str]| {
            let failed = what.iter().map(|what| (*what, format!("could not send {what}")));
            let told = state.take(run, failed.collect()).unwrap_or_default();
            (told, state.words().map(str::to_owned).unwrap_or_default())
        };
        assert_eq!(told(1, &[]), (String::new(), String::new()));
        let words = "run 2: could not send the report".to_owned();
        assert_eq!(told(2, &["the report"]), (words.clone(), words));
        assert_eq!(told(3, &["the report"]), (String::new(), "run 3: could not send the report".to_owned()));
        assert!(told(4, &["the report", "the trace"]).0.starts_with("run 4: could not send the report; could not"));
        let again = "sending works again: run 5 is sent, 3 runs before it could not be".to_owned();
        assert_eq!(told(5, &[]), (again, String::new()));
        assert_eq!(told(6, &[]), (String::new(), String::new()));
    }
}
