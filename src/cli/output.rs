//! Where text goes: reports to stdout or files, everything else to stderr.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::compare;
use crate::model::{Event, Report, Silent, Sink};
use crate::net::proxy::Proxies;
use crate::profile::{self, Profile};
use crate::redact::Redactor;
use crate::report::{self, Format, Style};

use super::args::{BaselineArgs, Color, FailOn, OutputArgs, RedactArgs};
use super::exit::{Codes, End};
use super::files::Output;
use super::progress::{Ndjson, Progress};
use super::push::{Kept, Sending};
use super::{Unusable, diff, exit};

/// One line to stderr; nobody is left to tell when that fails.
pub fn say(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Text to stdout, for a command that has nothing else to answer.
///
/// # Errors
/// A full disk, for one; a reader that went away is no error.
pub fn print(text: &str) -> Result<u8, Unusable> {
    match to_stdout(text) {
        Ok(()) => Ok(exit::PASS),
        Err(error) => Err(Unusable(error)),
    }
}

fn to_stdout(text: &str) -> Result<(), String> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => Err(format!("stdout: {e}")),
        _ => Ok(()),
    }
}

/// Every place a run's report goes, opened before anything is probed.
pub struct Outputs {
    main: Format,
    file: Option<Output>,
    /// Without a file: stdout.
    further: Vec<(Format, Option<Output>)>,
    width: Option<u16>,
    live: Option<Arc<Ndjson<Box<dyn Write + Send>>>>,
    quiet: bool,
    codes: Codes,
    against: Option<Against>,
    redactor: Arc<Mutex<Redactor>>,
    sending: Option<Sending>,
    /// Where the JSON report is when all is written.
    kept: Kept,
}

/// The report that this one is held against, and when that fails the run.
struct Against {
    name: String,
    report: Report,
    fail_on: Option<FailOn>,
}

impl Against {
    fn read(args: &BaselineArgs) -> Result<Option<Self>, Unusable> {
        match (&args.baseline, args.fail_on) {
            (Some(file), fail_on) => {
                Ok(Some(Self { name: file.display().to_string(), report: super::report::read(file)?, fail_on }))
            }
            // A gate that compares nothing would let everything through.
            (None, Some(FailOn::Worse | FailOn::Any)) => {
                Err(Unusable("--fail-on needs a report to hold this one against: give --baseline FILE".to_owned()))
            }
            (None, _) => Ok(None),
        }
    }
}

impl Outputs {
    /// Opens them all.
    ///
    /// # Errors
    /// An unknown format, or a file that cannot be written.
    pub fn open(args: &OutputArgs) -> Result<Self, Unusable> {
        // First, for it may be the file that is to be written.
        let against = Against::read(&args.against)?;
        let main = format(args.format.as_deref().unwrap_or("table"))?;
        let mut file = main_file(args)?;
        let live: Option<Box<dyn Write + Send>> = match (main, file.take()) {
            (Format::Ndjson, Some(output)) => Some(Box::new(output.stream()?)),
            (Format::Ndjson, None) => Some(Box::new(std::io::stdout())),
            (_, output) => {
                file = output;
                None
            }
        };
        let live = live.map(|writer| Arc::new(Ndjson::new(writer)));
        let (sending, kept) = (Sending::open(args)?, Kept::by(args, main)?);
        let further = further(args)?;
        Ok(Self {
            main,
            file,
            further,
            width: args.width,
            live,
            quiet: args.quiet,
            codes: args.exit_codes,
            against,
            redactor: redactor(&args.redact),
            sending,
            kept,
        })
    }

    /// Opens them for a report that was saved: there are no live events, so NDJSON is drawn from the report.
    ///
    /// # Errors
    /// An unknown format, or a file that cannot be written.
    pub fn open_saved(args: &OutputArgs) -> Result<Self, Unusable> {
        let against = Against::read(&args.against)?;
        let main = format(args.format.as_deref().unwrap_or("table"))?;
        let file = main_file(args)?;
        let (sending, kept) = (Sending::open(args)?, Kept::by(args, main)?);
        let further = further(args)?;
        Ok(Self {
            main,
            file,
            further,
            width: args.width,
            live: None,
            quiet: true,
            codes: args.exit_codes,
            against,
            redactor: redactor(&args.redact),
            sending,
            kept,
        })
    }

    /// Tells a redaction of the hosts that are the profile's own, which stay, and of those that the run is about.
    #[must_use]
    pub fn about(self, profile: &Profile, hosts: impl IntoIterator<Item = String>) -> Self {
        {
            let mut redactor = locked(&self.redactor);
            redactor.keep(fixed_hosts(profile));
            hosts.into_iter().for_each(|host| redactor.learn_host(&host));
        }
        self
    }

