//! What to measure beside the rules: which roles, over which ways, under which loads. Knows profiles, never results.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use crate::model::{Host, Length, Load, Media, Need, RoleName, RuleId, Service, Transport, Waived, schedule};
use crate::profile::{Bandwidth, Limit, Profile, Rule};

use super::{Item, Request, check_id};

/// The word that selects, waives or allows the checks of quality.
pub const QUALITY: &str = "quality";

/// The word that selects, waives or allows the checks of bandwidth.
pub const BANDWIDTH: &str = "bandwidth";

/// A train that says anything lasts so long (the documents' limits need some 250 packets).
pub const LEAST: Duration = Duration::from_secs(4);

/// How an operator wants it measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measuring {
    /// How long each train lasts.
    pub length: Length,
    /// Sessions side by side.
    pub sessions: u32,
    /// Streams that come down in each session.
    pub down_streams: u32,
    /// DSCP to send with.
    pub dscp: u8,
    /// How much there is, with the most bytes that all searches of the run may use together.
    pub capacity: Option<u64>,
}

impl Default for Measuring {
    fn default() -> Self {
        let length = Length::Decided { least: LEAST, most: Duration::from_secs(30) };
        Self { length, sessions: 1, down_streams: 1, dscp: 0, capacity: None }
    }
}

/// Checks of one kind: whether they are made, and what the operator waives of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// They are made.
    pub selected: bool,
    /// The operator waives whatever they say.
    pub waived: Option<Waived>,
    /// The operator waives them if they stay unknown.
    pub allow_unknown: bool,
}

/// What is measured on one host of one role.
#[derive(Clone, Debug)]
pub struct Measure {
    pub role: RoleName,
    pub host: Host,
    /// Items of the role and host that could be a way to measure over, as indexes; those that are tested first.
    pub ways: Vec<usize>,
    /// Loads to offer, the highest first.
    pub loads: Vec<Load>,
    /// The document's limits on quality.
    pub limits: Vec<Limit>,
    /// The document's rows of bandwidth that hold with the options of the run.
    pub rows: Vec<Bandwidth>,
    pub quality: Asked,
    pub bandwidth: Asked,
    pub measuring: Measuring,
}

impl Measure {
    /// `quality.ROLE/host/address`.
    pub fn quality_id(&self, address: Option<IpAddr>) -> String {
        check_id(&format!("{QUALITY}.{}", self.role), &self.host, address)
    }

    /// `bandwidth.ROLE.ROW/host/address`.
    pub fn bandwidth_id(&self, row: &Bandwidth, address: Option<IpAddr>) -> String {
        check_id(&format!("{BANDWIDTH}.{}.{}", self.role, row.name), &self.host, address)
    }

    /// `capacity.ROLE/host/address`.
    pub fn capacity_id(&self, address: Option<IpAddr>) -> String {
        check_id(&format!("capacity.{}", self.role), &self.host, address)
    }

    /// The id under which it shows while it is carried out: that of its first check.
    pub fn id(&self, address: Option<IpAddr>) -> String {
        match self.rows.first() {
            _ if self.quality.selected => self.quality_id(address),
            Some(row) if self.bandwidth.selected => self.bandwidth_id(row, address),
            _ => self.capacity_id(address),
        }
    }

    /// It has the wire for itself: a higher rate than may be shared, or a search for all that there is.
    pub fn is_alone(&self, v6: bool) -> bool {
        self.measuring.capacity.is_some() || self.ip_kbps(v6) >= f64::from(schedule::measure::SIDE_BY_SIDE_KBPS)
    }

