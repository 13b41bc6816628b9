//! `rtc-check bundle`: runs a check, or takes a saved report, and writes one archive for whoever is to help.

mod log;

use std::path::Path;
use std::sync::{Arc, Mutex};

use crate::bundle::{self, About, File, Part};
use crate::model::{ClockError, Ended, Report, metric};
use crate::net::capture::{Capture, Captured};
use crate::net::clock;
use crate::profile::built_in;
use crate::redact::Redactor;
use crate::report::{self, Format, Style};

use super::args::{BundleArgs, OutputArgs};
use super::check::{self, Job, Prepared};
use super::exit::{Codes, End};
use super::files::Output;
use super::output::{self, Outputs};
use super::{Unusable, doctor};
use log::{Kept, Log};

/// `rtc-check bundle …`; answers the run's exit code, or the report's.
pub fn command(args: BundleArgs) -> Result<u8, Unusable> {
    usable(&args)?;
    if args.dry_run {
        return dry_run(args);
    }
    let (path, quiet, strict) = (args.output.clone(), args.quiet, args.strict);
    let redactor = output::redactor(&args.redact);
    let made = match args.report.clone() {
        Some(file) => of_saved(&file, &redactor)?,
        None => of_run(args, &redactor)?,
    };
    // A run is over by now, so a file that cannot be written is said with what was found.
    let end = End::of(&made.report, strict);
    let told = write(&made, &redactor, quiet);
    let (archive, file) = match (told, made.file) {
        (Ok(archive), Some(file)) => (archive, file),
        (Ok(archive), None) => (archive, Output::private(&path)?),
        (Err(error), _) => return Err(Unusable(error)),
    };
    let lost = file.replace_bytes(&archive).err();
    let code = end.lost(lost.is_some()).code(Codes::Default);
    match lost {
        Some(error) => output::say(&format!("rtc-check: the run is done, but its bundle is lost: {error}")),
        None if quiet => {}
        None => output::say(&format!("rtc-check: {} (exit {code}): {}", made.report.verdict, path.display())),
    }
    Ok(code)
}

/// What cannot be meant, before anything is done.
fn usable(args: &BundleArgs) -> Result<(), Unusable> {
    if args.pcap && !args.redact.redact.is_empty() {
        return Err(Unusable(
            "--pcap and --redact exclude each other: packets bear addresses and names, and what is replaced in them would \
             be no packet any more"
                .to_owned(),
        ));
    }
    if args.pcap && args.report.is_some() {
        return Err(Unusable("--pcap needs a run: with --report nothing is sent, so there are no packets".to_owned()));
    }
    Ok(())
}

/// The list alone; the check is prepared, so that its mistakes are told.
fn dry_run(args: BundleArgs) -> Result<u8, Unusable> {
    let redacted = args.redact.redact.iter().flat_map(|set| set.0.iter().copied()).collect();
    let (has_log, has_packets) = (args.report.is_none(), args.pcap);
    match &args.report {
        Some(file) => drop(super::report::read(file)?),
        None => drop(check::prepare(&args.check())?),
    }
    let parts = Part::ALL.into_iter().filter(|part| match part {
        Part::Log => has_log,
        Part::Packets => has_packets,
        _ => true,
    });
    let files: Vec<File> = parts.map(|part| File { part, bytes: None }).collect();
    output::print(&bundle::list(&files, &About { redacted, ..about(Vec::new()) }))
}

/// What the archive is made of.
struct Made {
    report: Report,
    log: Option<Kept>,
    packets: Option<Vec<u8>>,
    notes: Vec<String>,
    /// Opened before the run.
    file: Option<Output>,
}

fn of_saved(file: &Path, redactor: &Mutex<Redactor>) -> Result<Made, Unusable> {
    let report = super::report::read(file)?;
    if let Some(profile) = built_in(&report.run.profile) {
        output::locked(redactor).keep(output::fixed_hosts(&profile));
    }
    let notes = vec![
        "the report was saved before: environment.json is this machine as it is now, which need not be the one that it is of"
            .to_owned(),
    ];
    Ok(Made { report, log: None, packets: None, notes, file: None })
}

