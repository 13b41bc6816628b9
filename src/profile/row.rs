//! One rule as a file gives it: any field may be left to the profile that is extended. Knows what fields each service
//! has; knows nothing of the roles, vantages and options that a profile declares.

use std::collections::BTreeSet;

use crate::model::{Need, PortRange, RuleId, Service, Source, Transport};

use super::hint::did_you_mean;
use super::layer::{Documents, read_source};
use super::read::{At, Problems, Span, Table, Value, one_of};
use super::spec::{Expected, RefusedUpgrade};
use super::syntax::{is_dotted, is_host, is_name, is_path, is_token};

/// The fields of `[SERVICE."ID"]`.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub id: RuleId,
    /// The place of the id.
    pub at: Span,
    pub service: Service,
    /// Keys that stand in the file, readable or not: what is there and wrong is not missing as well.
    pub given: BTreeSet<&'static str>,
    pub from: Option<Vec<At<String>>>,
    pub to: Option<At<String>>,
    pub transport: Option<Transport>,
    pub ports: Option<PortRange>,
    pub path: Option<String>,
    pub subprotocol: Option<String>,
    pub refused: Option<RefusedUpgrade>,
    pub either: Option<bool>,
    pub expect: Option<Expected>,
    pub tls: Option<bool>,
    pub hosts: Option<Vec<At<String>>>,
    pub if_given: Option<bool>,
    pub when: Option<When>,
    pub need: Option<At<Need>>,
    pub group: Option<At<String>>,
    pub source: Option<Source>,
}

/// Options and the values that they must have.
pub(super) type When = Vec<(At<String>, bool)>;

const COMMON: [&str; 8] = ["from", "to", "hosts", "if-given", "when", "need", "group", "source"];

/// The fields that a rule of `service` may have.
fn fields(service: Service) -> Vec<&'static str> {
    let own: &[&str] = match service {
        Service::Http | Service::Https => &["port", "path", "either", "expect"],
        Service::HttpRedirect | Service::Rtsp | Service::Rtmp | Service::Rtmps => &["port", "path"],
        Service::Ws | Service::Wss => &["port", "path", "subprotocol", "refused"],
        Service::Rtp => &["port", "ports"],
        Service::Turn | Service::Turns => &["port", "transport"],
        Service::Sip => &["port", "transport", "tls"],
        Service::Gre | Service::Dns => &[],
        _ => &["port"],
    };
    [own, &COMMON].concat()
}

/// What carries `service` unless the rule says otherwise.
pub(super) fn transport(service: Service) -> Transport {
    match service {
        Service::Stun | Service::Turn | Service::Rtp | Service::Sip | Service::Ike => Transport::Udp,
        Service::Gre => Transport::Gre,
        Service::Dns => Transport::Dns,
        _ => Transport::Tcp,
    }
}

/// A rule of this service has a port.
pub(super) fn has_port(service: Service) -> bool {
    !matches!(service, Service::Gre | Service::Dns)
}

impl Row {
    /// Reads the table of the rule `id`; `None` where the id itself will not do.
    pub(super) fn read(
        id: At<&str>,
        service: Service,
        table: &Table<'_>,
        docs: &Documents,
        p: &mut Problems,
    ) -> Option<Self> {
        if !is_dotted(id.value) {
            let expected = "lower-case words and digits, joined by dots or hyphens, such as rtc.media";
            p.add(&id.at, format!("bad rule id `{}`", id.value), expected);
            return None;
        }
        let known = fields(service);
        if unquoted(table, service, &known, p) {
            return None;
        }
        unknown_fields(table, service, &known, p);
        let mut row = Self::empty(RuleId::from(id.value), p.place(id.at), service);
        // `ports` is read everywhere, so that a range on a single-port service is told as that.
        for field in known.iter().copied().chain((!known.contains(&"ports")).then_some("ports")) {
            if let Some(value) = table.get(field) {
                row.given.insert(field);
                row.read_field(field, value, docs, p);
            }
        }
        if let (Some(port), Some(_)) = (table.get("port"), table.get("ports")) {
            p.add(&port.span(), "`port` and `ports` stand side by side", "only one of them");
        }
        Some(row)
    }

    fn empty(id: RuleId, at: Span, service: Service) -> Self {
        Self {
            id,
            at,
            service,
            given: BTreeSet::new(),
            from: None,
            to: None,
            transport: None,
            ports: None,
            path: None,
            subprotocol: None,
            refused: None,
            either: None,
            expect: None,
            tls: None,
            hosts: None,
            if_given: None,
            when: None,
            need: None,
            group: None,
            source: None,
        }
    }

