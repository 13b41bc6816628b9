//! What the rules about DNS have in common: what each resolver said, and how long this machine's own look-ups took. Draws no
//! conclusion.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use crate::model::resolver::{Question, ResolverSeen, ServerAnswer};
use crate::model::{Check, FailureKind, Step, StepTiming, metric};

/// A resolver's check with what it said.
pub struct Asked<'a> {
    pub check: &'a Check,
    pub seen: ResolverSeen,
}

impl Asked<'_> {
    /// It answers something to somebody.
    pub fn works(&self) -> bool {
        self.seen.questions.iter().any(Question::is_answered) && !self.seen.refuses()
    }

    /// Nothing came back from it, or word that nobody listens there; a machine without a way to it shows nothing of it.
    pub fn is_dead(&self) -> bool {
        let is_dead = |q: &Question| {
            use FailureKind::{Prohibited, Refused, ResolverTimeout, TimedOut, Unreachable};
            matches!(q.answer.error, Some(ResolverTimeout | TimedOut | Refused | Unreachable | Prohibited))
        };
        self.seen.questions.len() >= 3 && self.seen.questions.iter().all(is_dead)
    }
}

/// Every resolver that was asked by itself.
pub fn asked(checks: &[Check]) -> Vec<Asked<'_>> {
    checks.iter().filter_map(|check| Some(Asked { check, seen: check.observed.get(&metric::RESOLVER)? })).collect()
}

/// Address, with the port where it is not 53.
pub fn place(server: SocketAddr) -> String {
    if server.port() == 53 { server.ip().to_string() } else { server.to_string() }
}

/// How long the system took to look up each name, in milliseconds, and whether it found an address.
pub fn look_ups(checks: &[Check]) -> BTreeMap<&str, (f64, bool)> {
    let mut all = BTreeMap::new();
    for check in checks.iter().filter(|c| c.observed.has(&metric::DNS_SERVERS)) {
        let steps: Vec<StepTiming> = check.observed.get(&metric::STEPS).unwrap_or_default();
        if let Some(step) = steps.iter().find(|s| s.step == Step::Name) {
            all.insert(check.target.as_str(), (step.ms, step.result == "ok"));
        }
    }
    all
}

/// One sentence for each look-up of the system that took long, the longest first.
pub fn slow_look_ups(checks: &[Check], above_ms: f64) -> Vec<String> {
    let mut slow: Vec<(&str, (f64, bool))> =
        look_ups(checks).into_iter().filter(|(_, (ms, _))| *ms > above_ms).collect();
    slow.sort_by(|a, b| b.1.0.total_cmp(&a.1.0));
    let sentence = |(name, (ms, found)): (&str, (f64, bool))| {
        let end = if found { "" } else { " and found nothing" };
        format!("This machine's own look-up of {name} took {:.1} s{end}.", ms / 1000.0)
    };
    slow.into_iter().map(sentence).collect()
}

/// Names of the run with what each server said of them, and their checks.
pub fn names(checks: &[Check]) -> BTreeMap<&str, (Vec<ServerAnswer>, Vec<&Check>)> {
    let mut all: BTreeMap<&str, (Vec<ServerAnswer>, Vec<&Check>)> = BTreeMap::new();
    for check in checks {
        let Some(answers) = check.observed.get::<Vec<ServerAnswer>>(&metric::DNS_SERVERS) else { continue };
        let of = all.entry(&check.target).or_default();
        of.0 = answers;
        of.1.push(check);
    }
    all
}

/// One sentence a server: `192.0.2.53 gives 10.0.0.5 and 2001:db8::5.`
pub fn told(answers: &[ServerAnswer]) -> Vec<String> {
    let mut servers: Vec<SocketAddr> = answers.iter().map(|a| a.server).collect();
    servers.dedup();
    let of = |server: SocketAddr| {
        let own: Vec<&ServerAnswer> = answers.iter().filter(|a| a.server == server).collect();
        let addresses: Vec<String> = own.iter().flat_map(|a| &a.addresses).map(ToString::to_string).collect();
        let said = match (addresses.is_empty(), own.iter().find_map(|a| a.rcode.as_deref())) {
            (false, _) => format!("gives {}", addresses.join(", ")),
            (true, Some("NOERROR")) => "knows the name and has no address for it".to_owned(),
            (true, Some(code)) => format!("answers {code}"),
            (true, None) => "did not answer".to_owned(),
        };
        format!("{} {said}.", place(server))
    };
    servers.into_iter().map(of).collect()
}

