//! The page for people who can install nothing: its files, and what it asks of the responder. It is served on every HTTPS
//! port; what is tested and what that is worth is told by a [`Desk`]. Knows no profile and no verdict.

mod answer;
#[cfg_attr(not(feature = "media"), allow(dead_code, reason = "without the feature nobody is behind the gate"))]
pub(super) mod gate;
#[cfg(feature = "media")]
mod peer;
#[cfg(not(feature = "media"))]
#[path = "no_peer.rs"]
mod peer;
#[cfg(feature = "media")]
mod sdp;

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Bytes};
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, StatusCode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use answer::{Answer, denied_words, guarded, json, refuse, told, too_many};

use super::tcp::{Context, within};
use super::{Bound, udp};
use crate::model::{PortSet, RuleId, Service, Transport};
use crate::net::{chance, clock};
use crate::session::access::web_token_ok;
use crate::session::limits::{Rate, SourceTable};
use crate::wire;

/// Where everything of the page is.
pub const PATH: &str = "/rtc-check/web/";

/// Bytes of an offer, and of what a page has seen.
const LONGEST_OFFER: usize = 32 << 10;
const LONGEST_REPORT: usize = 1 << 20;

/// Questions of one source: a run asks about fifty.
const ASKED: Rate = Rate::new(4, 200);
/// Results of one source, which cost a judgement and a file each.
const HANDED_IN: Rate = Rate::new(1, 12);
/// Loads of the page by one source, which cost a plan each and need no token.
const OPENED: Rate = Rate::new(1, 60);

/// For a result to come: it has a hundred thousand bytes, and the network under test may be slow.
const RESULT_COMES: Duration = Duration::from_secs(60);

const INDEX: &str = include_str!("index.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Whether this build can send media back.
pub const fn has_media() -> bool {
    cfg!(feature = "media")
}

/// A visitor's browser, as far as the connection tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visit {
    /// The host in the address bar: a name, or an address without brackets.
    pub host: String,
    /// The responder's address that the connection came to.
    pub at: IpAddr,
    /// The visitor's own.
    pub source: IpAddr,
    /// Where the browser is told to send UDP.
    pub addresses: Vec<IpAddr>,
}

/// What a visitor's browser is to test, and what it is worth.
pub trait Desk: Send + Sync {
    /// The JSON that the script reads.
    ///
    /// # Errors
    /// A sentence for the page.
    fn plan(&self, visit: &Visit) -> Result<String, String>;

    /// What else the script may connect to, as sources of a Content-Security-Policy.
    fn sources(&self, visit: &Visit) -> String;

    /// The report, as JSON, of what the page has seen; the text is what the browser sent.
    ///
    /// # Errors
    /// A sentence for the page.
    fn judge(&self, visit: &Visit, seen: &[u8]) -> Result<String, String>;
}

/// The page and what it needs.
#[derive(Clone)]
pub struct Web {
    pub desk: Arc<dyn Desk>,
    /// Where browsers are told to send UDP; empty: to the address that they came to.
    pub addresses: Vec<IpAddr>,
}

/// The page as the responder serves it.
pub(super) struct Pages {
    web: Web,
    gate: Arc<gate::Gate>,
    /// Served media ports by rule.
    ports: HashMap<RuleId, Vec<(IpAddr, PortSet)>>,
    peers: peer::Peers,
    limits: Mutex<[(Rate, SourceTable); 3]>,
    start: std::time::Instant,
}

/// What a source may do so often; the number of its limit.
#[derive(Clone, Copy)]
enum Deed {
    Open,
    Ask,
    HandIn,
}

/// A UDP port of a rule that is asked for a connection, and by whom.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AskPort {
    rule: RuleId,
    port: u16,
    ufrag: String,
}

/// A connection that is offered for media.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AskPeer {
    rule: RuleId,
    sdp: String,
}

#[derive(Serialize)]
struct GrantedPort {
    ufrag: String,
    pwd: String,
    addresses: Vec<IpAddr>,
}

#[derive(Serialize)]
struct GrantedPeer {
    sdp: String,
    port: u16,
    addresses: Vec<IpAddr>,
}

