//! A scenario as its file says it: the servers, the faults, and the truth beside them. It knows nothing of namespaces.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use crate::namespaces::Place;

/// What no scenario measures unless it says so.
const SKIPPED: &str = "quality,bandwidth,nat,ice,call";

/// One file of `cases/`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// The file's name without its ending.
    #[serde(skip)]
    pub name: String,
    /// What is wrong, in one sentence.
    pub title: String,
    /// A built-in profile, or a file of `profiles/` beside `cases/`.
    #[serde(default = "user")]
    pub profile: String,
    /// Arguments of the check, after profile and format. `{dir}` is the lab's directory.
    #[serde(default)]
    pub args: Vec<String>,
    /// What is not tried; empty for trying everything.
    #[serde(default = "skipped")]
    pub skip: String,
    /// More in the environment; `{dir}` as in `args`.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Servers by the names of `services.rs`, each with its words.
    #[serde(default)]
    pub servers: Vec<String>,
    /// Lines of the client's hosts file.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// Addresses of the client's resolvers, and `options …`.
    #[serde(default)]
    pub resolvers: Vec<String>,
    /// Where the lab's root is trusted.
    #[serde(default)]
    pub trust: Trust,
    /// What the line between the routers does to packets, in the emulator's words.
    pub line: Option<Line>,
    /// It measures times, so nothing else runs beside it.
    #[serde(default)]
    pub alone: bool,
    /// What is done in each place before the check.
    #[serde(default)]
    pub at: BTreeMap<String, Fault>,
    pub truth: Truth,
}

/// Whom the check trusts.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Trust {
    /// The lab's root by `--ca`.
    #[default]
    Flag,
    /// The lab's root in the platform's store.
    Platform,
    /// That and what inspects TLS, in the platform's store.
    Inspection,
}

/// The emulated line, each way.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    pub up: String,
    pub down: String,
}

/// What is done in one place.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Rules of nftables in the chains of these hooks.
    #[serde(default)]
    pub forward: Vec<String>,
    #[serde(default)]
    pub input: Vec<String>,
    #[serde(default)]
    pub output: Vec<String>,
    /// Rules of `nat`'s hooks.
    #[serde(default)]
    pub prerouting: Vec<String>,
    #[serde(default)]
    pub postrouting: Vec<String>,
    /// Whole lines of the table: sets, counters, helpers.
    #[serde(default)]
    pub table: Vec<String>,
    /// Kernel parameters, by path below /proc/sys.
    #[serde(default)]
    pub sysctl: BTreeMap<String, String>,
    /// Commands, after everything else.
    #[serde(default)]
    pub run: Vec<String>,
}

/// What the report must say.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Truth {
    pub exit: i32,
    pub verdict: String,
    /// Findings that must be there.
    #[serde(default)]
    pub findings: Vec<Expected>,
    /// Findings that must not be there, not even as notes.
    #[serde(default)]
    pub absent: Vec<String>,
    /// Findings that are neither asked for nor wrong.
    #[serde(default)]
    pub may: Vec<String>,
    /// Statuses by `tcp 8989`, `tcp 8989 on 198.51.100.10`, or a rule's or check's name; `fail|unknown` is either.
    #[serde(default)]
    pub checks: BTreeMap<String, String>,
}

/// A finding that must be there.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    pub id: String,
    /// `pass`, `warn`, `fail`; any unless it is said.
    pub status: Option<String>,
    /// What its text must say.
    #[serde(default)]
    pub says: Vec<String>,
    /// Who can act on it.
    pub who: Option<String>,
}

fn user() -> String {
    "user".to_owned()
}

fn skipped() -> String {
    SKIPPED.to_owned()
}

/// The place of that name.
pub fn place(name: &str) -> Option<Place> {
    Some(match name {
        "client" => Place::Client,
        "home" => Place::Home,
        "proxy" => Place::Proxy,
        "provider" => Place::Router,
        "server" => Place::Server,
        _ => return None,
    })
}

/// Every scenario of `dir`, in the order of names, or every error.
pub fn read(dir: &Path) -> Result<Vec<Case>, Vec<String>> {
    let entries = std::fs::read_dir(dir).map_err(|e| vec![format!("{}: {e}", dir.display())])?;
    let mut files: Vec<_> =
        entries.flatten().map(|e| e.path()).filter(|p| p.extension().is_some_and(|e| e == "toml")).collect();
    files.sort();
    let (cases, errors): (Vec<_>, Vec<_>) = files.iter().map(|file| one(file)).partition(Result::is_ok);
    let errors: Vec<String> = errors.into_iter().filter_map(Result::err).collect();
    if errors.is_empty() { Ok(cases.into_iter().flatten().collect()) } else { Err(errors) }
}

fn one(file: &Path) -> Result<Case, String> {
    let text = std::fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))?;
    let mut case: Case = toml::from_str(&text).map_err(|e| format!("{}: {e}", file.display()))?;
    case.name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let wrong = |what: &str| Err(format!("{}: {what}", file.display()));
    if let Some(name) = case.at.keys().find(|name| place(name).is_none()) {
        return wrong(&format!("there is no place {name:?}: client, home, proxy, provider, server"));
    }
    if !case.truth.verdict.split('|').all(|v| ["pass", "warn", "fail", "unknown"].contains(&v)) {
        return wrong("truth.verdict is pass, warn, fail or unknown");
    }
    if let Some(both) = case.truth.findings.iter().find(|f| case.truth.absent.contains(&f.id)) {
        return wrong(&format!("{} is both expected and absent", both.id));
    }
    Ok(case)
}
