//! The command line: the only place that prints, reads the environment, or decides an exit code. It makes the five
//! calls of the program and knows no protocol.

mod args;
mod begun;
mod bundle;
mod check;
mod completions;
mod config;
mod demo;
mod diff;
mod doctor;
mod exit;
mod explain;
mod exporter;
mod files;
mod firewall;
mod host;
mod measuring;
mod media;
mod output;
pub mod profile_tables;
mod profiles;
pub mod progress;
mod proxies;
mod push;
mod report;
mod request;
mod secrets;
mod serve;
mod signal;
mod size;
mod trust;
mod watch;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{CommandFactory, FromArgMatches};

use args::{Cli, Command};
use exit::{Codes, End};

/// What ends a command before its work is done: a usage, profile or configuration error, in the words to print.
#[derive(Debug)]
pub struct Unusable(pub String);

impl From<String> for Unusable {
    fn from(text: String) -> Self {
        Self(text)
    }
}

/// Runs the program; see `rtc-check --help`.
pub fn main() -> ExitCode {
    let cli = match parsed(std::env::args_os().collect()) {
        Ok(cli) => cli,
        // Help and version go to stdout and are no error; a closed pipe there is nobody's concern.
        Err(error) => {
            let _ = error.print();
            return match error.use_stderr() {
                true => ExitCode::from(unusable(&error.to_string())),
                false => ExitCode::from(exit::PASS),
            };
        }
    };
    output::choose(cli.color);
    let result = match cli.command {
        None => check::command(cli.check),
        Some(Command::Profiles(args)) => profiles::command(args),
        Some(Command::Serve(args)) => serve::command(args),
        Some(Command::Exporter(args)) => exporter::command(args),
        Some(Command::Watch(args)) => watch::command(*args),
        Some(Command::Host(args)) => host::command(*args),
        Some(Command::Bundle(args)) => bundle::command(*args),
        Some(Command::Doctor(args)) => doctor::command(&args),
        Some(Command::Demo(args)) => demo::command(args),
        Some(Command::Size(args)) => size::command(args),
        Some(Command::Report(args)) => report::command(&args),
        Some(Command::Diff(args)) => diff::command(&args),
        Some(Command::Firewall(args)) => firewall::command(args),
        Some(Command::Explain(args)) => explain::command(&args),
        Some(Command::Schema { document }) => report::schema(document),
        Some(Command::Completions { shell }) => completions::command(shell),
        Some(Command::Man { directory }) => completions::man(directory.as_deref()),
    };
    match result {
        Ok(code) => ExitCode::from(code),
        Err(Unusable(text)) => {
            output::say(&format!("rtc-check: {text}"));
            ExitCode::from(unusable(&text))
        }
    }
}

/// Reads the command line. A check's flags and a command exclude each other; --color is no check's, and stands before a
/// command as well as behind it.
fn parsed(arguments: Vec<OsString>) -> Result<Cli, clap::Error> {
    let is_before = |argument: &OsString| argument.to_string_lossy().starts_with("--color");
    let is_strict = !arguments.get(1).is_some_and(is_before);
    let mut command = Cli::command().args_conflicts_with_subcommands(is_strict);
    let matches = command.try_get_matches_from_mut(arguments)?;
    let given = |id: &str| id != "color" && matches.value_source(id) == Some(ValueSource::CommandLine);
    let own = command.get_arguments().find(|flag| given(flag.get_id().as_str())).map(ToString::to_string);
    match matches.subcommand_name().zip(own) {
        Some((name, flag)) => {
            let words = format!("the subcommand '{name}' cannot be used with '{flag}'");
            Err(command.error(ErrorKind::ArgumentConflict, words))
        }
        None => Cli::from_arg_matches(&matches),
    }
}

/// The exit code of a command that could not begin. A monitoring system reads stdout, and takes a plugin that says
/// nothing there for one that is missing.
fn unusable(why: &str) -> u8 {
    let arguments = std::env::args_os().map(|argument| argument.to_string_lossy().into_owned());
    let codes = Codes::asked(arguments, output::env("RTC_CHECK_EXIT_CODES"));
    if codes == Codes::Nagios {
        let first = why.lines().next().unwrap_or_default();
        let _ = output::print(&crate::report::cannot_run(first.trim_start_matches("error: ")));
    }
    End::Unusable.code(codes)
}

/// The runtime of a command.
fn runtime() -> Result<tokio::runtime::Runtime, Unusable> {
    let built = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    built.map_err(|e| Unusable(format!("this machine gives no runtime to the program: {e}")))
}