    /// The kinds of check that are made: `quality`, `bandwidth`, `capacity`.
    pub fn kinds(&self) -> Vec<&'static str> {
        let kinds = [
            (QUALITY, self.quality.selected),
            (BANDWIDTH, self.bandwidth.selected),
            ("capacity", self.measuring.capacity.is_some()),
        ];
        kinds.into_iter().filter_map(|(kind, made)| made.then_some(kind)).collect()
    }

    /// What must flow so that a row's `up` and `down` do, with the sessions and streams of the run.
    pub fn load(&self, row: &Bandwidth, up: Option<f64>, down: Option<f64>) -> Load {
        load(row.media, up, down, &self.measuring)
    }

    /// The highest rate of its loads at the IP level, the busier way, in kbit/s.
    pub fn ip_kbps(&self, v6: bool) -> f64 {
        let busier = |l: &Load| {
            let offered = l.offered(v6);
            offered.up.ip_kbps.max(offered.down.ip_kbps)
        };
        self.loads.iter().map(busier).fold(0.0, f64::max)
    }
}

fn load(media: Media, up: Option<f64>, down: Option<f64>, measuring: &Measuring) -> Load {
    Load {
        media,
        up_kbps: up.unwrap_or(0.0),
        down_kbps: down.unwrap_or(0.0),
        sessions: measuring.sessions,
        down_streams: measuring.down_streams,
    }
}

/// What is measured of a plan's items.
pub(super) fn measures(profile: &Profile, request: &Request, items: &[Item], rows: Vec<Bandwidth>) -> Vec<Measure> {
    let rules: Vec<&Rule> = items.iter().map(|i| &i.rule).collect();
    let roles = media_roles(profile, request, &rules);
    let mut places: Vec<(&RoleName, &Host)> = Vec::new();
    for item in items.iter().filter(|i| roles.contains(&i.rule.to)) {
        if !places.contains(&(&item.rule.to, &item.host)) {
            places.push((&item.rule.to, &item.host));
        }
    }
    let loads = loads(&rows, &request.measuring);
    let asks_rates = |role: &RoleName| asked(request, BANDWIDTH, role).selected || request.measuring.capacity.is_some();
    let measure = |(role, host): (&RoleName, &Host)| {
        let of = |(_, item): &(usize, &Item)| item.rule.to == *role && item.host == *host;
        let mut ways: Vec<(usize, &Item)> = items.iter().enumerate().filter(of).collect();
        ways.sort_by_key(|(_, item)| !item.is_selected());
        Measure {
            role: role.clone(),
            host: host.clone(),
            ways: ways.into_iter().map(|(index, _)| index).collect(),
            // Quality alone asks for no rate: the lowest, which a narrow line carries too.
            loads: if asks_rates(role) { loads.clone() } else { loads.last().copied().into_iter().collect() },
            limits: profile.limits.clone(),
            rows: rows.clone(),
            quality: asked(request, QUALITY, role),
            bandwidth: Asked {
                selected: !rows.is_empty() && selected(request, BANDWIDTH, role),
                ..asked(request, BANDWIDTH, role)
            },
            measuring: request.measuring,
        }
    };
    // Skipping every rule of a role skips the role.
    let is_tested = |m: &Measure| {
        !request.only.is_empty() || m.ways.first().and_then(|way| items.get(*way)).is_some_and(Item::is_selected)
    };
    // A document that says nothing of quality and bandwidth (VALT's) is not measured unless that is asked for: fifty
    // cameras would cost minutes that no row speaks of.
    let asked_by_document = !profile.limits.is_empty() || !profile.bandwidth.is_empty();
    let named = request.only.iter().any(|w| w == QUALITY || w == BANDWIDTH) || request.measuring.capacity.is_some();
    let wanted =
        |m: &Measure| (m.quality.selected || m.bandwidth.selected) && is_tested(m) && (asked_by_document || named);
    places.into_iter().map(measure).filter(wanted).collect()
}

