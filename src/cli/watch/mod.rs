//! `rtc-check watch`: the same test again and again, on a screen or as lines. Everything that is decided is decided in
//! [`crate::watch`]; here are the clocks, the keys, the files and the runs themselves.

mod face;
mod log;
mod reports;
mod screen;
mod task;
mod terminal;
mod under_way;

use std::io::IsTerminal;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::mpsc;

use crate::model::Report;
use crate::net::{chance, clock};
use crate::redact::Redactor;
use crate::watch::{Do, End, KEPT, Limits, Reading, Said, Watch, span};

use super::args::{CheckArgs, Until, WatchArgs};
use super::check::{self, Prepared};
use super::push::{self, PATIENCE, Repeated, Sending, WHOLE};
use super::{Unusable, exit, output, signal};
use face::{Face, Scene};
use log::Log;
use reports::Reports;
use screen::Key;
use task::Task;
use terminal::Input;

/// How often the clocks are looked at: a suspend is noticed so late.
const LOOK: Duration = Duration::from_secs(1);

/// How often the screen is drawn while a run is under way.
const DRAW: Duration = Duration::from_millis(250);

/// `rtc-check watch …`.
pub fn command(mut args: WatchArgs) -> Result<u8, Unusable> {
    if args.check.dry_run {
        return check::command(args.check);
    }
    let json = lines_of(&args)?;
    let prepared = check::prepare(&args.check)?;
    let sending = sending(&mut args.check, &prepared)?;
    prepared.job.trust.notes().iter().for_each(|note| output::say(&format!("rtc-check: note: {note}")));
    let reports = Reports::open(&args.check.output)?;
    let limits = Limits { size: args.log_size, files: args.log_files };
    let log = args.log.as_deref().map(|path| Log::open(path, limits)).transpose()?;
    let watching = Watching::new(&args, prepared, reports, log, sending);
    let drawn = !args.plain && json.is_none() && has_screen();
    let face = if drawn { Face::screen()? } else { Face::lines(json.is_some()) };
    let runtime = super::runtime()?;
    let ended = runtime.block_on(watching.go(face));
    // A name that the operating system still looks up must not hold the process.
    runtime.shutdown_background();
    ended
}

/// What sends each run's report as a single run's is sent, where a flag, its variable or the configuration file says so.
fn sending(args: &mut CheckArgs, prepared: &Prepared) -> Result<Option<Repeated>, Unusable> {
    let ca = push::configured(args)?;
    let Some(sending) = Sending::open(&args.output)? else { return Ok(None) };
    let sending = sending.by(&ca, Some(&prepared.job.logins.proxies))?;
    sending.notes().iter().for_each(|note| output::say(&format!("rtc-check: note: {note}")));
    Ok(Some(Repeated::new(sending)))
}

/// What the process ends with when this ends the watching before any run has ended.
fn ends(input: Input) -> Option<exit::End> {
    match input {
        // Nothing is known yet, and nobody was disturbed.
        Input::Quit | Input::Lost => Some(exit::End::Unknown),
        Input::Interrupt => Some(exit::End::Interrupted),
        Input::Resized | Input::Key(_) => None,
    }
}

/// Whether stdout gets reports as lines (`--format ndjson`); what a watching has no use for is refused.
fn lines_of(args: &WatchArgs) -> Result<Option<()>, Unusable> {
    let out = &args.check.output;
    if out.against.baseline.is_some() || out.against.fail_on.is_some() {
        let words = "watch holds each run against the one before: --baseline and --fail-on are for a single run";
        return Err(Unusable(words.to_owned()));
    }
    if out.output.is_some() {
        return Err(Unusable(
            "watch writes its reports to --log FILE, a line each; --report FORMAT=FILE has the last".to_owned(),
        ));
    }
    match out.format.as_deref() {
        None | Some("table") => Ok(None),
        Some("ndjson") => Ok(Some(())),
        Some(other) => Err(Unusable(format!(
            "watch prints its screen, lines, or by --format ndjson a report a line; --report {other}=FILE has the last run's"
        ))),
    }
}

/// Whether stdout is a terminal that can be drawn on.
fn has_screen() -> bool {
    let terminal = std::io::stdout().is_terminal();
    terminal && output::env("TERM").is_some_and(|term| term != "dumb")
}

fn reading() -> Reading {
    Reading { monotonic: clock::monotonic(), boot: clock::boot(), wall: clock::wall() }
}

