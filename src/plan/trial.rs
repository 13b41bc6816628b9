//! What is tried beside the rules: what NAT there is, relays that the operator names, ICE and a real call, each resolver and
//! pages whose answer is known. Knows profiles, never results.

mod beside;

mod control;

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use crate::model::{
    CallMode, Host, KnownPage, Need, PortRange, RelayTransport, RoleName, RuleId, Service, Transport, TurnUri, Waived,
};
use crate::profile::{Profile, Rule, Spec};

use super::{Item, Request, check_id, item};

/// The words that select, waive or allow trials, in their order.
pub const KINDS: [&str; 8] = ["nat", "turn", "ice", "call", control::CONTROL, RESOLVER, PORTAL, PATH];

/// The word, and the role, of resolvers.
const RESOLVER: &str = "resolver";
/// The word, and the role, of pages whose answer is known.
const PORTAL: &str = "portal";

/// The word for what the way to a host lets through.
const PATH: &str = "path";

/// The role of STUN servers that the operator names.
const STUN: &str = "stun";
/// The role of relays that the operator names.
const TURN: &str = "turn";
/// The group in which direct media and relays are alternatives to each other.
const MEDIA: &str = "media";

/// NAT is asked about at so many servers; more show nothing more.
const SERVERS: usize = 6;

/// UDP ports of a host that are asked for an answer: one that answers is enough.
const ASKED: usize = 3;

/// What a trial is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrialKind {
    /// What NATs between here and STUN servers do: one check a family.
    Nat {
        /// Hosts and ports to ask, the operator's first.
        servers: Vec<(Host, u16)>,
    },
    /// A relay that `--turn` names.
    Turn(TurnUri),
    /// ICE with an agent at the target, through every relay that works.
    Ice,
    /// A call through a media server at the target.
    Call,
    /// A public host, by its port, whose certificates are looked at and nothing else.
    Control(u16),
    /// One resolver by itself.
    Resolver {
        /// Where it listens.
        server: SocketAddr,
        /// A name that the plan needs.
        name: String,
        /// Whether the machine is configured to ask it.
        configured: bool,
    },
    /// A page over plain HTTP whose answer is known beforehand.
    Portal(KnownPage),
    /// What the way to a target lets through: one check a host and address.
    Path {
        /// UDP ports at which something may answer STUN, the surest first.
        ports: Vec<u16>,
    },
}

/// One thing to try on one host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    pub kind: TrialKind,
    /// The target's role; `turn` and `stun` for servers that the operator names.
    pub role: RoleName,
    /// The host; of several STUN servers the first.
    pub host: Host,
    /// The items of the plan of its role on its host, by their index.
    pub ways: Vec<usize>,
    /// `alternative` for a relay, `required` for a call, `optional` for what only informs.
    pub need: Need,
    /// The group of alternatives it counts in.
    pub group: Option<String>,
    /// The operator waives whatever it says.
    pub waived: Option<Waived>,
    /// The operator waives it if it stays unknown.
    pub allow_unknown: bool,
}

impl Trial {
    /// The word for trials of its kind: one of [`KINDS`].
    pub fn word(&self) -> &'static str {
        let [nat, turn, ice, call, ..] = KINDS;
        match self.kind {
            TrialKind::Nat { .. } => nat,
            TrialKind::Turn(_) => turn,
            TrialKind::Ice => ice,
            TrialKind::Call => call,
            TrialKind::Control(_) => control::CONTROL,
            TrialKind::Resolver { .. } => RESOLVER,
            TrialKind::Portal(_) => PORTAL,
            TrialKind::Path { .. } => PATH,
        }
    }

    /// Every host that it asks and that is looked up for it; a resolver is none.
    pub fn hosts(&self) -> impl Iterator<Item = &Host> {
        let more = match &self.kind {
            TrialKind::Nat { servers } => servers.as_slice(),
            _ => &[],
        };
        let is_one = more.is_empty() && !matches!(self.kind, TrialKind::Resolver { .. });
        more.iter().map(|(host, _)| host).chain(is_one.then_some(&self.host))
    }

    /// What the table calls it: `nat.ROLE`, `ice.ROLE`, `call.ROLE`, `path.ROLE`, `dns.resolver`, `portal.PORT`, and
    /// `turn.TRANSPORT-PORT` (`turn.tls-443`), because a host may have several relays.
    pub fn name(&self) -> String {
        match &self.kind {
            TrialKind::Turn(uri) => format!("{}.{}-{}", self.word(), transport_word(uri.transport), uri.port),
            TrialKind::Control(port) => format!("{}.tls-{port}", self.word()),
            TrialKind::Resolver { .. } => beside::RESOLVER_CHECK.to_owned(),
            TrialKind::Portal(page) => format!("{}.{}", self.word(), page.port),
            _ => format!("{}.{}", self.word(), self.role),
        }
    }

    /// `NAME/host/address`, and without the address for a literal or a name that did not resolve.
    pub fn check_id(&self, address: Option<IpAddr>) -> String {
        match (&self.host, address) {
            (host, _) if matches!(&self.kind, TrialKind::Resolver { server, .. } if server.port() != beside::DNS_PORT) =>
            {
                format!("{}/{}", self.name(), beside::place(&self.kind).unwrap_or_else(|| host.to_string()))
            }
            // Servers of the other family stand further down the list of NAT's.
            (Host::Address(first), Some(address)) if *first != address => format!("{}/{address}", self.name()),
            _ => check_id(&self.name(), &self.host, address),
        }
    }
}

