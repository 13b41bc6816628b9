//! `rtc-check demo`: the responder on loopback and the whole job against it, in one process, without privileges.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use crate::model::{Host, PortRange, PortSet, RoleName, RuleId};
use crate::net::{chance, tls::Trust};
use crate::plan::{Plan, Request};
use crate::profile::{self, Profile, Rule};
use crate::serve::{self, Config, Limits, Ports, Responder};

use super::args::{DemoArgs, TuningArgs};
use super::check::{self, Job};
use super::output::Outputs;
use super::serve::{Choice, service};
use super::{Unusable, exit};

/// Where a media range is tried: as the document has it, then moved down by so many ports.
const SHIFTS: [u16; 4] = [0, 1500, 3000, 4500];

/// `rtc-check demo …`.
pub fn command(args: DemoArgs) -> Result<u8, Unusable> {
    let Some(profile) = profile::built_in(&args.profile) else {
        let known: Vec<&str> = profile::BUILT_IN.iter().map(|(n, _)| *n).collect();
        return Err(Unusable(format!("no profile `{}`: give one of {}", args.profile, known.join(", "))));
    };
    let outputs = Outputs::open(&args.output)?;
    let strict = args.output.strict;
    let runtime = super::runtime()?;
    let (report, interrupted) = runtime.block_on(demo(&profile, &args, &outputs))?;
    runtime.shutdown_background();
    outputs.write(&report)?;
    Ok(if interrupted { exit::INTERRUPTED } else { exit::of(&report, strict) })
}

async fn demo(profile: &Profile, args: &DemoArgs, outputs: &Outputs) -> Result<(crate::model::Report, bool), Unusable> {
    let choice = Choice {
        roles: profile.roles.iter().filter(|(_, r)| !r.optional).map(|(name, _)| name.clone()).collect(),
        from: profile.vantages.first().cloned().into_iter().collect(),
        options: profile.options.clone(),
        ports: BTreeMap::new(),
    };
    let addresses = addresses(profile, &choice);
    let names: Vec<String> = addresses.values().map(ToString::to_string).collect();
    let (authority, tls) = serve::self_signed(&names).map_err(|e| Unusable(e.to_string()))?;
    let trust = Trust::only_pem(&authority.0);
    let (responder, ports) = start(profile, &choice, &addresses, tls).await?;
    let request = Request {
        targets: addresses.iter().map(|(role, a)| (role.clone(), vec![Host::Address(*a)])).collect(),
        ports,
        ..Request::default()
    };
    let plan = Plan::new(profile, &request).map_err(|e| Unusable(e.to_string()))?;
    let tuning = check::tuning(&TuningArgs { pace: args.pace, ..TuningArgs::default() });
    let (trust, seed) = (Arc::new(trust), chance::seed());
    let job = Job { plan, tuning, trust, seed, dns: Vec::new(), strict: args.output.strict, key: None };
    let result = check::run(job, outputs.sink()).await;
    responder.stop().await;
    Ok(result)
}

/// Each role that a rule reaches, on a loopback address of its own.
fn addresses(profile: &Profile, choice: &Choice) -> BTreeMap<RoleName, IpAddr> {
    let roles: BTreeSet<&RoleName> = profile.rules.iter().filter(|r| choice.takes(r)).map(|r| &r.to).collect();
    let address = |(i, role): (usize, &RoleName)| {
        let last = u8::try_from(i + 2).unwrap_or(u8::MAX);
        (role.clone(), IpAddr::V4(Ipv4Addr::new(127, 0, 0, last)))
    };
    roles.into_iter().enumerate().map(address).collect()
}

/// Starts the responder; a range that is taken on this machine is moved, by the override that a user has too.
async fn start(
    profile: &Profile,
    choice: &Choice,
    addresses: &BTreeMap<RoleName, IpAddr>,
    tls: Arc<rustls::ServerConfig>,
) -> Result<(Responder, BTreeMap<RuleId, PortRange>), Unusable> {
    let mut why = String::new();
    for shift in SHIFTS {
        let served = |rule: &Rule| {
            let bind = addresses.get(&rule.to).copied().into_iter().collect();
            service(rule, bind, wanted(rule, shift))
        };
        let config = Config {
            services: profile.rules.iter().filter(|r| choice.takes(r)).map(served).collect(),
            tls: Arc::clone(&tls),
            key: None,
            limits: Limits::default(),
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        let responder = Responder::start(config).await.map_err(|e| Unusable(e.to_string()))?;
        let taken = |n: &&serve::NotBound| profile.rules.iter().any(|r| r.id == n.rule && r.ports.is_some());
        match responder.not_bound().iter().find(taken) {
            None => {
                let ports = moved(profile, &responder);
                return Ok((responder, ports));
            }
            Some(missing) => why = format!("{}: {}", missing.rule, missing.why),
        }
        responder.stop().await;
    }
    Err(Unusable(format!("the demo found no free ports on loopback: {why}")))
}

fn wanted(rule: &Rule, shift: u16) -> Ports {
    let moved = |p: PortRange| PortRange::new(p.first().saturating_sub(shift), p.last().saturating_sub(shift));
    match rule.ports.filter(|p| !p.is_single()).and_then(moved) {
        Some(range) => Ports::Exact(range),
        None => Ports::Free,
    }
}

/// The ports that were bound, for `--port`.
fn moved(profile: &Profile, responder: &Responder) -> BTreeMap<RuleId, PortRange> {
    let bound = responder.bound().iter().filter(|b| profile.rules.iter().any(|r| r.id == b.rule));
    bound.filter_map(|b| Some((b.rule.clone(), whole(&b.ports)?))).collect()
}

/// A set that is one range, which every bound rule of the demo is.
fn whole(ports: &PortSet) -> Option<PortRange> {
    match ports.ranges() {
        [one] => Some(*one),
        _ => None,
    }
}