/// All that a watching has.
struct Watching {
    prepared: Prepared,
    seed: u64,
    watch: Watch,
    log: Option<Log>,
    reports: Reports,
    redactor: Arc<Mutex<Redactor>>,
    strict: bool,
    codes: exit::Codes,
    sending: Option<Repeated>,
    /// What the last run came to.
    end: Option<exit::End>,
    task: Option<Task>,
    notice: Option<String>,
    title: String,
    targets: String,
}

impl Watching {
    fn new(
        args: &WatchArgs,
        prepared: Prepared,
        reports: Reports,
        log: Option<Log>,
        sending: Option<Repeated>,
    ) -> Self {
        let plan = &prepared.job.plan;
        let redactor = output::redactor(&args.check.output.redact);
        {
            let mut redactor = output::locked(&redactor);
            redactor.keep(output::fixed_hosts(&prepared.profile));
            plan.targets.values().flatten().for_each(|host| redactor.learn_host(&host.to_string()));
            prepared.job.dns.iter().for_each(|server| redactor.learn_host(&server.to_string()));
        }
        let targets = plan.targets.iter().map(|(role, hosts)| {
            let hosts: Vec<String> = hosts.iter().map(ToString::to_string).collect();
            format!("{role} {}", hosts.join(","))
        });
        let end =
            End { runs: args.runs, until: args.until.map(|until| until == Until::Pass), strict: prepared.job.strict };
        let mut watching = Self {
            seed: args.check.tuning.seed.unwrap_or_else(chance::seed),
            watch: Watch::new(args.interval, end, reading()),
            log,
            reports,
            strict: prepared.job.strict,
            codes: args.check.output.exit_codes,
            sending,
            end: None,
            task: None,
            notice: None,
            title: format!("{} from {}", plan.profile, plan.from.join(",")),
            targets: if output::locked(&redactor).is_idle() {
                targets.collect::<Vec<_>>().join("  ")
            } else {
                String::new()
            },
            redactor,
            prepared,
        };
        watching.remember();
        watching
    }

    /// What the log has of the same test, bounded.
    fn remember(&mut self) {
        let Some(log) = &self.log else { return };
        let plan = &self.prepared.job.plan;
        let (profile, from) = (&plan.profile, plan.from.join(","));
        let redacted = output::locked(&self.redactor).asked();
        let known = log.recent(KEPT / 2, |report| log::is_alike(report, profile, &from, &redacted));
        let Some(last) = known.last() else { return };
        let gap = last.run.finished.parse::<jiff::Timestamp>().ok();
        let gap = gap.and_then(|at| Duration::try_from(clock::utc().duration_since(at)).ok());
        known.into_iter().for_each(|report| self.watch.remember(report));
        self.watch
            .resume(&gap.map_or_else(|| "not watched".to_owned(), |gap| format!("not watched for {}", span(gap))));
    }

    /// Until it is over, somebody quits, or a signal comes.
    async fn go(mut self, mut face: Face) -> Result<u8, Unusable> {
        let ended = self.until_over(&mut face).await;
        let was_drawn = face.is_drawn();
        drop(face);
        if let Some(task) = self.task.take() {
            task.stop().await;
        }
        // What is being sent is finished, or told, also where watching ends by a mistake.
        let (end, patience) = *ended.as_ref().unwrap_or(&(exit::End::Unusable, PATIENCE));
        let code = self.over(end, patience, was_drawn).await;
        ended.map(|_| code)
    }

