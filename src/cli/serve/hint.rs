//! What a responder tells its operator to type on the other side.

use std::net::IpAddr;

use crate::cli::args::ServeArgs;
use crate::model::{RoleName, Service};
use crate::profile::{Profile, Rule};
use crate::serve::Config;

use super::Choice;

/// A command for each vantage that reaches something here, and whether a key is wanted there.
pub fn other_side(args: &ServeArgs, profile: &Profile, choice: &Choice, config: &Config) -> String {
    let ca = match (&args.cert, &args.ca_out) {
        (Some(_), _) => String::new(),
        (None, Some(path)) => format!(" --ca {}", path.display()),
        (None, None) => " --ca FILE (run this with --ca-out FILE to get it)".to_owned(),
    };
    let seen = |from: &String| seen_from(from, profile, choice, config);
    let from = |v: &String| if profile.vantages.len() > 1 { format!(" --from {v}") } else { String::new() };
    let options: String = args.options.iter().map(|option| format!(" --option {option}")).collect();
    let line = |v: &String| {
        Some(format!("on the other side: rtc-check --profile {}{}{options}{}{ca}", args.profile, from(v), seen(v)?))
    };
    let mut lines: Vec<String> = choice.from.iter().filter_map(line).collect();
    if config.key.is_some() {
        lines.push(
            "key: UDP answers only with the same RTC_CHECK_RESPONDER_KEY on the other side; TCP answers everyone"
                .into(),
        );
    }
    lines.join("\n")
}

/// Targets, moved ports and what is served, for a machine at a vantage; `None` where it reaches nothing here.
fn seen_from(vantage: &String, profile: &Profile, choice: &Choice, config: &Config) -> Option<String> {
    let reached: Vec<&Rule> = profile.rules.iter().filter(|r| choice.takes(r) && r.from.contains(vantage)).collect();
    // The profile's own services come before those that stand beside them on a second address.
    let host = |role: &RoleName| match config.services.iter().find(|s| s.role == *role)?.bind.first() {
        Some(IpAddr::V6(a)) if !a.is_unspecified() => Some(format!("[{a}]")),
        Some(a) if !a.is_unspecified() => Some(a.to_string()),
        _ => Some("HOST".to_owned()),
    };
    let roles = choice.roles.iter().filter(|role| reached.iter().any(|r| r.to == **role));
    let targets: Vec<(&RoleName, String)> = roles.filter_map(|role| Some((role, host(role)?))).collect();
    let names: Vec<&str> = targets.iter().map(|(role, _)| role.as_str()).collect();
    let moved = reached.iter().filter_map(|r| Some((&r.id, choice.ports.get(&r.id)?)));
    let moved: String = moved.map(|(rule, ports)| format!(" --port {rule}={ports}")).collect();
    let without: Vec<&str> = reached.iter().filter(|r| !stood_in_for(r)).map(|r| r.id.as_str()).collect();
    let without = if without.is_empty() { String::new() } else { format!(" --skip {}", without.join(",")) };
    let hosts: String = targets.iter().map(|(role, host)| format!(" --target {role}={host}")).collect();
    (!names.is_empty()).then(|| format!("{hosts}{moved} --only {}{without}", names.join(",")))
}

/// Whether a responder can take the place of what the rule reaches: it is no relay and no tunnel.
pub fn stood_in_for(rule: &Rule) -> bool {
    !matches!(rule.service, Service::Turn | Service::Turns | Service::Gre)
}
