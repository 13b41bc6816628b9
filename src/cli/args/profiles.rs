//! The flags of `rtc-check profiles`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

#[derive(Args, Debug)]
pub struct ProfilesArgs {
    #[command(subcommand)]
    pub command: ProfilesCommand,
}

#[derive(Debug, Subcommand)]
pub enum ProfilesCommand {
    /// List the built-in profiles
    List {
        /// table or json
        #[arg(short, long, value_enum, default_value_t, env = "RTC_CHECK_LIST_FORMAT")]
        format: ListFormat,
    },
    /// Show the rules, limits and bandwidth of a profile with their sources
    Show {
        /// Built-in profile or path of a profile file
        name: String,
        /// table or json
        #[arg(short, long, value_enum, default_value_t, env = "RTC_CHECK_LIST_FORMAT")]
        format: ListFormat,
    },
    /// Check profile files; every error is printed with its place
    Validate {
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// table or json
        #[arg(short, long, value_enum, default_value_t, env = "RTC_CHECK_LIST_FORMAT")]
        format: ListFormat,
    },
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    #[default]
    Table,
    Json,
}