    /// What the process ends with where no run has ended, and how long sending may take then.
    async fn until_over(&mut self, face: &mut Face) -> Result<(exit::End, Duration), Unusable> {
        let mut keys = face.keys()?;
        let mut signalled = std::pin::pin!(signal::ended());
        loop {
            let (said, next) = self.watch.tick(reading());
            self.tell(face, &said);
            let wait = match next {
                Do::Over => return Ok((exit::End::Unknown, WHOLE)),
                _ if face.is_gone() && self.log.is_none() && self.reports.is_empty() && self.sending.is_none() => {
                    return Ok((exit::End::Unknown, PATIENCE));
                }
                Do::Begin(number) => {
                    // What it measures must be alone on the wire.
                    if let Some(sending) = &mut self.sending {
                        sending.make_way().await.iter().for_each(|words| face.notice(words));
                    }
                    self.begin(number)?;
                    DRAW
                }
                Do::Break => {
                    if let Some(task) = self.task.take() {
                        task.stop().await;
                    }
                    let said = self.watch.dropped();
                    self.tell(face, &said);
                    Duration::ZERO
                }
                Do::Go => {
                    if face.is_drawn() {
                        DRAW
                    } else {
                        LOOK
                    }
                }
                Do::Wait(wait) => wait.unwrap_or(LOOK).min(LOOK),
            };
            self.draw(face)?;
            tokio::select! {
                report = Task::ended(&mut self.task) => self.ended(face, report?)?,
                told = Repeated::ended(&mut self.sending) => told.iter().for_each(|words| face.notice(words)),
                input = key(&mut keys) => if let Some(end) = self.take(face, input) { return Ok((end, PATIENCE)) },
                () = &mut signalled => return Ok((exit::End::Interrupted, PATIENCE)),
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Sends what is still under way, says what the screen can show no more, and answers the exit code.
    async fn over(mut self, end: exit::End, patience: Duration, was_drawn: bool) -> u8 {
        let (told, unsent) = match self.sending.take() {
            Some(sending) => sending.finish(patience).await,
            None => (None, None),
        };
        let last =
            if was_drawn { self.notice.into_iter().chain(unsent.clone()).collect() } else { Vec::from_iter(told) };
        last.iter().for_each(|words| output::say(&format!("rtc-check: {words}")));
        self.end.map_or(end, |end| end.lost_beside(unsent.is_some(), self.codes)).code(self.codes)
    }

    fn begin(&mut self, number: u64) -> Result<(), Unusable> {
        let job = self.prepared.renewed(self.seed.wrapping_add(number - 1))?;
        self.task = Some(Task::begin(job));
        Ok(())
    }

    /// A run has ended: it is judged, told, and written.
    fn ended(&mut self, face: &mut Face, report: Report) -> Result<(), Unusable> {
        self.task = None;
        let end = exit::End::of(&report, self.strict);
        let report = output::locked(&self.redactor).report(&report).map_err(Unusable)?;
        let said = self.watch.finished(report, reading());
        let ran = said.iter().any(|s| matches!(s, Said::Ran(_)));
        let mut told = Vec::new();
        if let (true, Some(report)) = (ran, self.watch.last()) {
            let line = crate::report::line_of_report(report);
            let logged = self.log.as_ref().map_or(Ok(()), |log| log.append(&line));
            let logged = logged.map_err(|e| format!("this run is not in the log: {e}"));
            let written = self.reports.write(report, end).map_err(|e| format!("a report is not written: {e}"));
            self.end = Some(end.lost(logged.is_err()).lost_beside(written.is_err(), self.codes));
            let shown = face.report(&line).map_err(|e| format!("stdout: {e}"));
            self.notice = logged.and(written).and(shown).err();
            let run = self.watch.count();
            told = self.sending.as_mut().map(|sending| sending.begin(run, report)).unwrap_or_default();
        }
        self.tell(face, &said);
        if let (Some(notice), false) = (&self.notice, face.is_gone()) {
            face.notice(notice);
        }
        told.iter().for_each(|words| face.notice(words));
        Ok(())
    }

    fn tell(&self, face: &mut Face, said: &[Said]) {
        if !said.is_empty() {
            face.tell(said);
        }
    }

    fn draw(&self, face: &mut Face) -> Result<(), Unusable> {
        face.draw(&Scene {
            watch: &self.watch,
            title: &self.title,
            targets: &self.targets,
            now: clock::boot(),
            task: self.task.as_ref(),
            notice: self.notice.as_deref().or_else(|| self.sending.as_ref()?.words()),
        })
    }

    /// Takes a key; answers as [`ends`].
    fn take(&mut self, face: &mut Face, input: Input) -> Option<exit::End> {
        match input {
            Input::Quit | Input::Interrupt | Input::Lost => {}
            Input::Resized => face.redraw(),
            Input::Key(Key::Pause) => self.watch.pause(clock::boot()),
            Input::Key(Key::Run) => self.watch.run_now(),
            Input::Key(key) => face.look(key, self.watch.history().rows().len()),
        }
        ends(input)
    }
}

/// The next key; never, where there are none.
async fn key(keys: &mut Option<mpsc::Receiver<Input>>) -> Input {
    match keys {
        Some(keys) => keys.recv().await.unwrap_or(Input::Lost),
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn q_before_any_run_has_ended_is_unknown_and_ctrl_c_interrupted() {
        let code = |input| ends(input).map(|end| end.code(exit::Codes::Default));
        assert_eq!(code(Input::Quit), Some(exit::UNKNOWN));
        assert_eq!(code(Input::Interrupt), Some(exit::INTERRUPTED));
        assert_eq!(code(Input::Key(Key::Pause)), None);
    }
}