/// UDP ports of rules that carry media: the middle one of each, on which browsers meet a peer that sends back what it
/// gets. The other ports of the rule, and this one, stay what they are for everybody else.
fn media_ports(bound: &[Bound]) -> Vec<(RuleId, SocketAddr)> {
    let of_media = bound.iter().filter(|b| b.transport == Transport::Udp && b.service == Service::Rtp);
    let middle = |b: &Bound| {
        let count = usize::try_from(b.ports.count()).unwrap_or(0);
        let port = b.ports.ranges().iter().flat_map(|r| r.iter()).nth(count / 2)?;
        Some((b.rule.clone(), SocketAddr::new(b.address, port)))
    };
    of_media.filter_map(middle).collect()
}

/// The socket that takes what is sent to `at`.
fn socket_at(sockets: &[udp::Socket], at: SocketAddr) -> Option<&udp::Socket> {
    let of_all = |s: &SocketAddr| s.ip().is_unspecified() && s.is_ipv4() == at.is_ipv4() && s.port() == at.port();
    sockets.iter().find(|s| s.local == at).or_else(|| sockets.iter().find(|s| of_all(&s.local)))
}

impl Pages {
    /// Must be called within a runtime.
    pub(super) fn new(web: Web, bound: &[Bound], sockets: &[udp::Socket], cancel: &CancellationToken) -> Self {
        let mut ports: HashMap<RuleId, Vec<(IpAddr, PortSet)>> = HashMap::new();
        for b in bound.iter().filter(|b| b.transport == Transport::Udp) {
            ports.entry(b.rule.clone()).or_default().push((b.address, b.ports.clone()));
        }
        let seed = chance::secret_seed().unwrap_or_default();
        let tables = [OPENED, ASKED, HANDED_IN].map(|rate| (rate, SourceTable::new(12, seed)));
        let of_rules = media_ports(bound).into_iter();
        let rules: Vec<_> = of_rules.filter_map(|(rule, at)| Some((rule, socket_at(sockets, at)?.local))).collect();
        let places: Vec<SocketAddr> = rules.iter().map(|(_, at)| *at).collect();
        let (gate, lanes) = gate::Gate::new(&places);
        let gate = Arc::new(gate);
        let with_sender = |lane: gate::Lane| {
            let socket = socket_at(sockets, lane.at)?.handle().ok()?;
            let sender = gate::Sender { socket, at: lane.at, gate: gate.clone() };
            Some((lane, sender))
        };
        let peers = peer::Peers::new(&gate, rules, lanes.into_iter().filter_map(with_sender).collect(), cancel);
        Self { web, gate, ports, peers, limits: Mutex::new(tables), start: clock::now() }
    }

    /// What the UDP thread asks first.
    pub(super) fn gate(&self) -> Arc<gate::Gate> {
        self.gate.clone()
    }

    /// Whether `source` may do one more.
    fn takes(&self, source: IpAddr, deed: Deed) -> bool {
        let now = u64::try_from(clock::now().saturating_duration_since(self.start).as_nanos()).unwrap_or(u64::MAX);
        let mut limits = self.limits.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((rate, table)) = limits.get_mut(deed as usize) else { return false };
        let bucket = table.bucket(source);
        let has = bucket.has(*rate, now);
        if has {
            bucket.take(*rate, now);
        }
        has
    }

    /// Where a browser sends UDP: what the operator says, the address in its address bar, or where it came to.
    fn addresses(&self, host: &str, at: IpAddr) -> Vec<IpAddr> {
        match host.parse::<IpAddr>() {
            _ if !self.web.addresses.is_empty() => self.web.addresses.clone(),
            Ok(address) => vec![address],
            Err(_) => vec![at],
        }
    }

    fn serves(&self, rule: &RuleId, at: IpAddr, port: u16) -> bool {
        let covers = |address: IpAddr| address == at || (address.is_unspecified() && address.is_ipv4() == at.is_ipv4());
        let places = self.ports.get(rule).map(Vec::as_slice).unwrap_or_default();
        places.iter().any(|(address, ports)| covers(*address) && ports.contains(port))
    }
}

/// Whether a request is the page's.
pub(super) fn is_ours(path: &str) -> bool {
    path.starts_with(PATH) || path == PATH.trim_end_matches('/')
}

