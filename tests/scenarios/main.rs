//! The scenarios of `cases/`: each a network with a known fault, on which the real binary must name the cause and nothing
//! else. `tests/lab/run` is this program; plain `cargo test` runs it too. Needs root and network namespaces; without them it
//! says so, and fails where `CI=true`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a scenario fails by panicking")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "the table is what this program is for")]
#![allow(
    clippy::disallowed_methods,
    clippy::exit,
    reason = "it reads the clock and the environment, and ends by a code"
)]

mod arguments;
mod case;
mod chain;
mod compare;
#[path = "../lab/daemon.rs"]
#[allow(dead_code, reason = "the lab's tests use the rest")]
mod daemon;
#[path = "../emulator/mod.rs"]
#[allow(dead_code, reason = "the benchmark uses the rest")]
mod emulator;
#[path = "../harness/mod.rs"]
#[allow(dead_code, reason = "each test crate uses its part of the harness")]
mod harness;
#[path = "../lab/ike.rs"]
#[allow(dead_code, unused_imports, reason = "the lab's tests use the rest")]
mod ike;
mod interrupted;
#[path = "../lab/namespaces.rs"]
#[allow(dead_code, reason = "the lab's tests use the rest")]
mod namespaces;
#[path = "../lab/pki.rs"]
mod pki;
#[path = "../lab/possible.rs"]
mod possible;
mod proxies;
mod resolvers;
mod runner;
#[path = "../lab/servers.rs"]
#[allow(dead_code, reason = "the lab's tests use the rest")]
mod servers;
mod services;
mod table;

use std::path::Path;
use std::process::ExitCode;

use arguments::Arguments;

fn main() -> ExitCode {
    let arguments = match Arguments::read(std::env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(why) => {
            eprintln!("{why}\n{}", arguments::USAGE);
            return ExitCode::from(2);
        }
    };
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios/cases");
    let mut cases = match case::read(&dir) {
        Ok(cases) => cases,
        Err(errors) => {
            eprintln!("{}", errors.join("\n"));
            return ExitCode::FAILURE;
        }
    };
    if let Some(unknown) = arguments.unknown(&cases) {
        eprintln!("no scenario's name has {unknown:?} in it; --list lists them");
        return ExitCode::from(2);
    }
    cases.retain(|case| arguments.wants(&case.name));
    if arguments.list {
        cases.iter().for_each(|case| println!("{}: {}", case.name, case.title));
        return ExitCode::SUCCESS;
    }
    if std::env::var_os("RTC_CHECK_LAB").is_some_and(|v| v == "later") || cases.is_empty() {
        println!("\ntest result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; {} filtered out\n", cases.len());
        return ExitCode::SUCCESS;
    }
    if let Err(why) = possible::possible(&[]) {
        eprintln!("\nNOT RUN: {} scenarios: {why}", cases.len());
        let is_failure = std::env::var_os("CI").is_some_and(|v| v == "true");
        return if is_failure { ExitCode::FAILURE } else { ExitCode::SUCCESS };
    }
    interrupted::clean_up();
    if runner::run(&cases, &arguments) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
