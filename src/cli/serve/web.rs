//! `rtc-check serve --web`: what the page tests, logins for its visitors, and where its results go.

mod store;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;

use crate::cli::Unusable;
use crate::cli::args::{ServeArgs, WebArgs};
use crate::cli::{media, secrets};
use crate::judge::Meta;
use crate::model::{Ended, Host, RoleName, Service};
use crate::net::{chance, clock};
use crate::probe::RelayLogin;
use crate::profile::Profile;
use crate::report::{self, Format, Style};
use crate::serve::{self, Bound, Config, Desk, Visit, Web};
use crate::session::access::web_token;
use crate::session::turn::rest;
use crate::web::{self, Around, Login, Scope};

use super::Choice;
use store::Store;

/// How long a visitor's login for relays works.
const LOGIN_LASTS: Duration = Duration::from_secs(600);
/// Links that are told at the start.
const LINKS: usize = 4;

/// The page, where it is asked for.
pub fn page(args: &ServeArgs, profile: &Profile, choice: &Choice, config: &Config) -> Result<Option<Web>, Unusable> {
    let flags = &args.web;
    if !flags.web {
        return Ok(None);
    }
    let scope = scope(flags, profile, choice, config)?;
    let here = Host::Address(IpAddr::from([192, 0, 2, 1]));
    let plan = web::plan(profile, &scope, &here).map_err(|e| Unusable(format!("--web: {e}")))?;
    let login = if plan.has_relays() { handed_out(secrets::relay()?, flags, config.key.is_some())? } else { None };
    let store = flags.web_results.as_deref().map(Store::open).transpose()?;
    let desk = Reception { profile: profile.clone(), scope, login, store, fixed: !flags.web_address.is_empty() };
    Ok(Some(Web { desk: Arc::new(desk), addresses: flags.web_address.clone() }))
}

/// The first vantage that is served, the roles that are, and what else browsers are to reach.
fn scope(flags: &WebArgs, profile: &Profile, choice: &Choice, config: &Config) -> Result<Scope, Unusable> {
    let mut targets: BTreeMap<RoleName, Vec<Host>> = BTreeMap::new();
    for text in &flags.web_target {
        let (role, host) =
            text.split_once('=').ok_or_else(|| Unusable(format!("--web-target {text}: write ROLE=HOST")))?;
        let host = host.parse().map_err(|e| Unusable(format!("--web-target {text}: {e}")))?;
        targets.entry(role.into()).or_default().push(host);
    }
    let stood_in_for = |role: &&RoleName| config.services.iter().any(|s| s.role == **role && is_a_service(s.service));
    let served = profile.roles.keys().filter(|r| choice.roles.contains(*r)).filter(stood_in_for).cloned().collect();
    let turn = flags.turn.iter().map(|text| media::turn_uri(text)).collect::<Result<_, _>>()?;
    Ok(Scope {
        from: choice.from.first().cloned(),
        options: choice.options.clone(),
        ports: choice.ports.clone(),
        served,
        targets,
        turn,
    })
}

/// A relay is none that a responder stands in for.
fn is_a_service(service: Service) -> bool {
    !matches!(service, Service::Turn | Service::Turns | Service::Gre)
}

/// What visitors show to relays. A password that does not end is told to all of them, and any login to whoever reaches the
/// page, only where that is said.
fn handed_out(login: Option<RelayLogin>, flags: &WebArgs, has_key: bool) -> Result<Option<RelayLogin>, Unusable> {
    match login {
        Some(_) if !has_key && !flags.web_share_turn_password => Err(Unusable(
            "--web: without RTC_CHECK_RESPONDER_KEY whoever reaches the page could read a login for the relay from it; \
             set that key, so that only the whole link opens the page, or say --web-share-turn-password"
                .to_owned(),
        )),
        Some(RelayLogin::LongTerm { .. }) if !flags.web_share_turn_password => Err(Unusable(
            "--web: RTC_CHECK_TURN_PASSWORD would be readable for every visitor of the page; give RTC_CHECK_TURN_SECRET, \
             of which each visitor gets a login of ten minutes, or say --web-share-turn-password"
                .to_owned(),
        )),
        login => Ok(login),
    }
}

