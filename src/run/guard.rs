//! Nothing that is carried out is lost: a panic, a deadline that is not kept and the run's end each become an
//! observation. Does not know what is carried out.

use std::future::Future;
use std::time::Duration;

use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;

use crate::model::{Failure, FailureKind, Observation, ProbeKind, Step};

/// How long after its own deadline a check is cut off.
const LAST_RESORT: Duration = Duration::from_secs(10);

/// What a probe is given to wind up once the run ends.
const GRACE: Duration = Duration::from_millis(200);

/// What stands for a check that the run's end came before.
pub fn ended(kind: ProbeKind) -> Observation {
    let failure = Failure::new(Step::Connect, FailureKind::OutOfTime, "the run ended before this check did");
    Observation::failed(kind, failure)
}

/// Carries `probing` out in a task of its own, until the run ends.
pub async fn guarded(
    kind: ProbeKind,
    deadline: Duration,
    cancel: &CancellationToken,
    probing: impl Future<Output = Observation> + Send + 'static,
) -> Observation {
    if cancel.is_cancelled() {
        return ended(kind);
    }
    let mut handle = tokio::spawn(probing);
    let joined = tokio::select! {
        joined = &mut handle => joined,
        // Every probe keeps its deadline by itself; should one not, the run still ends.
        () = tokio::time::sleep(deadline + LAST_RESORT) => {
            handle.abort();
            let late = Failure::new(Step::Connect, FailureKind::OutOfTime, "the check outlasted its own deadline");
            return Observation::failed(kind, late);
        }
        () = cancel.cancelled() => {
            // A sweep or a train keeps what it has seen when it is given the moment to say so.
            match tokio::time::timeout(GRACE, &mut handle).await {
                Ok(joined) => joined,
                Err(_) => {
                    handle.abort();
                    return ended(kind);
                }
            }
        }
    };
    joined.unwrap_or_else(|error| crashed(kind, &error))
}

/// What stands for a probe that panicked.
pub fn crashed(kind: ProbeKind, error: &JoinError) -> Observation {
    let failure = Failure::new(
        Step::Connect,
        FailureKind::Internal,
        format!("the {kind} probe broke ({error}); this is a defect of rtc-check, please report it"),
    );
    Observation::failed(kind, failure)
}