/// The roles that carry media: those with a media range; where a profile has none, those with STUN over UDP; else those
/// that an operator binds and that are reached over TCP.
pub(super) fn media_roles(profile: &Profile, request: &Request, rules: &[&Rule]) -> BTreeSet<RoleName> {
    let bound = |r: &Rule| {
        request.targets.contains_key(&r.to) || profile.roles.get(&r.to).is_none_or(|role| role.hosts.is_empty())
    };
    // A role of relays alone takes no media of its own: what it carries is told by the relays' own checks.
    let relays_alone = |role: &RoleName| {
        let relays = |r: &Rule| matches!(r.service, Service::Turn | Service::Turns);
        let mut of_role = rules.iter().filter(|r| r.to == *role);
        of_role.clone().any(|r| relays(r)) && of_role.all(|r| relays(r) || r.need == Need::Optional)
    };
    let roles = |takes: &dyn Fn(&Rule) -> bool| -> BTreeSet<RoleName> {
        rules.iter().filter(|r| takes(r)).map(|r| r.to.clone()).filter(|role| !relays_alone(role)).collect()
    };
    let tiers: [&dyn Fn(&Rule) -> bool; 3] =
        [&|r| r.service == Service::Rtp, &|r| r.service == Service::Stun && r.transport == Transport::Udp, &|r| {
            r.transport == Transport::Tcp && bound(r)
        }];
    tiers.into_iter().map(roles).find(|found| !found.is_empty()).unwrap_or_default()
}

/// Whether checks of a kind are made on a role: naming a rule or a service selects rules alone.
pub(super) fn selected(request: &Request, kind: &str, role: &RoleName) -> bool {
    let named = |words: &[String]| words.iter().any(|w| w == kind || w == role.as_str());
    (request.only.is_empty() || named(&request.only)) && !named(&request.skip)
}

fn asked(request: &Request, kind: &str, role: &RoleName) -> Asked {
    let is = |rule: &RuleId| rule.as_str() == kind;
    Asked {
        selected: selected(request, kind, role),
        waived: request.waivers.iter().find(|w| is(&w.rule)).map(super::Waiver::waived),
        allow_unknown: request.allow_unknown.iter().any(is),
    }
}

/// The different rates of the rows, required and recommended, the highest first; a profile without rows is measured
/// under audio of 40 kbit/s each way, which is rtc-check's own choice.
fn loads(rows: &[Bandwidth], measuring: &Measuring) -> Vec<Load> {
    let both = |row: &Bandwidth| {
        [(row.up_kbps, row.down_kbps), (row.recommended_up_kbps, row.recommended_down_kbps)]
            .map(|(up, down)| load(row.media, up, down, measuring))
    };
    let mut all: Vec<Load> = rows.iter().flat_map(both).filter(|l| l.up_kbps > 0.0 || l.down_kbps > 0.0).collect();
    if all.is_empty() {
        all.push(load(Media::Audio, Some(40.0), Some(40.0), measuring));
    }
    // Of two at one rate the one in bursts asks for more of the line.
    let key = |l: &Load| (l.up_kbps + l.down_kbps * f64::from(l.down_streams), l.up_kbps, l.media);
    all.sort_by(|a, b| key(b).partial_cmp(&key(a)).unwrap_or(std::cmp::Ordering::Equal));
    all.dedup_by(|a, b| (a.up_kbps, a.down_kbps) == (b.up_kbps, b.down_kbps));
    all
}

/// The words for a load: `audio and video of 80 kbit/s up and down`.
pub fn load_words(load: &Load) -> String {
    let media = match load.media {
        Media::Audio => "audio",
        Media::AudioVideo => "audio and video",
    };
    let streams =
        if load.down_streams > 1 { format!(", {} streams down each", load.down_streams) } else { String::new() };
    let sessions = if load.sessions > 1 { format!(", {} sessions", load.sessions) } else { String::new() };
    let rates = match (load.up_kbps, load.down_kbps) {
        (up, down) if up == down => format!("{up} kbit/s each way"),
        (up, 0.0) => format!("{up} kbit/s up"),
        (0.0, down) => format!("{down} kbit/s down"),
        (up, down) => format!("{up} kbit/s up and {down} down"),
    };
    format!("{media} of {rates}{sessions}{streams}")
}
