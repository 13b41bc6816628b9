//! `rtc-check completions` and `rtc-check man`: what a shell and `man` want to know, made from the definition of the flags.

use std::collections::BTreeSet;
use std::path::Path;

use clap::builder::PossibleValuesParser;
use clap::{Arg, Command, CommandFactory};
use clap_complete::Shell;

use crate::profile::{self, Profile};
use crate::{explain, plan, report};

use super::args::Cli;
use super::{Unusable, exit, output};

/// Prints the completions of a shell.
///
/// # Errors
/// A full disk behind stdout.
pub fn command(shell: Shell) -> Result<u8, Unusable> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut worded(), "rtc-check", &mut text);
    let text = String::from_utf8_lossy(&text);
    output::print(&match shell {
        Shell::Fish => text.replace(ASKED_ONCE, ASKED_AGAIN),
        // The crate names the functions of a program with a hyphen in two ways, and finds no flag behind a command.
        Shell::Bash => text.replace("rtc__subcmd__check", "rtc__check"),
        _ => text.into_owned(),
    })
}

/// Fish asks what a line's command is, and hears none while the last flag still waits for its value: the words for flags
/// that stand before any command, which here are the main ones, would never be offered.
const ASKED_ONCE: &str = "-- $cmd 2>/dev/null\n    or return\n";
const ASKED_AGAIN: &str = "-- $cmd 2>/dev/null
    or begin
        set -e cmd[-1]
        argparse -s (__fish_rtc_check_global_optspecs) -- $cmd 2>/dev/null
    end
    or return
";

/// Prints the main page, or writes the page of every command into a directory.
///
/// # Errors
/// A directory that cannot be written.
pub fn man(directory: Option<&Path>) -> Result<u8, Unusable> {
    // The pages name no value of this environment.
    let command = Cli::command().mut_args(|arg| arg.hide_env_values(true));
    let Some(directory) = directory else {
        let mut page = Vec::new();
        clap_mangen::Man::new(command).render(&mut page).map_err(|e| Unusable(format!("man page: {e}")))?;
        return output::print(&String::from_utf8_lossy(&page));
    };
    let wrong = |e: std::io::Error| Unusable(format!("{}: {e}", directory.display()));
    std::fs::create_dir_all(directory).map_err(wrong)?;
    clap_mangen::generate_to(command, directory).map_err(wrong)?;
    Ok(exit::PASS)
}

/// The command with the words that its flags take in the built-in profiles. Only for completing: a flag takes others too,
/// such as the name of a profile file, whose words nobody knows before it is read.
fn worded() -> Command {
    let words = Words::gather();
    words.put_into(Cli::command())
}

/// What the built-in profiles and the program itself have names for.
struct Words {
    profiles: Vec<&'static str>,
    roles: BTreeSet<String>,
    rules: BTreeSet<String>,
    services: BTreeSet<String>,
    vantages: BTreeSet<String>,
    options: BTreeSet<String>,
}

impl Words {
    fn gather() -> Self {
        let profiles: Vec<&'static str> = profile::BUILT_IN.iter().map(|(name, _)| *name).collect();
        let loaded: Vec<Profile> = profiles.iter().filter_map(|name| profile::built_in(name)).collect();
        let rules = || loaded.iter().flat_map(|p| &p.rules);
        Self {
            roles: loaded.iter().flat_map(|p| p.roles.keys()).map(ToString::to_string).collect(),
            rules: rules().map(|r| r.id.to_string()).collect(),
            services: rules().map(|r| r.service.to_string()).collect(),
            vantages: loaded.iter().flat_map(|p| p.vantages.iter().cloned()).collect(),
            options: loaded.iter().flat_map(|p| p.options.keys().cloned()).collect(),
            profiles,
        }
    }

    fn put_into(&self, command: Command) -> Command {
        let names: Vec<String> = command.get_subcommands().map(|c| c.get_name().to_owned()).collect();
        let command = command.mut_args(|arg| self.told(arg));
        names.into_iter().fold(command, |command, name| command.mut_subcommand(name, |c| self.put_into(c)))
    }

    /// A flag with the words that it takes, by its name; another as it is.
    fn told(&self, arg: Arg) -> Arg {
        let assigned = |names: &BTreeSet<String>, ends: &[&str]| -> Vec<String> {
            names.iter().flat_map(|n| ends.iter().map(move |end| format!("{n}={end}"))).collect()
        };
        let beside = || ["quality", "bandwidth"].into_iter().chain(plan::KINDS).map(str::to_owned);
        let words: Vec<String> = match arg.get_id().as_str() {
            "profile" | "name" if arg.get_long() != Some("name") => {
                self.profiles.iter().map(ToString::to_string).collect()
            }
            "targets" => assigned(&self.roles, &[""]),
            "moved_ports" => assigned(&self.rules, &[""]),
            "options" => assigned(&self.options, &["true", "false"]),
            "role" | "roles" => self.roles.iter().cloned().collect(),
            "from" => self.vantages.iter().cloned().collect(),
            "only" | "skip" => {
                let all = self.rules.iter().chain(&self.roles).chain(&self.services).cloned().chain(beside());
                all.collect::<BTreeSet<_>>().into_iter().collect()
            }
            "allow_unknown" => self.rules.iter().cloned().chain(beside()).collect(),
            "word" => explain::words().map(str::to_owned).chain(self.rules.iter().cloned()).collect(),
            "format" if arg.get_possible_values().is_empty() => formats(""),
            "reports" => formats("="),
            _ => return arg,
        };
        arg.value_parser(PossibleValuesParser::new(words))
    }
}

fn formats(end: &str) -> Vec<String> {
    report::Format::ALL.iter().map(|f| format!("{}{end}", f.as_str())).collect()
}