    /// Tells what is sent whom to trust beside the machine's authorities, and the proxies of the run.
    ///
    /// # Errors
    /// A file of an authority that cannot be used.
    pub fn by(mut self, ca: &[PathBuf], proxies: Option<&Arc<Proxies>>) -> Result<Self, Unusable> {
        self.sending = self.sending.map(|sending| sending.by(ca, proxies)).transpose()?;
        Ok(self)
    }

    /// What draws the run while it runs.
    pub fn sink(&self) -> Arc<dyn Sink> {
        let progress: Arc<dyn Sink> = match self.quiet || !std::io::stderr().is_terminal() {
            true => Arc::new(Silent),
            false => Arc::new(Progress::stderr(unicode())),
        };
        match &self.live {
            Some(live) if !locked(&self.redactor).is_idle() => {
                Arc::new(Both(Arc::new(Redacting(Arc::clone(live), Arc::clone(&self.redactor))), progress))
            }
            Some(live) => Arc::new(Both(Arc::<Ndjson<_>>::clone(live), progress)),
            None => progress,
        }
    }

    /// Writes every report and answers the exit code. What cannot be written is said, the rest is still written, and a
    /// run that was good is not: whoever waits for the report would miss it.
    pub fn write(self, report: &Report, strict: bool) -> u8 {
        let compared = self.against.as_ref().map(|against| held_against(report, against));
        let failed = compared.as_ref().is_some_and(|(_, failed)| *failed);
        let report = compared.as_ref().map_or(report, |(report, _)| report);
        let redacted = match locked(&self.redactor).report(report) {
            Ok(redacted) => redacted,
            Err(error) => {
                say(&format!("rtc-check: no report is written: {error}"));
                return End::Unusable.code(self.codes);
            }
        };
        let report = &redacted;
        let mut errors = Vec::new();
        // Somebody reads the log of a job whose report went to a file.
        let quiet_stdout = self.file.is_some() && !self.quiet;
        let end = End::of(report, strict).worse(failed);
        let own = own(self.main, &self.further);
        let mut is_lost = false;
        for (n, (format, output)) in self.further.into_iter().enumerate() {
            let written = match output {
                Some(file) => file.replace(&drawn(report, format, &plain(self.width), end)),
                None => to_stdout(&drawn(report, format, &terminal(self.width), end)),
            };
            is_lost |= own == Some(n) && written.is_err();
            errors.extend(written.err());
        }
        let main = match (self.live, self.file) {
            // The events were the report.
            (Some(live), _) => {
                let lost = live.failed().filter(|kind| *kind != std::io::ErrorKind::BrokenPipe);
                lost.map(|kind| format!("events: {kind}"))
            }
            (None, Some(file)) => file.replace(&drawn(report, self.main, &plain(self.width), end)).err(),
            (None, None) => to_stdout(&drawn(report, self.main, &terminal(self.width), end)).err(),
        };
        is_lost |= own.is_none() && main.is_some();
        errors.extend(main);
        let unsaved = !errors.is_empty();
        let kept = if unsaved { Kept::No } else { self.kept };
        let unsent = self.sending.is_some_and(|sending| !sending.send(report, kept));
        let code = end.lost(is_lost).lost_beside(unsaved || unsent, self.codes).code(self.codes);
        if quiet_stdout {
            let s = &report.summary;
            say(&format!(
                "rtc-check: {} (exit {code}): {} pass, {} warn, {} fail, {} unknown, {} skip",
                report.verdict, s.pass, s.warn, s.fail, s.unknown, s.skip
            ));
        }
        for error in &errors {
            say(&format!("rtc-check: the run is done, but a report is lost: {error}"));
        }
        code
    }
}

/// The report in a format; the line of a monitoring plugin says what the run came to.
pub fn drawn(report: &Report, format: Format, style: &Style, end: End) -> String {
    match format {
        Format::Nagios => report::nagios_line(report, end.status()),
        _ => report::render(report, format, style),
    }
}

/// Which further output is the one that whoever takes a plugin's exit code reads: its line, on stdout sooner than in a file;
/// `None` for the main one.
fn own(main: Format, further: &[(Format, Option<Output>)]) -> Option<usize> {
    let line = |on_stdout| further.iter().position(|(f, to)| *f == Format::Nagios && to.is_none() == on_stdout);
    line(true).or_else(|| line(false).filter(|_| main != Format::Nagios))
}

/// The report with its comparison in it, and whether that fails the run.
fn held_against(report: &Report, against: &Against) -> (Report, bool) {
    let compared = compare::compare((&against.name, &against.report), ("this run", report));
    let failed = diff::fails(against.fail_on, &compared);
    (Report { comparison: Some(Box::new(compared)), ..report.clone() }, failed)
}

