//! Programs from elsewhere that read what rtc-check writes; `tests/run` sets them up. A test that lacks one says so and
//! checks nothing, and fails where CI runs it.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The project's own directory.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A program of `tests/readers/requirements.txt`, or its Python with `python`.
pub fn python(program: &str) -> Option<Command> {
    found(root().join("target/readers/bin").join(program))
}

/// Node with a script of `tests/readers/`, which finds the modules of `package.json` there.
pub fn node(script: &str) -> Option<Command> {
    let (modules, node) = (root().join("tests/readers/node_modules"), installed("node")?);
    modules.is_dir().then_some(()).or_else(|| missing("tests/readers/node_modules"))?;
    let mut command = Command::new(node);
    command.arg(root().join("tests/readers").join(script));
    Some(command)
}

/// A program of the operating system's packages.
pub fn system(program: &str) -> Option<Command> {
    installed(program).map(Command::new)
}

fn installed(program: &str) -> Option<PathBuf> {
    let path = format!("{}:/usr/sbin:/sbin", std::env::var("PATH").unwrap_or_default());
    let found = std::env::split_paths(&path).map(|dir| dir.join(program)).find(|file| file.is_file());
    found.or_else(|| missing(program))
}

fn found(file: PathBuf) -> Option<Command> {
    if file.is_file() { Some(Command::new(file)) } else { missing(&file.display().to_string()) }
}

#[allow(clippy::print_stderr, reason = "a test says what it did not do")]
fn missing<T>(what: &str) -> Option<T> {
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{what} is missing: tests/run sets it up");
    eprintln!("not run: {what} is missing (tests/run sets it up)");
    None
}