fn transport_word(transport: RelayTransport) -> &'static str {
    match transport {
        RelayTransport::Udp => "udp",
        RelayTransport::Dtls => "dtls",
        RelayTransport::Tcp => "tcp",
        RelayTransport::Tls => "tls",
    }
}

/// Whether the rule leads to a Janus Gateway: its own WebSocket subprotocol, or its own page over HTTPS.
pub(super) fn is_gateway(rule: &Rule) -> bool {
    match &rule.spec {
        Spec::Ws(ws) => ws.subprotocol.as_deref() == Some("janus-protocol"),
        Spec::Http(http) => http.tls && http.path.starts_with("/janus"),
        _ => false,
    }
}

/// Where an ICE agent may be asked for: over HTTPS or WSS.
fn is_door(rule: &Rule) -> bool {
    matches!(rule.service, Service::Https | Service::Wss)
}

/// The roles with which ICE is tried: those that carry media over UDP, and over which an agent can be asked for.
fn ice_roles<'a>(rules: &[&'a Rule]) -> BTreeSet<&'a RoleName> {
    let doors: BTreeSet<&RoleName> = rules.iter().filter(|r| is_door(r)).map(|r| &r.to).collect();
    let with = |takes: fn(&Rule) -> bool| -> BTreeSet<&'a RoleName> {
        let takes = |r: &&&Rule| takes(r) && doors.contains(&r.to);
        rules.iter().filter(takes).map(|r| &r.to).collect()
    };
    let ranges = with(|r| r.service == Service::Rtp);
    if ranges.is_empty() { with(|r| r.service == Service::Stun && r.transport == Transport::Udp) } else { ranges }
}

/// Whether `--only` names a trial that needs a host of this role.
pub(super) fn wants(request: &Request, rules: &[&Rule], role: &RoleName) -> bool {
    let [_, _, ice, call, ..] = KINDS;
    let named = |word: &str| {
        let name = format!("{word}.{role}");
        request.only.iter().any(|w| *w == word || *w == name)
    };
    let calls = || request.call != CallMode::Never && rules.iter().any(|r| r.to == *role && is_gateway(r));
    let has_path = || rules.iter().any(|r| r.to == *role && has_path(r));
    (named(ice) && ice_roles(rules).contains(role)) || (named(call) && calls()) || (named(PATH) && has_path())
}

/// What the table calls the trials that a profile may have, for waivers and selections: `nat.rtc`, `ice.rtc`, `call.rtc`,
/// `turn.tls-443`.
pub(super) fn names(profile: &Profile, request: &Request) -> BTreeSet<String> {
    let [nat, _, ice, call, ..] = KINDS;
    let of_role = |role: &RoleName| [nat, ice, call, PATH].map(|word| format!("{word}.{role}"));
    let named = turns(profile, request).into_iter().chain(control::controls(request));
    let relays = named.map(|trial| trial.name());
    let all = profile.roles.keys().flat_map(of_role).chain(relays);
    let beside = beside::names(request);
    all.chain([format!("{nat}.{STUN}")]).chain(beside).collect()
}