    fn read_field(&mut self, field: &str, value: Value<'_>, docs: &Documents, p: &mut Problems) {
        let dotted = "lower-case words and digits, joined by dots or hyphens";
        match field {
            "from" => self.from = Some(p.texts(value, "vantage", is_name, "names of vantages")),
            "to" => self.to = p.text_that(value, "to", is_name, "the name of a role"),
            "port" => self.ports = read_port(value, p),
            "ports" => self.ports = read_ports(value, self.service, p),
            "transport" => {
                let words = [("tcp", Transport::Tcp), ("udp", Transport::Udp)];
                self.transport = p.word(value, "transport", &words).map(|t| t.value);
            }
            "path" => {
                let expected = "a path that starts with `/`, without spaces";
                self.path = p.text_that(value, "path", is_path, expected).map(|t| t.value);
            }
            "subprotocol" => {
                let expected = "a token: letters, digits and !#$%&'*+-.^_`|~";
                self.subprotocol = p.text_that(value, "subprotocol", is_token, expected).map(|t| t.value);
            }
            "refused" => {
                let words = [("fail", RefusedUpgrade::Fail), ("warn", RefusedUpgrade::Warn)];
                self.refused = p.word(value, "value of `refused`", &words).map(|w| w.value);
            }
            "expect" => {
                let words = [
                    ("wowza", Expected::Wowza),
                    ("janus", Expected::Janus),
                    ("janus-admin", Expected::JanusAdmin),
                    ("acme", Expected::Acme),
                    ("repository", Expected::Repository),
                    ("host", Expected::Host),
                ];
                self.expect = p.word(value, "value of `expect`", &words).map(|w| w.value);
            }
            "tls" => self.tls = p.flag(value, "tls").map(|f| f.value),
            "either" => self.either = p.flag(value, "either").map(|f| f.value),
            "if-given" => self.if_given = p.flag(value, "if-given").map(|f| f.value),
            "hosts" => self.hosts = Some(p.texts(value, "host", is_host, HOST)),
            "when" => self.when = Some(read_when(value, p)),
            "need" => {
                self.need = p.word(value, "need", &Need::ALL.iter().map(|n| (n.as_str(), *n)).collect::<Vec<_>>())
            }
            "group" => self.group = p.text_that(value, "group", is_dotted, dotted),
            "source" => self.source = read_source(value, docs, p),
            _ => {}
        }
    }

    /// This row laid over `base`: what it leaves out, the base says.
    pub(super) fn over(self, base: Self) -> Self {
        Self {
            id: self.id,
            at: self.at,
            service: self.service,
            given: base.given.into_iter().chain(self.given).collect(),
            from: self.from.or(base.from),
            to: self.to.or(base.to),
            transport: self.transport.or(base.transport),
            ports: self.ports.or(base.ports),
            path: self.path.or(base.path),
            subprotocol: self.subprotocol.or(base.subprotocol),
            refused: self.refused.or(base.refused),
            either: self.either.or(base.either),
            expect: self.expect.or(base.expect),
            tls: self.tls.or(base.tls),
            hosts: self.hosts.or(base.hosts),
            if_given: self.if_given.or(base.if_given),
            when: self.when.or(base.when),
            need: self.need.or(base.need),
            group: self.group.or(base.group),
            source: self.source.or(base.source),
        }
    }
}

/// What a host must look like.
pub(super) const HOST: &str = "a host name or an address, without scheme, port or path";

fn unknown_fields(table: &Table<'_>, service: Service, known: &[&str], p: &mut Problems) {
    for (key, _) in table.entries() {
        let read = known.contains(&key.value) || (has_port(service) && key.value == "ports");
        if !read {
            let hint = did_you_mean(key.value, known.iter().copied());
            p.add(&key.at, format!("`{service}` rules have no field `{}`{hint}", key.value), one_of(known));
        }
    }
}

/// Whether the table holds tables where fields should be, because the dots of the id were not quoted.
fn unquoted(table: &Table<'_>, service: Service, known: &[&str], p: &mut Problems) -> bool {
    let entries = table.entries();
    let tables = entries.iter().all(|(key, value)| value.get_ref().is_table() && !known.contains(&key.value));
    if let (true, Some((key, _))) = (tables, entries.first()) {
        let message = format!("`{}` stands where a field should be", key.value);
        p.add(&key.at, message, format!("an id in quotes, such as [{service}.\"rtc.media\"]"));
        return true;
    }
    false
}

const PORT: &str = "a port from 1 to 65535";
const RANGE: &str = "a port, or a range such as \"19099-20099\"";

fn read_port(value: Value<'_>, p: &mut Problems) -> Option<PortRange> {
    let number = p.integer(value, "port", PORT)?;
    let port = u16::try_from(number).ok().and_then(PortRange::single);
    if port.is_none() {
        let digits = value.get_ref().as_integer().map_or("", |i| i.as_str());
        p.add(&value.span(), format!("there is no port {digits}"), PORT);
    }
    port
}

fn read_ports(value: Value<'_>, service: Service, p: &mut Problems) -> Option<PortRange> {
    let text = p.text(value, "ports")?;
    let ports = parse_ports(&text.value).map_err(|message| p.add(&value.span(), message, RANGE)).ok()?;
    if !ports.is_single() && service != Service::Rtp {
        p.add(&value.span(), format!("`{service}` rules have one port, not {}", ports.count()), "port = NUMBER");
        return None;
    }
    Some(ports)
}

/// `443` or `19099-20099`, or what is wrong with it.
fn parse_ports(text: &str) -> Result<PortRange, String> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let port = |t: &str| match t.parse::<u32>() {
        Ok(n) if (1..=65535).contains(&n) => u16::try_from(n).map_err(|_| String::new()),
        Ok(n) => Err(format!("there is no port {n}")),
        Err(_) => Err(format!("`{text}` is not a range of ports")),
    };
    let (first, last) = (port(first)?, port(last)?);
    PortRange::new(first, last).ok_or_else(|| format!("the range {first}-{last} runs backwards"))
}

/// `{ ssl = true }`.
pub(super) fn read_when(value: Value<'_>, p: &mut Problems) -> When {
    let Some(table) = p.table(value, value.span(), "when") else { return Vec::new() };
    let mut when = Vec::new();
    for (key, value) in table.entries() {
        if let Some(flag) = p.flag(value, key.value) {
            when.push((At { value: key.value.to_owned(), at: p.place(key.at) }, flag.value));
        }
    }
    when
}