/// Answers a request of the page; `host` is the name in its Host field, `authority` all of that.
pub(super) async fn answer<B>(
    request: Request<B>,
    (host, authority): (String, String),
    (source, at): (IpAddr, IpAddr),
    (pages, context): (&Pages, &Context),
) -> Answer
where
    B: Body<Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
{
    let at = at.to_canonical();
    let addresses = pages.addresses(&host, at);
    let visit = Visit { host, at, source, addresses };
    let path = request.uri().path().strip_prefix(PATH).unwrap_or("/").to_owned();
    if let Some(file) = file(request.method(), &path, &visit, pages) {
        return file;
    }
    // Before the limit: whoever lacks the token uses up nothing of those behind the same address who have it.
    if !authorised(request.headers(), context) {
        return refuse(StatusCode::UNAUTHORIZED, "the whole link is needed, with what follows its #");
    }
    if !pages.takes(source, if path == "result" { Deed::HandIn } else { Deed::Ask }) {
        return too_many();
    }
    match (request.method().clone(), path.as_str()) {
        (Method::GET, "plan") => told(pages.web.desk.plan(&visit)),
        (Method::POST, "port" | "peer" | "result") if !is_own(request.headers(), &authority) => {
            refuse(StatusCode::FORBIDDEN, "only the page itself may ask this")
        }
        (Method::POST, "port") => port(request, &visit, pages, context).await,
        (Method::POST, "peer") => meet(request, &visit, pages, context).await,
        (Method::POST, "result") => result(request, visit, pages).await,
        (Method::GET | Method::POST, _) => refuse(StatusCode::NOT_FOUND, "there is no such part of the page"),
        _ => refuse(StatusCode::METHOD_NOT_ALLOWED, "GET or POST"),
    }
}

/// A file of the page. Only the first is held to sources of the plan, so only that costs one.
fn file(method: &Method, path: &str, visit: &Visit, pages: &Pages) -> Option<Answer> {
    let fixed = |kind, body: &str| Some(guarded(body.as_bytes().to_vec(), kind, ""));
    match (method, path) {
        (&Method::GET, "") if !pages.takes(visit.source, Deed::Open) => Some(too_many()),
        (&Method::GET, "") => {
            let sources = pages.web.desk.sources(visit);
            Some(guarded(INDEX.as_bytes().to_vec(), "text/html; charset=utf-8", &sources))
        }
        (&Method::GET, "page.css") => fixed("text/css; charset=utf-8", STYLE),
        (&Method::GET, "page.js") => fixed("text/javascript; charset=utf-8", SCRIPT),
        (_, "/") => {
            let mut moved = refuse(StatusCode::PERMANENT_REDIRECT, "the page is there");
            moved.headers_mut().insert(header::LOCATION, HeaderValue::from_static(PATH));
            Some(moved)
        }
        _ => None,
    }
}

/// The token of the link, where the responder has a key.
fn authorised(headers: &HeaderMap, context: &Context) -> bool {
    let Some(key) = &context.key else { return true };
    let token = headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok());
    token.and_then(|v| v.strip_prefix("Bearer ")).is_some_and(|t| web_token_ok(key.bytes(), t.trim()))
}

/// Sent by the page itself: JSON, which no form of another site can send, and from this origin where the browser says it.
fn is_own(headers: &HeaderMap, authority: &str) -> bool {
    let text = |name: HeaderName| headers.get(name).and_then(|v| v.to_str().ok());
    let json =
        text(header::CONTENT_TYPE).is_some_and(|t| t.split(';').next().map(str::trim) == Some("application/json"));
    let origin = text(header::ORIGIN).is_none_or(|o| o.strip_prefix("https://") == Some(authority));
    let site = headers.get("sec-fetch-site").is_none_or(|s| s == "same-origin");
    json && origin && site
}

/// A session of the responder's own ICE agent on one port of a rule.
async fn port<B>(request: Request<B>, visit: &Visit, pages: &Pages, context: &Context) -> Answer
where
    B: Body<Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
{
    let asked: AskPort = match read(request.into_body(), LONGEST_OFFER, context).await {
        Ok(asked) => asked,
        Err(why) => return refuse(StatusCode::BAD_REQUEST, &why),
    };
    if !pages.serves(&asked.rule, visit.at, asked.port) {
        return refuse(StatusCode::BAD_REQUEST, "this responder does not serve that port");
    }
    let (ask, port) = (wire::ice::Ask { ufrag: asked.ufrag }, asked.port);
    match context.door.ask_ice(ask, visit.source, |_| vec![port]).await {
        Ok(grant) => {
            let granted = GrantedPort { ufrag: grant.ufrag, pwd: grant.pwd, addresses: visit.addresses.clone() };
            json(StatusCode::OK, &granted)
        }
        Err(denied) => denied_words(denied),
    }
}