/// What is tried beside a plan's items.
pub(super) fn trials(profile: &Profile, request: &Request, items: &[Item]) -> Vec<Trial> {
    let named = turns(profile, request).into_iter().chain(control::controls(request));
    let mut all: Vec<Trial> = nat(request, items).into_iter().chain(named).collect();
    let rules: Vec<&Rule> = items.iter().map(|i| &i.rule).collect();
    let ice = ice_roles(&rules);
    all.extend(at_roles(items, TrialKind::Ice, Need::Optional, |rule| ice.contains(&rule.to)));
    if request.call != CallMode::Never {
        all.extend(at_roles(items, TrialKind::Call, Need::Required, is_gateway));
    }
    all.extend(beside::resolvers(request, items));
    all.extend(beside::portals(request));
    all.extend(paths(request, items));
    all.retain(|trial| selected(profile, request, trial) && is_tested(request, items, trial));
    // Whatever ICE or a call is asked for alone may take the relays that the operator names.
    let named = |word: &str| request.skip.iter().any(|w| w == word);
    if all.iter().any(|t| matches!(t.kind, TrialKind::Ice | TrialKind::Call)) && !named(TURN) {
        let missing: Vec<Trial> =
            turns(profile, request).into_iter().filter(|t| !all.contains(t) && !named(&t.name())).collect();
        all.splice(0..0, missing);
    }
    for trial in &mut all {
        let (word, name) = (trial.word(), trial.name());
        let is = |rule: &RuleId| rule.as_str() == word || rule.as_str() == name;
        trial.waived = request.waivers.iter().find(|w| is(&w.rule)).map(super::Waiver::waived);
        trial.allow_unknown = request.allow_unknown.iter().any(is);
    }
    all
}

/// Naming a rule or a service selects rules alone, and `turn` both.
fn selected(profile: &Profile, request: &Request, trial: &Trial) -> bool {
    let (word, name) = (trial.word(), trial.name());
    let role = profile.roles.contains_key(&trial.role).then_some(trial.role.as_str());
    let named = |words: &[String]| words.iter().any(|w| *w == word || *w == name || Some(w.as_str()) == role);
    (request.only.is_empty() || named(&request.only)) && !named(&request.skip)
}

/// Who skips every rule that a trial needs skips the trial.
fn is_tested(request: &Request, items: &[Item], trial: &Trial) -> bool {
    let needs = |item: &&Item| trial.kind != TrialKind::Call || is_gateway(&item.rule);
    let mut of = trial.ways.iter().filter_map(|way| items.get(*way)).filter(needs);
    let asks_a_target = matches!(trial.kind, TrialKind::Ice | TrialKind::Call | TrialKind::Path { .. });
    !asks_a_target || !request.only.is_empty() || of.any(|item| item.is_selected())
}

/// One trial a role and host that has a rule which `takes` it.
fn at_roles(items: &[Item], kind: TrialKind, need: Need, takes: impl Fn(&Rule) -> bool) -> Vec<Trial> {
    let mut places: Vec<(&RoleName, &Host)> = Vec::new();
    for item in items.iter().filter(|i| takes(&i.rule)) {
        if !places.contains(&(&item.rule.to, &item.host)) {
            places.push((&item.rule.to, &item.host));
        }
    }
    let trial = |(role, host): (&RoleName, &Host)| {
        let of = |(_, item): &(usize, &Item)| item.rule.to == *role && item.host == *host;
        let ways = items.iter().enumerate().filter(of).map(|(index, _)| index).collect();
        Trial { ways, ..bare(kind.clone(), role.clone(), host.clone(), need) }
    };
    places.into_iter().map(trial).collect()
}

fn bare(kind: TrialKind, role: RoleName, host: Host, need: Need) -> Trial {
    Trial { kind, role, host, ways: Vec::new(), need, group: None, waived: None, allow_unknown: false }
}

/// The relays that the operator names, each once.
fn turns(profile: &Profile, request: &Request) -> Vec<Trial> {
    let group = profile.groups.contains_key(MEDIA).then(|| MEDIA.to_owned());
    let mut all: Vec<Trial> = Vec::new();
    for uri in &request.turn {
        let kind = TrialKind::Turn(uri.clone());
        let trial = Trial { group: group.clone(), ..bare(kind, TURN.into(), uri.host.clone(), Need::Alternative) };
        if !all.contains(&trial) {
            all.push(trial);
        }
    }
    all
}

