//! One probe: a query into the same flags that the command line has, held against the list of hosts, and a run that ends
//! with its scraper.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use hyper::StatusCode;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;

use crate::cli::args::{CheckArgs, Ip};
use crate::cli::check::{self, Job};
use crate::cli::exit::{self, Codes, End};
use crate::cli::request;
use crate::exporter::{Outcome, Query, Refusal, patience, query, tally};
use crate::model::{Ended, Host, Report, Silent, Status};
use crate::net::clock;
use crate::plan::Plan;
use crate::profile::Profile;
use crate::report::{self, Format, Style};
use crate::run::Permit;

use super::Site;

/// What is measured under load, which takes sessions on responders and much of a scrape's time.
const MEASURED: [&str; 2] = ["quality", "bandwidth"];

/// What a request says.
pub struct Asked<'a> {
    pub query: &'a str,
    /// Prometheus' header.
    pub timeout: Option<&'a str>,
    /// When it came.
    pub at: Instant,
}

/// Why nothing is probed.
pub struct Refused {
    pub status: StatusCode,
    pub why: Refusal,
    pub sentence: String,
}

fn refused(status: StatusCode, why: Refusal, sentence: impl Into<String>) -> Refused {
    Refused { status, why, sentence: sentence.into() }
}

fn wrong(sentence: impl Into<String>) -> Refused {
    refused(StatusCode::BAD_REQUEST, Refusal::Query, sentence)
}

fn not_allowed(sentence: impl Into<String>) -> Refused {
    refused(StatusCode::FORBIDDEN, Refusal::NotAllowed, sentence)
}

/// A run that may begin.
pub struct Ready {
    job: Job,
    /// When it was asked for, from which on the scraper waits.
    asked: Instant,
    /// For the log.
    what: String,
}

/// Reads, plans and holds against the list; nothing is looked up or sent.
pub fn prepare(asked: &Asked<'_>, site: &Site) -> Result<Ready, Refused> {
    if asked.query.len() > query::LONGEST {
        let sentence = format!("the query is longer than {} bytes", query::LONGEST);
        return Err(refused(StatusCode::URI_TOO_LONG, Refusal::Query, sentence));
    }
    let query = query::parse(asked.query).map_err(wrong)?;
    let budget = patience::budget(asked.timeout, query.timeout).map_err(wrong)?;
    let profile = profile(&query, site)?;
    let roles: Vec<(&str, bool)> =
        profile.roles.iter().map(|(name, role)| (name.as_str(), role.hosts.is_empty() && !role.optional)).collect();
    let bound = query.bound(&roles).map_err(wrong)?;
    if let Some(sentence) = bound.iter().find_map(|(_, host)| site.allow.refusal(host)) {
        return Err(not_allowed(sentence));
    }
    let args = arguments(&query, profile, &bound, site, budget)?;
    let planned = check::planned(&args, &site.config, profile).map_err(|e| wrong(in_queries_words(&e.0)))?;
    if let Some(sentence) = unlisted(&planned.plan, site) {
        return Err(not_allowed(sentence));
    }
    let job = check::job(&args, &site.config, planned, Arc::clone(&site.trust))
        .map_err(|e| refused(StatusCode::INTERNAL_SERVER_ERROR, Refusal::Exporter, e.0))?;
    let targets: String = bound.iter().map(|(role, host)| format!(" {role}={host}")).collect();
    Ok(Ready { job, asked: asked.at, what: format!("{}{targets}", profile.name) })
}

fn profile<'a>(query: &Query, site: &'a Site) -> Result<&'a Profile, Refused> {
    let known = || site.profiles.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
    let Some(name) = query.profile.as_ref().or(site.profile.as_ref()) else {
        return Err(wrong(format!("give a profile: /probe?profile=NAME&target.ROLE=HOST, with one of {}", known())));
    };
    site.profiles.get(name).ok_or_else(|| wrong(format!("no profile `{name}`: this exporter has {}", known())))
}

/// The flags that the query stands for.
fn arguments(
    query: &Query,
    profile: &Profile,
    bound: &[(&str, &Host)],
    site: &Site,
    budget: Duration,
) -> Result<CheckArgs, Refused> {
    let measured = |word: &&String| MEASURED.iter().any(|m| *m == word.as_str() || word.starts_with(&format!("{m}.")));
    if let (Some(word), false) = (query.only.iter().find(measured), query.quality) {
        return Err(wrong(format!(
            "only={word}: add quality=true, because it loads the line and takes most of a scrape's time"
        )));
    }
    let mut args = CheckArgs::default();
    args.selection.targets = bound.iter().map(|(role, host)| format!("{role}={host}")).collect();
    args.selection.from = query.from.clone();
    for (named, value) in &query.options {
        let known = || profile.options.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        let name = profile.options.keys().find(|name| named.is(name));
        let name = name
            .ok_or_else(|| wrong(format!("option.{named}: profile `{}` has the options {}", profile.name, known())))?;
        args.selection.options.push(format!("{name}={value}"));
    }
    args.selection.only = query.only.clone();
    args.selection.skip = request::first(&query.skip, &site.config.skip);
    if !query.quality {
        args.selection.skip.extend(MEASURED.map(str::to_owned));
    }
    args.allow_unknown = query.allow_unknown.clone();
    args.tuning.ip = query.v6.map(|v6| if v6 { Ip::V6 } else { Ip::V4 });
    args.tuning.budget = Some(budget);
    args.output.strict = query.strict;
    Ok(args)
}