/// What the operator is told: the links, and what the page cannot do.
pub fn words(web: &Web, args: &ServeArgs, key: Option<&crate::net::ResponderKey>, bound: &[Bound]) -> String {
    let fragment = key.map(|key| format!("#{}", web_token(key.bytes()))).unwrap_or_default();
    let https = || bound.iter().filter(|b| b.service == Service::Https);
    let own = args.cert.iter().flat_map(|file| names_in(file));
    let outside = web.addresses.iter().map(ToString::to_string);
    let given: Vec<String> = own.chain(args.name.iter().cloned()).chain(outside).collect();
    let hosts: Vec<String> = match given.is_empty() {
        false => given,
        true => https().flat_map(|b| reached(b.address)).collect(),
    };
    let port = https().find_map(|b| b.ports.ranges().first()).map_or(443, |r| r.first());
    let mut lines: Vec<String> = Vec::new();
    for host in hosts {
        let host = if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host };
        let at = if port == 443 { host } else { format!("{host}:{port}") };
        let line = format!("page for browsers: https://{at}{}{fragment}", serve::WEB_PATH);
        if !lines.contains(&line) && lines.len() < LINKS {
            lines.push(line);
        }
    }
    if https().next().is_none() {
        lines.push("page for browsers: NOT SERVED, because no HTTPS port is".to_owned());
    }
    if args.cert.is_none() {
        lines.push(
            "browsers warn of the throw-away certificate; give them a link that they trust with --cert and --key"
                .to_owned(),
        );
    }
    if args.web.web_share_turn_password && key.is_none() {
        lines.push("whoever reaches the page can read a login for the relays from it".to_owned());
    }
    if !serve::has_media() {
        lines.push(
            "the page measures no media: this build lacks the feature `media`, so nobody here sends it back".to_owned(),
        );
    }
    lines.join("\n")
}

/// The names that the operator's certificate is for, but for those with a star.
fn names_in(file: &std::path::Path) -> Vec<String> {
    let leaf = rustls::pki_types::CertificateDer::pem_file_iter(file).ok().and_then(|mut all| all.next()?.ok());
    let names = leaf.map(|der| crate::net::cert::describe(&der).names).unwrap_or_default();
    names.into_iter().filter(|n| !n.contains('*')).collect()
}

/// The addresses by which others reach what is bound to `address`.
fn reached(address: IpAddr) -> Vec<String> {
    match address.is_unspecified() {
        false => vec![address.to_string()],
        true => {
            let family = |a: &IpAddr| a.is_ipv4() == address.is_ipv4() && !a.is_loopback();
            serve::machine_addresses().into_iter().filter(family).map(|a| a.to_string()).collect()
        }
    }
}

/// Answers the page.
struct Reception {
    profile: Profile,
    scope: Scope,
    login: Option<RelayLogin>,
    store: Option<Store>,
    /// The operator says where browsers send UDP.
    fixed: bool,
}

impl Reception {
    fn around(&self, visit: &Visit) -> Result<Around, String> {
        let here: Host = visit.host.parse().map_err(|e| format!("{}: {e}", visit.host))?;
        // A visitor from outside who used a name may have come through a NAT, whose outside address nobody here knows.
        let block = private_block(visit.at);
        let same_side = block.is_none() || block == private_block(visit.source);
        let certain = self.fixed || matches!(here, Host::Address(_)) || same_side;
        Ok(Around { here, address: visit.addresses.first().copied(), certain, peer: serve::has_media() })
    }

    fn plan_of(&self, around: &Around) -> Result<crate::plan::Plan, String> {
        web::plan(&self.profile, &self.scope, &around.here).map_err(|e| e.to_string())
    }
}

/// The first octets of the block of addresses behind a NAT that an address is of: RFC 1918, 6598 (carriers, clouds'
/// overlays), 3927, 4193, and this machine's own.
fn private_block(address: IpAddr) -> Option<[u8; 2]> {
    match address.to_canonical() {
        IpAddr::V4(a) => match a.octets() {
            [first @ (10 | 127), ..] => Some([first, 0]),
            [100, 64..=127, ..] => Some([100, 64]),
            [172, 16..=31, ..] => Some([172, 16]),
            [first @ 192, second @ 168, ..] | [first @ 169, second @ 254, ..] => Some([first, second]),
            _ => None,
        },
        IpAddr::V6(a) if a.is_unique_local() => Some([0xfc, 0]),
        IpAddr::V6(a) if a.is_unicast_link_local() => Some([0xfe, 0x80]),
        IpAddr::V6(a) => a.is_loopback().then_some([0, 1]),
    }
}

