//! `rtc-check demo`: the responder on loopback and the whole job against it, in one process, without privileges.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use crate::model::{CallMode, Host, PortRange, PortSet, Report, RoleName, RuleId};
use crate::net::{chance, tls::Trust};
use crate::plan::{Plan, Request};
use crate::profile::{self, Profile, Rule, Spec};
use crate::serve::{self, CertificatePem, Config, Limits, Ports, Responder};

use super::args::{DemoArgs, MeasureArgs, TuningArgs};
use super::check::{self, Job};
use super::output::Outputs;
use super::serve::{Choice, options, service, stood_in_for, vantages};
use super::{Unusable, config, measuring, secrets};

/// How far a media range is moved down, attempt by attempt; `None`: as the document has it. Another demo may run, which
/// takes a loopback network, and a wildcard socket of this machine may have one of the ports.
const SHIFTS: [Option<u16>; 6] = [None, None, Some(0), Some(0), Some(1500), Some(3000)];

/// The longest train, for a demonstration that nobody waits for.
const LONGEST: Duration = Duration::from_secs(7);

/// Datagrams a second of a sweep: no firewall on loopback takes it for a scan.
const PACE: u32 = 8000;

/// The highest port below those that Linux gives to outgoing sockets by default (`net.ipv4.ip_local_port_range`).
const BELOW_EPHEMERAL: u16 = 32_767;

/// `rtc-check demo …`.
pub fn command(args: DemoArgs) -> Result<u8, Unusable> {
    let Some(profile) = profile::built_in(&args.profile) else {
        let known: Vec<&str> = profile::BUILT_IN.iter().map(|(n, _)| *n).collect();
        let meant = profile::meant(&args.profile, known.iter().copied());
        return Err(Unusable(format!("no profile `{}`{meant}: give one of {}", args.profile, known.join(", "))));
    };
    let outputs = Outputs::open(&args.output)?.by(&[], None)?;
    let strict = args.output.strict;
    let runtime = super::runtime()?;
    let report = runtime.block_on(demo(&profile, &args, &outputs))?;
    runtime.shutdown_background();
    let code = outputs.write(&report, strict);
    if !args.output.quiet {
        super::output::say(&next(&profile, &args, &report));
    }
    Ok(code)
}

/// What to type for a real network.
fn next(profile: &Profile, args: &DemoArgs, report: &Report) -> String {
    let bound = |role: &&RoleName| profile.roles.get(*role).is_some_and(|r| r.hosts.is_empty() && !r.optional);
    let targets = report.run.targets.keys().filter(bound).map(|role| format!(" --target {role}=HOST"));
    let from = args.from.iter().map(|vantage| format!(" --from {vantage}"));
    let options = args.options.iter().map(|option| format!(" --option {option}"));
    let rest: String = from.chain(options).chain(targets).collect();
    format!(
        "rtc-check: that was a demo on loopback; for your network: rtc-check --profile {name}{rest}\n\
         rtc-check: before the platform is there, on its machine: rtc-check serve --profile {name}",
        name = profile.name
    )
}

async fn demo(profile: &Profile, args: &DemoArgs, outputs: &Outputs) -> Result<Report, Unusable> {
    let choice = choice(profile, args)?;
    let (addresses, authority, responder) = start(profile, &choice).await?;
    let measure = MeasureArgs { max_duration: args.measure.max_duration.or(Some(LONGEST)), ..args.measure.clone() };
    let request = Request {
        from: choice.from.clone(),
        options: choice.options.clone(),
        targets: addresses.iter().map(|(role, a)| (role.clone(), vec![Host::Address(*a)])).collect(),
        ports: moved(profile, &responder),
        measuring: measuring::measuring(&measure, &config::Config::default())?,
        // The responder is no Janus Gateway.
        call: CallMode::Never,
        skip: left_out(profile, &choice),
        ..Request::default()
    };
    let plan = Plan::new(profile, &request).map_err(|e| Unusable(e.to_string()))?;
    check::say_capacity(&plan, args.output.quiet);
    let tuning = check::tuning(&TuningArgs { pace: args.pace.or(Some(PACE)), ..TuningArgs::default() });
    let (trust, seed) = (Arc::new(Trust::only_pem(&authority.0)), chance::seed());
    let (logins, call) = (secrets::Logins::default(), request.call);
    let strict = args.output.strict;
    let job = Job {
        plan,
        tuning,
        trust,
        seed,
        dns: Vec::new(),
        strict,
        key: None,
        logins,
        call,
        rtsp_path: None,
        permit: None,
    };
    let result = check::run(job, outputs.sink(), super::signal::ended()).await;
    responder.stop().await;
    Ok(result)
}

