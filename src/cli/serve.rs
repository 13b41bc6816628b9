//! `rtc-check serve`: a profile's roles into the responder's services.

mod alternate;
mod hint;
mod web;

use std::collections::{BTreeMap, BTreeSet};
use std::io::IsTerminal;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use crate::model::{PortRange, RoleName, RuleId, Service, Transport};
use crate::profile::{Profile, Rule, Spec, meant};
use crate::serve::{self, Config, Limits, Ports, Responder, ServeRule};
use crate::session::granted::GrantLimits;
use crate::session::limits::AnswerLimits;

use super::args::{self, ServeArgs, SessionArgs};
use super::{Unusable, exit, output, request, secrets};

pub use hint::stood_in_for;

/// `rtc-check serve …`: until Ctrl-C or SIGTERM.
pub fn command(args: ServeArgs) -> Result<u8, Unusable> {
    log_to_stderr(args.log_json);
    let profile = request::load_profile(&args.profile)?;
    let binds = binds(&profile, &args.bind)?;
    let choice = Choice {
        roles: roles(&profile, &args.role, &args.bind)?,
        from: vantages(&profile, &args.from)?,
        options: options(&profile, &args.options)?,
        ports: request::moved_ports(&args.moved_ports)?,
    };
    let mut services = services(&profile, &choice, &binds);
    if services.is_empty() {
        return Err(Unusable("nothing to serve: no rule reaches these roles with these options".to_owned()));
    }
    let tls = certificate(&args, &services)?;
    let stamp = stamp(&services, args.sessions.stamp_port);
    let (alternate, beside) = alternate::services(alternate::addresses(&args.alt_bind)?, &services)?;
    services.extend(stamp.into_iter().chain(beside));
    let config = Config {
        services,
        tls,
        key: secrets::responder_key()?,
        limits: limits(&args.sessions),
        alternate,
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let hint = hint::other_side(&args, &profile, &choice, &config);
    let page = web::page(&args, &profile, &choice, &config)?;
    super::runtime()?.block_on(serve_until_ended(config, hint, page, &args))
}

async fn serve_until_ended(
    config: Config,
    hint: String,
    page: Option<serve::Web>,
    args: &ServeArgs,
) -> Result<u8, Unusable> {
    let (json, key) = (args.log_json, config.key.clone());
    let say = |text: &str| {
        if !json {
            output::say(text)
        }
    };
    let responder = Responder::start_with(config, page.clone()).await.map_err(|e| Unusable(e.to_string()))?;
    for bound in responder.bound() {
        let ports = bound.ports.to_string();
        // STAMP's port answers STUN too, and nobody looks for it there.
        let is_stamp = bound.rule.as_str().ends_with(serve::STAMP_RULE);
        let service = if is_stamp { "stamp".to_owned() } else { bound.service.to_string() };
        say(&format!("{:<24} {:<6} {service:<16} {} {ports}", bound.rule, bound.role, bound.address));
    }
    for missing in responder.not_bound() {
        say(&format!("NOT SERVED {} on {} {}: {}", missing.rule, missing.address, missing.ports, missing.why));
    }
    if responder.bound().is_empty() {
        return Err(Unusable("not one port could be opened; the lines above say why".to_owned()));
    }
    say(&hint);
    if let Some(page) = &page {
        say(&web::words(page, args, key.as_deref(), responder.bound()));
    }
    // The first poll of `ended` takes the signals over: only then is it true that they end the responder.
    tokio::select! {
        biased;
        () = super::signal::ended() => {}
        () = async { say("ready; Ctrl-C or SIGTERM ends it"); std::future::pending().await } => {}
    }
    let counters = responder.stop().await;
    say(&format!("stopped; {counters}"));
    Ok(exit::PASS)
}

/// Which rules are served.
pub struct Choice {
    pub roles: BTreeSet<RoleName>,
    pub from: Vec<String>,
    pub options: BTreeMap<String, bool>,
    pub ports: BTreeMap<RuleId, PortRange>,
}

impl Choice {
    /// Whether a rule belongs to the choice.
    pub fn takes(&self, rule: &Rule) -> bool {
        self.roles.contains(&rule.to)
            && rule.from.iter().any(|v| self.from.contains(v))
            && rule.when.iter().all(|(o, v)| self.options.get(o) == Some(v))
    }
}

fn services(profile: &Profile, choice: &Choice, binds: &BTreeMap<RoleName, Vec<IpAddr>>) -> Vec<ServeRule> {
    let of_rule = |rule: &Rule| {
        let ports = choice.ports.get(&rule.id).copied().or(rule.ports);
        let bind = binds.get(&rule.to).cloned().unwrap_or_default();
        service(rule, bind, ports.map_or(Ports::Free, Ports::Exact))
    };
    let mut all: Vec<ServeRule> = profile.rules.iter().filter(|r| choice.takes(r)).map(of_rule).collect();
    // Whoever serves media answers STUN on its own port too, where any STUN client looks for it.
    let stun = PortRange::single(3478);
    let has_stun =
        |role: &RoleName| all.iter().any(|s| s.role == *role && stun.is_some_and(|p| s.ports == Ports::Exact(p)));
    let media = all.iter().filter(|s| s.service == Service::Rtp && !has_stun(&s.role));
    let beside = |s: &ServeRule| ServeRule {
        id: format!("{}.stun", s.role).as_str().into(),
        ports: stun.map_or(Ports::Free, Ports::Exact),
        service: Service::Stun,
        ..s.clone()
    };
    let extra: Vec<ServeRule> = media.map(beside).collect();
    all.extend(extra);
    all
}

/// STAMP's own port on every address that is served.
fn stamp(services: &[ServeRule], port: u16) -> Vec<ServeRule> {
    let Some(port) = PortRange::single(port) else { return Vec::new() };
    let mut binds: BTreeMap<&RoleName, BTreeSet<IpAddr>> = BTreeMap::new();
    services.iter().for_each(|s| binds.entry(&s.role).or_default().extend(&s.bind));
    let of_role = |(role, bind): (&RoleName, BTreeSet<IpAddr>)| ServeRule {
        id: format!("{role}{}", serve::STAMP_RULE).as_str().into(),
        role: role.clone(),
        bind: bind.into_iter().collect(),
        ports: Ports::Exact(port),
        service: Service::Stun,
        transport: Transport::Udp,
        subprotocol: None,
    };
    binds.into_iter().map(of_role).collect()
}

/// What is given at most.
fn limits(args: &SessionArgs) -> Limits {
    let answers = AnswerLimits { dscp: !args.no_dscp, ..AnswerLimits::default() };
    let sessions = GrantLimits {
        sessions: args.max_sessions,
        session_kbps: args.max_session_kbps,
        kbps: args.max_kbps,
        session_seconds: args.max_session_seconds,
        session_bytes: args.max_session_bytes,
        packets_per_second: args.max_session_packets,
    };
    Limits { answers, sessions, ..Limits::default() }
}

/// One rule as the responder serves it.
pub fn service(rule: &Rule, bind: Vec<IpAddr>, ports: Ports) -> ServeRule {
    let subprotocol = match &rule.spec {
        Spec::Ws(ws) => ws.subprotocol.clone(),
        _ => None,
    };
    ServeRule {
        id: rule.id.clone(),
        role: rule.to.clone(),
        bind,
        ports,
        service: rule.service,
        transport: rule.transport,
        subprotocol,
    }
}

/// The roles that were named, or all that an operator binds and the profile always needs or that have an address of
/// their own.
fn roles(profile: &Profile, named: &[String], bind: &[String]) -> Result<BTreeSet<RoleName>, Unusable> {
    if named.is_empty() {
        let bound = |name: &RoleName| bind.iter().any(|b| b.split_once('=').is_some_and(|(r, _)| r == name.as_str()));
        let bindable = profile.roles.iter().filter(|(name, r)| r.hosts.is_empty() && (!r.optional || bound(name)));
        return Ok(bindable.map(|(name, _)| name.clone()).collect());
    }
    let known = |name: &String| {
        let role = RoleName::from(name.as_str());
        match profile.roles.contains_key(&role) {
            true => Ok(role),
            false => {
                let known: Vec<&str> = profile.roles.keys().map(RoleName::as_str).collect();
                let meant = meant(name, known.iter().copied());
                Err(Unusable(format!("--role {name}{meant}: profile `{}` has {}", profile.name, known.join(", "))))
            }
        }
    };
    named.iter().map(known).collect()
}

pub fn vantages(profile: &Profile, named: &[String]) -> Result<Vec<String>, Unusable> {
    match named.iter().find(|v| !profile.vantages.contains(v)) {
        Some(v) => {
            let meant = meant(v, profile.vantages.iter().map(String::as_str));
            Err(Unusable(format!(
                "--from {v}{meant}: profile `{}` knows {}",
                profile.name,
                profile.vantages.join(", ")
            )))
        }
        None if named.is_empty() => Ok(profile.vantages.clone()),
        None => Ok(named.to_vec()),
    }
}

pub fn options(profile: &Profile, texts: &[String]) -> Result<BTreeMap<String, bool>, Unusable> {
    let mut all = profile.options.clone();
    for text in texts {
        let (name, value) = args::option(text)?;
        match all.get_mut(&name) {
            Some(slot) => *slot = value,
            None => {
                let meant = meant(&name, profile.options.keys().map(String::as_str));
                return Err(Unusable(format!("--option {name}{meant}: profile `{}` has no such option", profile.name)));
            }
        }
    }
    Ok(all)
}

/// `ADDR` for every role, `ROLE=ADDR` for one; every local address without either.
fn binds(profile: &Profile, texts: &[String]) -> Result<BTreeMap<RoleName, Vec<IpAddr>>, Unusable> {
    let mut all: Vec<IpAddr> = Vec::new();
    let mut own: BTreeMap<RoleName, Vec<IpAddr>> = BTreeMap::new();
    for text in texts {
        let (role, address) = text.split_once('=').map_or((None, text.as_str()), |(r, a)| (Some(r), a));
        let bare = address.strip_prefix('[').and_then(|a| a.strip_suffix(']')).unwrap_or(address);
        let address = bare.parse().map_err(|_| Unusable(format!("--bind {text}: `{address}` is not an address")))?;
        match role {
            Some(role) if !profile.roles.contains_key(&RoleName::from(role)) => {
                return Err(Unusable(format!("--bind {text}: profile `{}` has no role `{role}`", profile.name)));
            }
            Some(role) => own.entry(role.into()).or_default().push(address),
            None => all.push(address),
        }
    }
    if all.is_empty() {
        all = vec![Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()];
    }
    let of_role = |role: &RoleName| (role.clone(), own.get(role).unwrap_or(&all).clone());
    Ok(profile.roles.keys().map(of_role).collect())
}

/// The operator's certificate, or a throw-away one for every name by which a client may reach the services.
fn certificate(args: &ServeArgs, services: &[ServeRule]) -> Result<Arc<rustls::ServerConfig>, Unusable> {
    match (&args.cert, &args.key) {
        (Some(cert), Some(key)) => return serve::from_pem(cert, key).map_err(|e| Unusable(e.to_string())),
        (None, None) => {}
        // clap sees to this only where a flag is typed, not where its variable is set.
        _ => {
            let text = "a certificate and its key go together: give --cert FILE and --key FILE (RTC_CHECK_CERT, \
                        RTC_CHECK_KEY)";
            return Err(Unusable(text.to_owned()));
        }
    }
    let names = certificate_names(&args.name, services, &serve::machine_addresses());
    let (authority, tls) = serve::self_signed(&names).map_err(|e| Unusable(e.to_string()))?;
    let say = |text: &str| match args.log_json {
        true => tracing::info!("{text}"),
        false => output::say(text),
    };
    say(&format!(
        "the throw-away certificate is for {}; where clients use another address or name, such as the outside one of a \
         NAT, add it with --name",
        names.join(", ")
    ));
    if let Some(path) = &args.ca_out {
        super::files::Output::open(path)?.replace(&authority.0)?;
        say(&format!("its authority: {} (give it to the client as --ca)", path.display()));
    }
    Ok(tls)
}

/// Those that were given, the bound addresses (for an unspecified one all of the machine's of its family) and
/// `localhost`.
fn certificate_names(given: &[String], services: &[ServeRule], machine: &[IpAddr]) -> Vec<String> {
    let bare = |n: &String| n.strip_prefix('[').and_then(|n| n.strip_suffix(']')).unwrap_or(n).to_owned();
    let mut names: BTreeSet<String> = given.iter().map(bare).chain(["localhost".to_owned()]).collect();
    let bound: BTreeSet<IpAddr> = services.iter().flat_map(|s| s.bind.iter().copied()).collect();
    for address in bound {
        match address.is_unspecified() {
            true => names.extend(machine.iter().filter(|a| a.is_ipv4() == address.is_ipv4()).map(ToString::to_string)),
            false => names.extend([address.to_string()]),
        }
    }
    names.into_iter().collect()
}

/// Structured logs on stderr: everything from `info` on as JSON, or errors beside the lines for people.
fn log_to_stderr(json: bool) {
    let builder = tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal());
    // A second subscriber in one process is refused, and the first one does as well.
    let _ = match json {
        true => builder.json().with_max_level(tracing::Level::INFO).try_init(),
        false => builder.with_max_level(tracing::Level::ERROR).try_init(),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bound_to(addresses: &[&str]) -> ServeRule {
        ServeRule {
            id: "rtc.https".into(),
            role: "rtc".into(),
            bind: addresses.iter().map(|a| a.parse().unwrap()).collect(),
            ports: Ports::Free,
            service: Service::Https,
            transport: Transport::Tcp,
            subprotocol: None,
        }
    }

    #[test]
    fn a_certificate_is_for_every_address_that_a_service_may_be_reached_at() {
        let machine = ["127.0.0.1", "192.0.2.10", "::1", "2001:db8::10"].map(|a| a.parse().unwrap());
        let names = |given: &[&str], binds: &[&str]| {
            let given: Vec<String> = given.iter().map(|n| (*n).to_owned()).collect();
            certificate_names(&given, &[bound_to(binds), bound_to(binds)], &machine).join(" ")
        };
        assert_eq!(names(&[], &["0.0.0.0", "::"]), "127.0.0.1 192.0.2.10 2001:db8::10 ::1 localhost");
        assert_eq!(names(&[], &["0.0.0.0"]), "127.0.0.1 192.0.2.10 localhost");
        assert_eq!(names(&[], &["192.0.2.10"]), "192.0.2.10 localhost");
        let given = ["rtc.example", "203.0.113.1", "[2001:db8::1]"];
        assert_eq!(names(&given, &["::1"]), "2001:db8::1 203.0.113.1 ::1 localhost rtc.example");
    }

    #[test]
    fn every_flag_has_its_environment_variable() {
        let command = <args::Cli as clap::CommandFactory>::command();
        let serve = command.find_subcommand("serve").unwrap();
        let flags = serve.get_arguments().filter(|a| a.get_id() != "help");
        for flag in flags {
            let name = flag.get_long().unwrap().to_uppercase().replace('-', "_");
            assert_eq!(flag.get_env().and_then(|e| e.to_str()), Some(&*format!("RTC_CHECK_{name}")));
        }
    }
    #[test]
    fn the_flags_defaults_are_the_librarys() {
        let cli = <args::Cli as clap::Parser>::try_parse_from(["rtc-check", "serve", "--profile", "agent"]).unwrap();
        let Some(args::Command::Serve(serve)) = cli.command else { panic!("not serve") };
        let limits = limits(&serve.sessions);
        assert_eq!((limits.sessions, limits.answers), (GrantLimits::default(), AnswerLimits::default()));
    }
}
