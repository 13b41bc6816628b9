//! Flags and configuration file into a typed request; a flag wins over the file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::model::{Host, PortRange, RoleName, RuleId};
use crate::net::clock;
use crate::plan::{Families, Request};
use crate::profile::{self, Profile};

use super::Unusable;
use super::args::{self, CheckArgs, Ip};
use super::config::{Config, Hosts, Port};

/// The longest profile file that is read.
pub const MAX_PROFILE: u64 = 1 << 20;

/// A built-in profile by name, or a file.
pub fn load_profile(name: &str) -> Result<Profile, Unusable> {
    if let Some(profile) = profile::built_in(name) {
        return Ok(profile);
    }
    let path = Path::new(name);
    if !path.exists() && !name.contains(['/', '.']) {
        let known: Vec<&str> = profile::BUILT_IN.iter().map(|(n, _)| *n).collect();
        let meant = profile::meant(name, known.iter().copied());
        return Err(Unusable(format!(
            "no profile `{name}`{meant}: give one of {}, or the path of a file",
            known.join(", ")
        )));
    }
    let text = super::files::read_text(path, MAX_PROFILE)?;
    profile::load(name, &text).map_err(|errors| Unusable(format!("the profile is wrong\n{errors}")))
}

/// Merges flags and configuration; every error at once.
pub fn build(args: &CheckArgs, config: &Config) -> Result<Request, Unusable> {
    let mut errors = Vec::new();
    let mut keep = |result: Result<(), String>| errors.extend(result.err());
    let media = super::media::media(&args.media, config)?;
    let super::trust::Trusting { pins, controls } = super::trust::trust(&args.trust, config)?;
    let mut request = Request {
        from: first(&args.selection.from, &config.from),
        only: first(&args.selection.only, &config.only),
        skip: first(&args.selection.skip, &config.skip),
        allow_unknown: first(&args.allow_unknown, &config.allow_unknown).iter().map(|r| r.as_str().into()).collect(),
        families: match args.tuning.ip {
            Some(Ip::V4) => Families::V4,
            Some(Ip::V6) => Families::V6,
            _ => Families::Both,
        },
        options: config.options.clone(),
        measuring: super::measuring::measuring(&args.measure, config)?,
        stun: media.stun,
        turn: media.turn,
        call: media.call,
        pins,
        controls,
        today: today(),
        ..Request::default()
    };
    for (role, hosts) in &config.targets {
        let hosts = match hosts {
            Hosts::One(host) => std::slice::from_ref(host),
            Hosts::Many(hosts) => hosts.as_slice(),
        };
        keep(bind(&mut request.targets, role, hosts.iter().map(String::as_str), "targets"));
    }
    let mut given: BTreeMap<RoleName, Vec<Host>> = BTreeMap::new();
    for text in &args.selection.targets {
        keep(
            args::pair("--target", "ROLE=HOST[,HOST…]", text)
                .and_then(|(role, hosts)| bind(&mut given, role, hosts.split(','), "--target")),
        );
    }
    request.targets.extend(given);
    for (rule, port) in &config.ports {
        match config_port(port) {
            Ok(ports) => request.ports.extend([(rule.as_str().into(), ports)]),
            Err(e) => keep(Err(format!("ports: {rule}: {e}"))),
        }
    }
    for text in &args.selection.moved_ports {
        keep(args::moved_port(text).map(|moved| request.ports.extend([moved])));
    }
    for text in &args.selection.options {
        keep(args::option(text).map(|option| request.options.extend([option])));
    }
    let file = config.path.as_deref().unwrap_or(Path::new("rtc-check.toml")).display().to_string();
    for waive in &config.waive {
        keep(waive.waiver(&file).map(|w| request.waivers.push(w)));
    }
    match errors.is_empty() {
        true => Ok(request),
        false => Err(Unusable(errors.join("\n"))),
    }
}

/// The day in UTC, on which waivers may have expired.
pub fn today() -> Option<crate::plan::Day> {
    clock::utc().strftime("%Y-%m-%d").to_string().parse().ok()
}

/// The flags' values, or the file's where there are none.
pub fn first(flags: &[String], file: &[String]) -> Vec<String> {
    if flags.is_empty() { file.to_vec() } else { flags.to_vec() }
}

fn bind<'a>(
    targets: &mut BTreeMap<RoleName, Vec<Host>>,
    role: &str,
    hosts: impl Iterator<Item = &'a str>,
    flag: &str,
) -> Result<(), String> {
    let list = targets.entry(role.into()).or_default();
    for text in hosts {
        let host = text.trim().parse::<Host>().map_err(|e| format!("{flag} {role}: {e}"))?;
        if !list.contains(&host) {
            list.push(host);
        }
    }
    Ok(())
}

fn config_port(port: &Port) -> Result<PortRange, String> {
    match port {
        Port::One(p) => PortRange::single(*p).ok_or_else(|| "port 0 is none".to_owned()),
        Port::Text(text) => text.parse(),
    }
}

/// Rules moved by `--port`, for `serve`.
pub fn moved_ports(texts: &[String]) -> Result<BTreeMap<RuleId, PortRange>, Unusable> {
    texts.iter().map(|t| args::moved_port(t).map_err(Unusable)).collect()
}

/// Directories in which a configuration file is looked for, nearest first.
#[expect(clippy::disallowed_methods, reason = "the command line is where the environment is read")]
pub fn config_directories() -> Vec<PathBuf> {
    let user = std::env::var_os("XDG_CONFIG_HOME")
        .filter(|d| !d.is_empty())
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|h| Path::new(&h).join(".config")));
    [Some(PathBuf::from(".")), user.map(|d| d.join("rtc-check"))].into_iter().flatten().collect()
}