/// The roles that the responder can be: those that an operator runs, but for relays that are optional.
fn choice(profile: &Profile, args: &DemoArgs) -> Result<Choice, Unusable> {
    let is_relay = |name: &RoleName| profile.rules.iter().any(|r| r.to == *name && matches!(r.spec, Spec::Turn(_)));
    let roles = profile.roles.iter().filter(|(name, r)| r.hosts.is_empty() && !(r.optional && is_relay(name)));
    let from = match args.from.is_empty() {
        true => profile.vantages.first().cloned().into_iter().collect(),
        false => vantages(profile, &args.from)?,
    };
    Ok(Choice {
        roles: roles.map(|(name, _)| name.clone()).collect(),
        from,
        options: options(profile, &args.options)?,
        ports: BTreeMap::new(),
    })
}

/// Rules that a responder on loopback proves nothing of: relays, tunnels, and hosts of the Internet.
fn left_out(profile: &Profile, choice: &Choice) -> Vec<String> {
    let everything = Choice {
        roles: profile.roles.keys().cloned().collect(),
        from: choice.from.clone(),
        options: choice.options.clone(),
        ports: BTreeMap::new(),
    };
    let elsewhere = |r: &&Rule| profile.roles.get(&r.to).is_some_and(|role| !role.hosts.is_empty());
    let taken = profile.rules.iter().filter(|r| everything.takes(r));
    taken.filter(|r| elsewhere(r) || !stood_in_for(r)).map(|r| r.id.to_string()).collect()
}

/// Each role that a rule reaches, on an address of its own of the loopback network 127.0.NET.0/24.
fn addresses(profile: &Profile, choice: &Choice, net: u8) -> BTreeMap<RoleName, IpAddr> {
    let roles: BTreeSet<&RoleName> = profile.rules.iter().filter(|r| choice.takes(r)).map(|r| &r.to).collect();
    let address = |(i, role): (usize, &RoleName)| {
        let last = u8::try_from(i + 2).unwrap_or(u8::MAX);
        (role.clone(), IpAddr::V4(Ipv4Addr::new(127, 0, net, last)))
    };
    roles.into_iter().enumerate().map(address).collect()
}

/// Starts the responder where this machine has room for it.
async fn start(
    profile: &Profile,
    choice: &Choice,
) -> Result<(BTreeMap<RoleName, IpAddr>, CertificatePem, Responder), Unusable> {
    let mut why = String::new();
    for (attempt, shift) in SHIFTS.into_iter().enumerate() {
        let [random] = chance::bytes::<1>();
        let addresses = addresses(profile, choice, if attempt == 0 { 0 } else { random });
        let names: Vec<String> = addresses.values().map(ToString::to_string).collect();
        let (authority, tls) = serve::self_signed(&names).map_err(|e| Unusable(e.to_string()))?;
        let served = |rule: &Rule| {
            let bind = addresses.get(&rule.to).copied().into_iter().collect();
            service(rule, bind, wanted(rule, shift))
        };
        let services = profile.rules.iter().filter(|r| choice.takes(r)).map(served).collect();
        let tool_version = env!("CARGO_PKG_VERSION").to_owned();
        let config =
            Config { services, tls, key: None, limits: Limits::default(), alternate: Default::default(), tool_version };
        let responder = Responder::start(config).await.map_err(|e| Unusable(e.to_string()))?;
        let taken = |n: &&serve::NotBound| profile.rules.iter().any(|r| r.id == n.rule && r.ports.is_some());
        match responder.not_bound().iter().find(taken) {
            None => return Ok((addresses, authority, responder)),
            Some(missing) => why = format!("{}: {}", missing.rule, missing.why),
        }
        responder.stop().await;
    }
    Err(Unusable(format!("the demo found no free ports on loopback: {why}")))
}

/// A free port for a rule of one port; a range as the document has it, or moved below the ephemeral ports and further.
fn wanted(rule: &Rule, shift: Option<u16>) -> Ports {
    let down = |range: PortRange| match shift {
        None => Some(range),
        Some(more) => {
            let by = range.last().saturating_sub(BELOW_EPHEMERAL).saturating_add(more);
            PortRange::new(range.first().checked_sub(by)?, range.last().checked_sub(by)?)
        }
    };
    match rule.ports.filter(|p| !p.is_single()).and_then(down) {
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
