//! `rtc-check host`: the machine that the program runs on against the document's tables.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::judge;
use crate::model::{Ended, Event, Host, Report, Sink};
use crate::net::{chance, clock, host::Root};
use crate::plan::{Expect, HostPlan, HostRequest};
use crate::probe::host::Machine;
use crate::run;

use super::args::{self, Expectation, HostArgs};
use super::begun::Begun;
use super::output::Outputs;
use super::{Unusable, request};

/// How long the name of a target may take.
const LOOK_UP: Duration = Duration::from_secs(5);

/// `rtc-check host …`.
pub fn command(args: HostArgs) -> Result<u8, Unusable> {
    let profile = request::load_profile(&args.profile)?;
    let machine = Arc::new(Machine::new(Root::default()));
    let asked = asked(&args, machine.name())?;
    let plan = HostPlan::new(&profile, &asked).map_err(|e| Unusable(e.to_string()))?;
    let named = asked.targets.iter().map(ToString::to_string).chain([asked.name.clone()]);
    let outputs = Outputs::open(&args.output)?.by(&[], None)?.about(&profile, named);
    let runtime = super::runtime()?;
    let report = runtime.block_on(examine(plan, machine, args.output.strict, outputs.sink()));
    // A directory of a server that is away must not hold the process.
    runtime.shutdown_background();
    Ok(outputs.write(&report, args.output.strict))
}

fn asked(args: &HostArgs, name: String) -> Result<HostRequest, Unusable> {
    let mut errors = Vec::new();
    let mut options = BTreeMap::new();
    for text in &args.options {
        match args::option(text) {
            Ok(option) => options.extend([option]),
            Err(error) => errors.push(error),
        }
    }
    let mut targets: Vec<Host> = Vec::new();
    for text in args.targets.iter().flat_map(|t| t.split_once('=').map_or(t.as_str(), |(_, hosts)| hosts).split(',')) {
        match text.trim().parse() {
            Ok(host) if targets.contains(&host) => {}
            Ok(host) => targets.push(host),
            Err(error) => errors.push(format!("--target: {error}")),
        }
    }
    if !errors.is_empty() {
        return Err(Unusable(errors.join("\n")));
    }
    Ok(HostRequest {
        roles: args.roles.iter().map(|r| r.as_str().into()).collect(),
        from: args.from.clone(),
        options,
        ports: request::moved_ports(&args.moved_ports)?,
        targets,
        channels: args.channels,
        expect: args.expect.map(|e| match e {
            Expectation::Listening => Expect::Listening,
            Expectation::Free => Expect::Free,
        }),
        disk: args.disk.clone(),
        today: clock::utc().strftime("%Y-%m-%d").to_string().parse().ok(),
        name,
    })
}

/// Looks, judges, and tells what was found as events too.
async fn examine(plan: HostPlan, machine: Arc<Machine>, strict: bool, sink: Arc<dyn Sink>) -> Report {
    let begun = Begun::now(chance::seed());
    sink.event(&begun.event(&plan.profile));
    let cancel = CancellationToken::new();
    let interrupted = cancel.clone();
    let watch = tokio::spawn(async move {
        super::signal::ended().await;
        interrupted.cancel();
    });
    let seen = run::host::run(&plan, machine, LOOK_UP, &cancel).await;
    watch.abort();
    let meta = begun.ends(cancel.is_cancelled().then_some(Ended::Interrupted), strict);
    let report = judge::host::report(&plan, &seen, &meta);
    for check in &report.checks {
        sink.event(&Event::CheckDone { check: Box::new(check.clone()) });
    }
    for finding in &report.findings {
        sink.event(&Event::Finding { finding: Box::new(finding.clone()) });
    }
    sink.event(&Event::Finished { verdict: report.verdict, at_ms: meta.duration_ms });
    report
}