/// Every STUN server there is in one trial: the operator's, those of the rules, relays, and last the targets with a media
/// range, because a responder answers STUN there. Nobody to ask: no trial.
fn nat(request: &Request, items: &[Item]) -> Option<Trial> {
    let taken: Vec<&Item> = items.iter().filter(|i| !request.skip.iter().any(|w| item::matches(&i.rule, w))).collect();
    let of_rules = |takes: fn(&Rule) -> bool| {
        let server = |i: &&&Item| takes(&i.rule);
        let place = |i: &&Item| Some((i.rule.to.clone(), i.host.clone(), middle(i.rule.ports?)));
        taken.iter().filter(server).filter_map(place).collect::<Vec<_>>()
    };
    let given = request.stun.iter().map(|(host, port)| (RoleName::from(STUN), host.clone(), *port));
    let over_udp = request.turn.iter().filter(|uri| uri.transport == RelayTransport::Udp);
    let relays = over_udp.map(|uri| (RoleName::from(TURN), uri.host.clone(), uri.port));
    let all = given
        .chain(of_rules(|r| r.service == Service::Stun && r.transport == Transport::Udp))
        .chain(relays)
        .chain(of_rules(|r| r.spec == Spec::Turn(RelayTransport::Udp)))
        .chain(of_rules(|r| r.service == Service::Rtp));
    let (mut role, mut servers) = (None, Vec::new());
    for (of, host, port) in all {
        if servers.len() < SERVERS && !servers.contains(&(host.clone(), port)) {
            role.get_or_insert(of);
            servers.push((host, port));
        }
    }
    let host = servers.first().map(|(host, _)| host.clone())?;
    Some(bare(TrialKind::Nat { servers }, role?, host, Need::Optional))
}

/// Whether a rule makes the way to its host worth a look: it carries media, or TLS, whose first answer is large.
fn has_path(rule: &Rule) -> bool {
    let over_udp = matches!(rule.service, Service::Stun | Service::Turn) && rule.transport == Transport::Udp;
    let is_secure = matches!(rule.service, Service::Https | Service::Wss | Service::Turns | Service::Rtmps);
    over_udp || is_secure || rule.service == Service::Rtp
}

/// One a host that the operator names, whatever roles it has: the way is the same for all.
fn paths(request: &Request, items: &[Item]) -> Vec<Trial> {
    let mut all: Vec<Trial> = Vec::new();
    for item in items.iter().filter(|i| !i.fixed && has_path(&i.rule)) {
        if all.iter().any(|t| t.host == item.host) {
            continue;
        }
        let of_host = |(_, other): &(usize, &Item)| other.host == item.host;
        let ways = items.iter().enumerate().filter(of_host).map(|(index, _)| index).collect();
        let taken = |i: &&Item| i.host == item.host && !request.skip.iter().any(|w| item::matches(&i.rule, w));
        let kind = TrialKind::Path { ports: askable(items.iter().filter(taken)) };
        all.push(Trial { ways, ..bare(kind, item.rule.to.clone(), item.host.clone(), Need::Optional) });
    }
    all
}

/// UDP ports of a host at which STUN may be answered: of STUN, of a relay, and the middle of a media range, where a
/// responder answers it.
fn askable<'a>(of_host: impl Iterator<Item = &'a Item> + Clone) -> Vec<u16> {
    let takes: [fn(&Rule) -> bool; 3] = [
        |r| r.service == Service::Stun && r.transport == Transport::Udp,
        |r| r.spec == Spec::Turn(RelayTransport::Udp),
        |r| r.service == Service::Rtp,
    ];
    let with = |takes: fn(&Rule) -> bool| {
        of_host.clone().filter(move |i| takes(&i.rule)).filter_map(|i| i.rule.ports.map(middle))
    };
    let mut ports: Vec<u16> = Vec::new();
    for port in takes.into_iter().flat_map(with) {
        if !ports.contains(&port) && ports.len() < ASKED {
            ports.push(port);
        }
    }
    ports
}

fn middle(ports: PortRange) -> u16 {
    ports.first() + (ports.last() - ports.first()) / 2
}

/// What `--only` or `--call` asks for and nothing here has.
pub(super) fn missing(request: &Request, rules: &[&Rule]) -> Option<String> {
    if request.call == CallMode::Always && !rules.iter().any(|r| is_gateway(r)) {
        return Some("--call: no rule here leads to a Janus Gateway, so there is nothing to call".to_owned());
    }
    None
}

/// What to type where a word of `--only` finds nothing to try.
pub(super) fn nothing_to_try(request: &Request) -> Option<&'static str> {
    let [nat, turn, ..] = KINDS;
    let only = |word: &str| request.only.iter().any(|w| w == word);
    if only(nat) {
        return Some("`nat` has no STUN server to ask: add --stun HOST");
    }
    if only(control::CONTROL) {
        return Some("`control` has no host to look at: add --control HOST");
    }
    only(turn).then_some("`turn` has no relay to ask: add --turn URI")
}

/// Whether a word names trials of a kind.
pub(super) fn is_word(word: &str) -> bool {
    KINDS.contains(&word)
}

#[cfg(test)]
mod tests;
