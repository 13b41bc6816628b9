//! Runs scenarios, several side by side, each in a lab of its own, and prints what came of them.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::arguments::Arguments;
use crate::case::{Case, Trust};
use crate::chain::Chain;
use crate::compare;
use crate::harness::{self, Report, Run};
use crate::namespaces::Place;
use crate::possible::possible;
use crate::{resolvers, services, table};

/// One run of one scenario.
pub struct Outcome {
    pub name: String,
    /// What the report says, in the table's words.
    pub got: String,
    /// What is wrong; nothing where it is as it must be.
    pub wrong: Vec<String>,
    /// Why it could not be run.
    pub not_run: Option<String>,
    /// Of the check alone.
    pub took: Duration,
    /// The report as a person reads it.
    pub drawn: String,
}

/// Runs `cases`, those that want to be alone at the end; whether all are as they must be.
pub fn run(cases: &[Case], arguments: &Arguments) -> bool {
    let since = Instant::now();
    let outcomes = Mutex::new(Vec::new());
    let work: Vec<&Case> = (0..arguments.repeat).flat_map(|_| cases).collect();
    let (alone, beside): (Vec<&Case>, Vec<&Case>) = work.into_iter().partition(|case| case.alone);
    for (cases, jobs) in [(beside, arguments.jobs), (alone, 1)] {
        let queue = Mutex::new(VecDeque::from(cases));
        let next = || queue.lock().unwrap().pop_front();
        let worker = || {
            while let Some(case) = next() {
                let outcome = one(case, arguments.show);
                eprintln!("{}", table::line(&outcome));
                outcomes.lock().unwrap().push(outcome);
            }
        };
        std::thread::scope(|scope| (0..jobs).for_each(|_| drop(scope.spawn(worker))));
    }
    table::print(cases, &outcomes.into_inner().unwrap(), since.elapsed())
}

/// One scenario, whatever becomes of it.
fn one(case: &Case, show: bool) -> Outcome {
    let mut outcome = Outcome {
        name: case.name.clone(),
        got: String::new(),
        wrong: Vec::new(),
        not_run: None,
        took: Duration::ZERO,
        drawn: String::new(),
    };
    let programs = services::programs(case);
    if let Err(why) = possible(&programs) {
        outcome.not_run = Some(why);
        return outcome;
    }
    match catch_unwind(AssertUnwindSafe(|| tried(case, show))) {
        Ok((run, report, drawn)) => {
            outcome.got = table::got(run.code, &report);
            outcome.wrong = compare::differences(&case.truth, run.code, &report);
            outcome.took = run.took;
            outcome.drawn = drawn;
        }
        Err(panic) => {
            let words = panic.downcast_ref::<String>().cloned();
            let words = words.or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()));
            outcome.wrong.push(words.unwrap_or_else(|| "it panicked".to_owned()));
        }
    }
    outcome
}

fn tried(case: &Case, show: bool) -> (Run, Report, String) {
    let chain = Chain::build(case);
    chain.names(&case.hosts, &resolvers::configured(case));
    let _servers: Vec<_> = case.servers.iter().flat_map(|words| services::start(&chain.lab, words)).collect();
    chain.settle();
    chain.faults(&case.at);
    let run = check(&chain, case);
    let report = run.report();
    let drawn = if show { drawn(&chain, &run) } else { String::new() };
    (run, report, drawn)
}

/// The check, as an ordinary user: root's capabilities are taken from it.
fn check(chain: &Chain, case: &Case) -> Run {
    let lab = &chain.lab;
    let dir = lab.dir().display().to_string();
    let filled = |text: &String| text.replace("{dir}", &dir);
    let mut command = lab.command(Place::Client, "setpriv");
    command.args(["--bounding-set", "-all", "--inh-caps", "-all", env!("CARGO_BIN_EXE_rtc-check")]);
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios/profiles").join(&case.profile);
    let own = own.with_extension("toml");
    let profile = if own.exists() { own.display().to_string() } else { case.profile.clone() };
    command.args(["--profile", &profile, "--format", "json", "--quiet", "--seed", "1"]);
    match case.trust {
        Trust::Flag => drop(command.arg("--ca").arg(&lab.pki.root)),
        Trust::Platform => drop(command.env("SSL_CERT_FILE", &lab.pki.root)),
        Trust::Inspection => drop(command.env("SSL_CERT_FILE", lab.dir().join("trusted.pem"))),
    }
    command.args(case.args.iter().map(filled));
    if !case.skip.is_empty() {
        command.args(["--skip", &case.skip]);
    }
    command.envs(case.env.iter().map(|(key, value)| (key, filled(value))));
    harness::run(command)
}

/// The same report as a table.
fn drawn(chain: &Chain, run: &Run) -> String {
    let file = chain.lab.dir().join("report.json");
    std::fs::write(&file, &run.stdout).unwrap();
    let mut command = harness::binary();
    command.args(["report", "--width", "120"]).arg(&file);
    harness::run(command).stdout
}