/// A peer that sends back what it gets.
async fn meet<B>(request: Request<B>, visit: &Visit, pages: &Pages, context: &Context) -> Answer
where
    B: Body<Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
{
    let asked: AskPeer = match read(request.into_body(), LONGEST_OFFER, context).await {
        Ok(asked) => asked,
        Err(why) => return refuse(StatusCode::BAD_REQUEST, &why),
    };
    let Some(place) = pages.peers.place(&asked.rule, visit.at) else {
        return refuse(StatusCode::BAD_REQUEST, "this responder has no media port of that rule at this address");
    };
    let answered = pages.peers.open(&asked.sdp, place, visit, (&context.tasks, &context.cancel)).await;
    match answered {
        Ok(sdp) => json(StatusCode::OK, &GrantedPeer { sdp, port: place.port, addresses: visit.addresses.clone() }),
        Err(denied) => denied_words(denied),
    }
}

/// What the page has seen, judged.
async fn result<B>(request: Request<B>, visit: Visit, pages: &Pages) -> Answer
where
    B: Body<Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
{
    let seen = match whole(request.into_body(), LONGEST_REPORT, RESULT_COMES).await {
        Ok(seen) => seen,
        Err(why) => return refuse(StatusCode::BAD_REQUEST, &why),
    };
    let desk = pages.web.desk.clone();
    let judged = tokio::task::spawn_blocking(move || desk.judge(&visit, &seen)).await;
    told(judged.unwrap_or_else(|_| Err("the judgement broke".to_owned())))
}

async fn read<B, T: DeserializeOwned>(body: B, most: usize, context: &Context) -> Result<T, String>
where
    B: Body<Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
{
    serde_json::from_slice(&whole(body, most, context.limits.handshake).await?)
        .map_err(|e| format!("not what is asked with: {e}"))
}

/// The body, of bounded length and in bounded time.
async fn whole<B>(body: B, most: usize, time: Duration) -> Result<Bytes, String>
where
    B: Body<Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
{
    let whole = within(time, Limited::new(body, most).collect()).await;
    let whole = whole.map_err(|_| "the body did not come in time".to_owned())?;
    Ok(whole.map_err(|_| format!("the body is longer than {most} bytes or was cut off"))?.to_bytes())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

    use super::*;

    /// Counts how often it is asked for sources.
    #[derive(Default)]
    struct Counting(AtomicU32);

    impl Desk for Counting {
        fn plan(&self, _: &Visit) -> Result<String, String> {
            Err(String::new())
        }
        fn sources(&self, _: &Visit) -> String {
            self.0.fetch_add(1, Relaxed);
            "https://platform.example:443".to_owned()
        }
        fn judge(&self, _: &Visit, _: &[u8]) -> Result<String, String> {
            Err(String::new())
        }
    }

    #[tokio::test]
    async fn only_the_page_itself_costs_a_plan_and_so_often_for_one_source() {
        let desk = Arc::new(Counting::default());
        let web = Web { desk: desk.clone(), addresses: Vec::new() };
        let pages = Pages::new(web, &[], &[], &CancellationToken::new());
        let at: IpAddr = "192.0.2.1".parse().unwrap();
        let visit = Visit { host: at.to_string(), at, source: at, addresses: vec![at] };
        let get = |path: &str| file(&Method::GET, path, &visit, &pages).unwrap();
        let policy = |answer: &Answer| answer.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
        for _ in 0..100 {
            assert!(!policy(&get("page.css")).contains("platform") && !policy(&get("page.js")).contains("platform"));
        }
        assert_eq!(desk.0.load(Relaxed), 0);
        assert!(policy(&get("")).contains("connect-src 'self' https://platform.example:443;"));
        let refused = (0..200).filter(|_| get("").status() == StatusCode::TOO_MANY_REQUESTS).count();
        assert!(refused > 100 && desk.0.load(Relaxed) < 100, "{refused}");
        assert!(pages.takes(at, Deed::Ask), "whoever loads the page too often takes nothing from those with a token");
        assert!(file(&Method::GET, "plan", &visit, &pages).is_none());
    }
}