/// The file of `--output`; `-` is stdout.
fn main_file(args: &OutputArgs) -> Result<Option<Output>, Unusable> {
    let path = args.output.as_deref().filter(|p| p.as_os_str() != "-");
    Ok(path.map(Output::open).transpose()?)
}

/// Whether `--baseline` and `--fail-on` can be used, before anything runs.
///
/// # Errors
/// As [`Outputs::open`] has them for the two.
pub fn check_baseline(args: &OutputArgs) -> Result<(), Unusable> {
    Against::read(&args.against).map(drop)
}

/// What replaces what a report is to keep to itself.
pub fn redactor(args: &RedactArgs) -> Arc<Mutex<Redactor>> {
    Arc::new(Mutex::new(Redactor::new(args.redact.iter().flat_map(|set| set.0.iter().copied()))))
}

/// Hosts that a profile names itself.
pub fn fixed_hosts(profile: &Profile) -> Vec<String> {
    profile.roles.values().flat_map(|role| role.hosts.iter().cloned()).collect()
}

/// A panic while it was held has been told; what it knows is still right.
pub fn locked(redactor: &Mutex<Redactor>) -> MutexGuard<'_, Redactor> {
    redactor.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Live events with tokens.
struct Redacting(Arc<Ndjson<Box<dyn Write + Send>>>, Arc<Mutex<Redactor>>);

impl Sink for Redacting {
    fn event(&self, event: &Event) {
        let event = locked(&self.1).event(event);
        self.0.line(&report::line_of(&event));
    }
}

struct Both(Arc<dyn Sink>, Arc<dyn Sink>);

impl Sink for Both {
    fn event(&self, event: &Event) {
        self.0.event(event);
        self.1.event(event);
    }
}

fn format(name: &str) -> Result<Format, Unusable> {
    let known: Vec<&str> = Format::ALL.iter().map(|f| f.as_str()).collect();
    let meant = profile::meant(name, known.iter().copied());
    name.parse().map_err(|_| Unusable(format!("no format `{name}`{meant}: give one of {}", known.join(", "))))
}

/// Every `--report`; one may go to stdout, where the main one has a file.
fn further(args: &OutputArgs) -> Result<Vec<(Format, Option<Output>)>, Unusable> {
    let mut stdout_is_free = args.output.as_deref().is_some_and(|path| path.as_os_str() != "-");
    let mut all = Vec::new();
    for text in &args.reports {
        let (name, path) = super::args::pair("--report", "FORMAT=FILE", text)?;
        let format = format(name)?;
        all.push(match path {
            "-" if std::mem::take(&mut stdout_is_free) => (format, None),
            "-" => {
                return Err(Unusable(format!(
                    "--report {text}: `-` is stdout, where another report goes: give that one a file, as --output FILE does"
                )));
            }
            path => (format, Some(Output::open(path.as_ref())?)),
        });
    }
    Ok(all)
}

/// A file's style: no colour, no Unicode drawing, 80 columns.
pub fn plain(width: Option<u16>) -> Style {
    Style { width: width.map_or(80, usize::from), colour: false, unicode: false }
}

/// What `--color` says; one terminal, one answer.
static COLOR: OnceLock<Color> = OnceLock::new();

/// Takes `--color`, once.
pub fn choose(color: Color) {
    let _ = COLOR.set(color);
}

/// What stdout can show: the terminal's own where it is one, else what every file can, so that a pipe always gets the same
/// text. `--color` decides over `NO_COLOR` (no-color.org), and both over the terminal.
pub fn terminal(width: Option<u16>) -> Style {
    let color = COLOR.get().copied().unwrap_or_default();
    let plain = plain(width);
    if !std::io::stdout().is_terminal() {
        return Style { colour: color == Color::Always, ..plain };
    }
    let columns = comfy_table::Table::new().width().unwrap_or(80).clamp(40, 160);
    let can = env("NO_COLOR").is_none() && env("TERM").as_deref() != Some("dumb");
    Style {
        width: width.map_or(usize::from(columns), usize::from),
        colour: color == Color::Always || color == Color::Auto && can,
        unicode: unicode(),
    }
}

/// The locale's character set, by the order of POSIX (XBD 8.2).
fn unicode() -> bool {
    ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|n| env(n)).is_some_and(|v| {
        let v = v.to_ascii_lowercase();
        v.contains("utf-8") || v.contains("utf8")
    })
}

#[expect(clippy::disallowed_methods, reason = "the command line is where the environment is read")]
pub fn env(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|v| !v.is_empty())
}