/// An address that means something inside a network alone.
pub fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(a) => {
            let [first, second, ..] = a.octets();
            let is_shared = first == 100 && (64..128).contains(&second);
            a.is_private() || a.is_link_local() || is_shared || is_nowhere(address)
        }
        IpAddr::V6(a) => a.is_unique_local() || a.is_unicast_link_local() || is_nowhere(address),
    }
}

/// An address that filters give for what they block.
pub fn is_nowhere(address: IpAddr) -> bool {
    address.is_unspecified() || address.is_loopback()
}

/// Ids of checks, each once.
pub fn ids<'a>(checks: impl IntoIterator<Item = &'a Check>) -> Vec<String> {
    let mut ids: Vec<String> = Vec::new();
    for check in checks {
        if !ids.contains(&check.id) {
            ids.push(check.id.clone());
        }
    }
    ids
}

/// Checks for the tests of the rules about names.
#[cfg(test)]
pub mod fixture {
    use super::*;
    use crate::model::resolver::{AskedFor, Kind, Over};
    use crate::model::{Facts, Need, ProbeKind, Status};

    /// A check at `address` of `target` that holds or fails.
    pub fn check(id: &str, target: &str, address: Option<&str>, status: Status) -> Check {
        Check {
            id: id.to_owned(),
            rule: None,
            probe: ProbeKind::Tcp,
            role: "rtc".into(),
            target: target.to_owned(),
            address: address.map(|a| a.parse().unwrap()),
            transport: None,
            port: None,
            ports: None,
            need: Need::Required,
            status,
            reason: String::new(),
            observed: Facts::new(),
            limits: Vec::new(),
            source: None,
            group: None,
            waived: None,
            started_ms: 0,
            duration_ms: 0,
        }
    }

    /// An answer in `ms` with these addresses, or none where `ms` is.
    pub fn answer(server: &str, ms: Option<f64>, addresses: &[&str]) -> ServerAnswer {
        let server = SocketAddr::new(server.parse().unwrap(), 53);
        match ms {
            None => {
                ServerAnswer::none(server, Kind::A, FailureKind::ResolverTimeout, "no answer to 2 questions in 5 s")
            }
            Some(_) => ServerAnswer {
                server,
                kind: Kind::A,
                rcode: Some(if addresses.is_empty() { "NXDOMAIN" } else { "NOERROR" }.to_owned()),
                addresses: addresses.iter().map(|a| a.parse().unwrap()).collect(),
                ttl_s: None,
                ms,
                error: None,
                detail: None,
            },
        }
    }

    /// A resolver that answers over UDP and TCP in so many milliseconds, and gives `lie` for what cannot exist.
    pub fn resolver(server: &str, udp: Option<f64>, tcp: Option<f64>, lie: &[&str]) -> Check {
        let question = |name: &str, asked_for, over, ms: Option<f64>, addresses: &[&str]| Question {
            name: name.to_owned(),
            asked_for,
            over,
            answer: answer(server, ms, addresses),
        };
        let needed = || question("rtc.example", AskedFor::Needed, Over::Udp, udp, &["203.0.113.10"]);
        let mut questions: Vec<Question> = (0..if udp.is_some() { 3 } else { 1 }).map(|_| needed()).collect();
        questions.push(question("rtc.example", AskedFor::Needed, Over::Tcp, tcp, &["203.0.113.10"]));
        questions.push(question("rc-1.invalid", AskedFor::Nowhere, Over::Udp, udp, lie));
        questions.push(question("www.rtc-check.rc2", AskedFor::Nowhere, Over::Udp, udp, lie));
        let mut check = check(&format!("dns.resolver/{server}"), server, Some(server), Status::Pass);
        let seen = ResolverSeen { server: SocketAddr::new(server.parse().unwrap(), 53), configured: true, questions };
        check.observed.set(&metric::RESOLVER, seen);
        check
    }

    /// The check of a name with what the servers said, and the system's time.
    pub fn named(mut check: Check, ms: f64, answers: &[ServerAnswer]) -> Check {
        let result = if check.address.is_some() { "ok" } else { "resolver-timeout: no answer" };
        check.observed.set(&metric::STEPS, [StepTiming { step: Step::Name, ms, result: result.to_owned() }]);
        check.observed.set(&metric::DNS_SERVERS, answers);
        check
    }
}
