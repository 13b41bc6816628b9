//! A run in a visitor's browser: what a plan asks of it, and what it has seen as observations of that plan. Judged where
//! every run is judged. Pure; knows no page, no socket and no clock.

mod ask;
mod relay;
mod told;
mod train;
mod tried;

use std::net::IpAddr;

use crate::judge::{self, Meta};
use crate::model::{CallMode, Host, Report, RoleName, TurnUri};
use crate::plan::{Plan, Request, UsageErrors};
use crate::profile::Profile;

pub use ask::{Login, ask, sources};
pub use told::{MOST_BYTES, Told, read};

/// Kinds of trials that a browser knows nothing of.
const NOT_HERE: [&str; 4] = ["nat", "control", "portal", "path"];

/// What is known of a visit beside what the page tells.
#[derive(Clone, Debug)]
pub struct Around {
    /// The responder, as the visitor's address bar names it.
    pub here: Host,
    /// Where the browser was told to send UDP.
    pub address: Option<IpAddr>,
    /// Browsers reach that address for certain, so that its silence is the network's.
    pub certain: bool,
    /// The responder sends media back.
    pub peer: bool,
}

/// What the operator lets browsers test.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// Vantage; `None`: the profile's default.
    pub from: Option<String>,
    /// Options that differ from their default.
    pub options: std::collections::BTreeMap<String, bool>,
    /// Moved ports of rules.
    pub ports: std::collections::BTreeMap<crate::model::RuleId, crate::model::PortRange>,
    /// Roles that the responder stands in for, at the host of the visitor's address bar.
    pub served: Vec<RoleName>,
    /// Hosts of the platform itself, by role.
    pub targets: std::collections::BTreeMap<RoleName, Vec<Host>>,
    /// Further relays.
    pub turn: Vec<TurnUri>,
}

/// The plan of one visit to the responder at `here`.
///
/// # Errors
/// What is wrong with the scope.
pub fn plan(profile: &Profile, scope: &Scope, here: &Host) -> Result<Plan, UsageErrors> {
    let mut targets = scope.targets.clone();
    for role in &scope.served {
        targets.entry(role.clone()).or_insert_with(|| vec![here.clone()]);
    }
    // Whoever serves some roles of a profile has those tested.
    let required = |role: &RoleName| profile.roles.get(role).is_some_and(|r| r.hosts.is_empty() && !r.optional);
    let is_whole = profile.roles.keys().all(|role| targets.contains_key(role) || !required(role));
    let mut only: Vec<String> = Vec::new();
    if !is_whole {
        only.extend(targets.keys().map(ToString::to_string));
        only.extend(["ice", "quality", "bandwidth"].map(str::to_owned));
        only.extend((!scope.turn.is_empty()).then(|| "turn".to_owned()));
    }
    let request = Request {
        only,
        from: scope.from.iter().cloned().collect(),
        options: scope.options.clone(),
        ports: scope.ports.clone(),
        targets,
        turn: scope.turn.clone(),
        call: CallMode::Never,
        skip: NOT_HERE.map(str::to_owned).to_vec(),
        ..Request::default()
    };
    Plan::new(profile, &request)
}

/// Judges what a page told of its visit.
pub fn judge(plan: &Plan, told: &Told, around: &Around, meta: &Meta) -> Report {
    judge::judge(plan, &tried::seen(plan, told, around), meta)
}

#[cfg(test)]
mod tests;