impl Desk for Reception {
    fn plan(&self, visit: &Visit) -> Result<String, String> {
        let around = self.around(visit)?;
        let plan = self.plan_of(&around)?;
        let login = self.login.as_ref().map(|login| match login {
            RelayLogin::LongTerm { username, password } => {
                Login { username: username.clone(), credential: password.expose().to_owned() }
            }
            RelayLogin::Rest { secret, user } => {
                let made = rest(secret, user, (clock::wall() + LOGIN_LASTS).as_secs());
                Login { username: made.username, credential: made.password.expose().to_owned() }
            }
        });
        Ok(web::ask(&plan, &around, login, self.store.is_some()))
    }

    fn sources(&self, visit: &Visit) -> String {
        let sources = || {
            let around = self.around(visit).ok()?;
            Some(web::sources(&self.plan_of(&around).ok()?, &around))
        };
        sources().unwrap_or_default()
    }

    fn judge(&self, visit: &Visit, seen: &[u8]) -> Result<String, String> {
        let told = web::read(seen)?;
        let around = self.around(visit)?;
        let plan = self.plan_of(&around)?;
        let duration = Duration::from_millis(told.duration_ms as u64);
        let finished = clock::utc();
        let started = jiff::SignedDuration::try_from(duration).ok().and_then(|d| finished.checked_sub(d).ok());
        let started = started.unwrap_or(finished);
        let seed = chance::seed();
        let meta = Meta {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            id: format!("{}-{:08x}", clock::compact(&started), seed as u32),
            started: clock::rfc3339(&started),
            finished: clock::rfc3339(&finished),
            duration_ms: told.duration_ms as u64,
            seed,
            ended: told.interrupted.then_some(Ended::Interrupted),
            strict: false,
        };
        let report = web::judge(&plan, &told, &around, &meta);
        let text = report::render(&report, Format::Json, &Style::default());
        tracing::info!(source = %visit.source, id = meta.id, verdict = report.verdict.as_str(), "result of a browser");
        if let Some(Err(why)) = self.store.as_ref().map(|store| store.keep(&meta.id, visit.source, &text)) {
            tracing::error!("the result of a browser is not kept: {why}");
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Secret;

    #[test]
    fn a_login_for_relays_is_handed_out_with_a_key_or_where_that_is_said() {
        let secret = || Secret::new("a secret");
        let made = || Some(RelayLogin::Rest { secret: secret(), user: "user".to_owned() });
        let fixed = || Some(RelayLogin::LongTerm { username: "user".to_owned(), password: secret() });
        let (silent, said) = (WebArgs::default(), WebArgs { web_share_turn_password: true, ..WebArgs::default() });
        let refusal = |login, flags, key| handed_out(login, flags, key).err().map(|e| e.0);
        assert!(refusal(made(), &silent, false).unwrap().contains("without RTC_CHECK_RESPONDER_KEY"));
        assert!(refusal(fixed(), &silent, false).unwrap().contains("without RTC_CHECK_RESPONDER_KEY"));
        assert!(refusal(fixed(), &silent, true).unwrap().contains("RTC_CHECK_TURN_SECRET"));
        assert_eq!(refusal(made(), &silent, true), None);
        assert_eq!((refusal(made(), &said, false), refusal(fixed(), &said, false)), (None, None));
        assert_eq!(refusal(None, &silent, false), None);
    }

    #[test]
    fn only_addresses_of_one_private_block_are_on_one_side() {
        let block = |text: &str| private_block(text.parse().unwrap());
        for (one, other) in [("10.0.0.1", "10.255.0.1"), ("172.16.0.1", "172.31.0.1"), ("100.64.0.1", "100.127.0.1")] {
            assert!(block(one).is_some() && block(one) == block(other), "{one} {other}");
        }
        let others =
            ["10.0.0.1", "100.64.0.1", "172.16.0.1", "192.168.0.1", "169.254.0.1", "127.0.0.1", "fd00::1", "fe80::1"];
        let blocks: std::collections::HashSet<_> = others.iter().map(|a| block(a).unwrap()).collect();
        assert_eq!(blocks.len(), others.len());
        for public in ["192.0.2.1", "100.63.0.1", "100.128.0.1", "172.32.0.1", "192.169.0.1", "2001:db8::1"] {
            assert_eq!(block(public), None, "{public}");
        }
        assert_eq!(block("::ffff:10.0.0.1"), block("10.0.0.1"));
    }
}