fn of_run(args: BundleArgs, redactor: &Arc<Mutex<Redactor>>) -> Result<Made, Unusable> {
    let (path, pcap, quiet) = (args.output.clone(), args.pcap, args.quiet);
    let dns: Vec<String> = args.tuning.dns.iter().map(ToString::to_string).collect();
    let Prepared { profile, job, .. } = check::prepare(&args.check())?;
    {
        let mut redactor = output::locked(redactor);
        redactor.keep(output::fixed_hosts(&profile));
        let named = job.plan.targets.values().flatten().map(ToString::to_string);
        named.chain(dns).for_each(|host| redactor.learn_host(&host));
    }
    let file = Output::private(&path)?;
    let capture = pcap.then(Capture::begin).transpose()?;
    check::say_capacity(&job.plan, quiet);
    let progress = Outputs::open(&OutputArgs { quiet, ..OutputArgs::default() })?.sink();
    let log = Arc::new(Log::new(progress));
    let report = run(job, &log)?;
    let kept = log.take();
    let mut notes = Vec::new();
    if kept.is_cut {
        notes.push("log.ndjson ends before the run did: it holds 200,000 events at the most".to_owned());
    }
    if report.run.ended == Some(Ended::Interrupted) {
        notes.push("the run was interrupted: the report says what was known by then".to_owned());
    }
    let captured = capture.map(Capture::end);
    notes.extend(captured.iter().flat_map(of_packets));
    Ok(Made { report, log: Some(kept), packets: captured.map(|c| c.file), notes, file: Some(file) })
}

fn run(job: Job, log: &Arc<Log>) -> Result<Report, Unusable> {
    let runtime = super::runtime()?;
    let report = runtime.block_on(check::run(job, Arc::<Log>::clone(log), super::signal::ended()));
    // A name that the operating system still looks up must not hold the process.
    runtime.shutdown_background();
    Ok(report)
}

/// What is to be known of a capture.
fn of_packets(captured: &Captured) -> Vec<String> {
    let mut notes = vec![format!(
        "flows.pcap has {} packets; of TCP that is not TLS only headers, and no GRE and no later fragments",
        captured.packets
    )];
    if captured.is_full {
        notes.push("flows.pcap ends before the run did: it holds 64 MB at the most".to_owned());
    }
    if captured.missed > 0 {
        notes.push(format!("{} packets, of whichever program, came faster than they were looked at", captured.missed));
    }
    notes
}

fn about(notes: Vec<String>) -> About {
    About { version: env!("CARGO_PKG_VERSION").to_owned(), redacted: Vec::new(), notes }
}

/// Draws every file, prints the list, and makes the archive.
fn write(made: &Made, redactor: &Mutex<Redactor>, quiet: bool) -> Result<Vec<u8>, String> {
    let mut redactor = output::locked(redactor);
    let mut looked = doctor::look();
    looked.environment.clock.seen = clock_error(&made.report);
    // Each may know a name that another only mentions.
    let _ = redactor.doctor(&looked)?;
    let report = redactor.report(&made.report)?;
    let environment = redactor.doctor(&looked)?;
    let wide = Style { width: 120, ..Style::default() };
    let text = |format| report::render(&report, format, &wide).into_bytes();
    let mut files = vec![
        (Part::Text, Some(text(Format::Table))),
        (Part::Html, Some(text(Format::Html))),
        (Part::Report, Some(text(Format::Json))),
        (
            Part::Environment,
            Some(report::doctor::render(&environment, report::doctor::Format::Json, &wide).into_bytes()),
        ),
        (Part::Log, made.log.as_ref().map(|kept| kept.lines(&mut redactor).into_bytes())),
        (Part::Packets, made.packets.clone()),
    ];
    files.retain(|(_, bytes)| bytes.is_some());
    let file = |(part, bytes)| File { part, bytes };
    let about = About { redacted: report.redacted.clone(), ..about(made.notes.clone()) };
    let mut files: Vec<File> = [(Part::Readme, None)].into_iter().chain(files).map(file).collect();
    let readme = bundle::readme(&files, &about).into_bytes();
    if let Some(first) = files.first_mut() {
        first.bytes = Some(readme);
    }
    if !quiet {
        output::print(&bundle::list(&files, &about)).map_err(|Unusable(error)| error)?;
    }
    let now = clock::wall().as_secs();
    bundle::archive(&bundle::directory(&report.run.id), &files, now).map_err(|e| format!("the archive: {e}"))
}

/// This machine's clock against a server's, as a check saw it.
fn clock_error(report: &Report) -> Option<ClockError> {
    report.checks.iter().find_map(|check| check.observed.get(&metric::CLOCK_ERROR))
}
