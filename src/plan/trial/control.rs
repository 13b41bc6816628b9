//! Control names: public hosts that have nothing to do with the platform, whose certificates show what signs everything here.
//! Nothing is contacted that the operator does not name.

use crate::model::{Need, RoleName};

use super::{Request, Trial, TrialKind, bare};

/// The word for them, and their role.
pub(super) const CONTROL: &str = "control";

/// Those that the operator names, each once.
pub(super) fn controls(request: &Request) -> Vec<Trial> {
    let mut all: Vec<Trial> = Vec::new();
    for (host, port) in &request.controls {
        let trial = bare(TrialKind::Control(*port), RoleName::from(CONTROL), host.clone(), Need::Optional);
        if !all.contains(&trial) {
            all.push(trial);
        }
    }
    all
}