/// The plan speaks of flags.
fn in_queries_words(sentence: &str) -> String {
    let said = sentence.split("\ntype: ").next().unwrap_or_default();
    format!(
        "{said}\n(in a query, --target ROLE=HOST is target.ROLE=HOST, --option NAME=VALUE is option.NAME=VALUE, and other flags are their names)"
    )
}

/// A host that a profile or the configuration brings with it is asked only where it is on the list too.
fn unlisted(plan: &Plan, site: &Site) -> Option<String> {
    let (role, why) = plan.hosts().find_map(|(role, host)| Some((role, site.allow.refusal(host)?)))?;
    Some(format!("{why}; role `{role}` needs it: leave the role out with skip={role}, or the profile's option off"))
}

/// A place among the probes that are planned and run at once, until it is dropped.
pub fn place(site: &Site) -> Result<OwnedSemaphorePermit, Refused> {
    Arc::clone(&site.room).try_acquire_owned().map_err(|_| {
        let sentence = format!("{} probes are under way, which is as many as --max-probes allows", site.max_probes);
        refused(StatusCode::SERVICE_UNAVAILABLE, Refusal::Busy, sentence)
    })
}

/// Runs it and answers the exposition. Dropping this ends the run.
pub async fn carry_out(
    ready: Ready,
    peer: IpAddr,
    site: &Arc<Site>,
    place: OwnedSemaphorePermit,
) -> Result<String, Refused> {
    let cancel = site.stop.child_token();
    let _ends_the_run = cancel.clone().drop_guard();
    let running = site.tasks.spawn(run(ready, peer, Arc::clone(site), cancel, place));
    running.await.unwrap_or_else(|e| {
        let sentence = format!("the probe broke ({e}); this is a defect of rtc-check, please report it");
        Err(refused(StatusCode::INTERNAL_SERVER_ERROR, Refusal::Exporter, sentence))
    })
}

/// The run in a task of its own, which holds its place until it has really ended.
async fn run(
    ready: Ready,
    peer: IpAddr,
    site: Arc<Site>,
    cancel: CancellationToken,
    _place: OwnedSemaphorePermit,
) -> Result<String, Refused> {
    let begun = clock::now();
    let Ready { mut job, asked, what } = ready;
    let unlisted: Arc<OnceLock<String>> = Arc::default();
    job.permit = Some(permit(&site, &unlisted));
    let waited = begun.saturating_duration_since(asked);
    job.tuning.budget = job.tuning.budget.map(|budget| patience::left(budget, waited));
    let strict = job.strict;
    let report = check::run(job, Arc::new(Silent), cancel.cancelled_owned()).await;
    if let Some(sentence) = unlisted.get() {
        return Err(not_allowed(sentence.clone()));
    }
    let took = clock::now().saturating_duration_since(begun);
    let outcome = outcome(&report);
    site.tally.ended(outcome, took);
    site.log.probe(peer, &what, outcome.as_str(), took);
    let success = report.complete && End::of(&report, strict).code(Codes::Default) == exit::PASS;
    Ok(tally::probe_text(success, took) + &report::render(&report, Format::Prometheus, &Style::default()))
}

/// Refuses what a listed name leads to and must not, and keeps the sentence.
fn permit(site: &Site, unlisted: &Arc<OnceLock<String>>) -> Permit {
    let (allow, unlisted) = (Arc::clone(&site.allow), Arc::clone(unlisted));
    Arc::new(move |host, address| match allow.refusal_of_address(host, address) {
        None => true,
        Some(sentence) => {
            let _ = unlisted.set(sentence);
            false
        }
    })
}

fn outcome(report: &Report) -> Outcome {
    match report.verdict {
        _ if report.run.ended == Some(Ended::Interrupted) => Outcome::Cancelled,
        Status::Pass => Outcome::Pass,
        Status::Warn => Outcome::Warn,
        Status::Fail => Outcome::Fail,
        Status::Unknown => Outcome::Unknown,
        Status::Skip => Outcome::Skip,
    }
}
