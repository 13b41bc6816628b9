//! Peers of browsers, on the crate `webrtc`: they send back what comes over a data channel, with a mark of when it came,
//! and the audio that comes. They answer on a rule's own media port and speak to nobody who did not ask; so many at once,
//! for so long. Knows no page.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use ::webrtc::api::interceptor_registry::configure_rtcp_reports;
use ::webrtc::api::media_engine::{MIME_TYPE_OPUS, MediaEngine};
use ::webrtc::api::setting_engine::SettingEngine;
use ::webrtc::api::{API, APIBuilder};
use ::webrtc::data_channel::RTCDataChannel;
use ::webrtc::data_channel::data_channel_message::DataChannelMessage;
use ::webrtc::ice::mdns::MulticastDnsMode;
use ::webrtc::ice::network_type::NetworkType;
use ::webrtc::ice::udp_mux::{UDPMuxDefault, UDPMuxParams};
use ::webrtc::ice::udp_network::UDPNetwork;
use ::webrtc::interceptor::registry::Registry;
use ::webrtc::peer_connection::RTCPeerConnection;
use ::webrtc::peer_connection::peer_connection_state::RTCPeerConnectionState;
use ::webrtc::peer_connection::sdp::session_description::RTCSessionDescription;
use ::webrtc::rtp_transceiver::rtp_codec::{RTCRtpCodecCapability, RTCRtpCodecParameters, RTPCodecType};
use ::webrtc::track::track_local::track_local_static_rtp::TrackLocalStaticRTP;
use ::webrtc::track::track_local::{TrackLocal, TrackLocalWriter};
use ::webrtc::track::track_remote::TrackRemote;
use async_trait::async_trait;
use hyper::body::Bytes;
use tokio::sync::{Mutex, mpsc, oneshot, watch};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;
use webrtc_util::Conn;

use super::gate::{Gate, Lane, Parcel, Sender};
use super::{Visit, sdp};
use crate::model::RuleId;
use crate::net::classify::clean;
use crate::net::{chance, clock};
use crate::serve::admission::{Admission, Pass};
use crate::session::granted::Denied;

/// Peers at once, and of one source (/32, /64).
const PEERS: (u32, u32) = (48, 6);
/// How long a peer lasts at most.
const LASTS: Duration = Duration::from_secs(60);
/// How long its connection may take, and how long it is kept when nothing comes any more.
const CONNECTING: Duration = Duration::from_secs(15);
const SILENCE: Duration = Duration::from_secs(6);
/// For the answer to an offer.
const ANSWERING: Duration = Duration::from_secs(5);
/// Messages that one peer sends back over its one channel, and the longest.
const MESSAGES: u32 = 20_000;
const LONGEST_MESSAGE: usize = 1_400;
/// Bytes that wait to be sent back; what comes on top is lost.
const WAITING: usize = 128 << 10;
/// A message that is marked begins with its number; behind that stand our count (4 bytes) and our time (8).
const MARKED: usize = 16;
const LONGEST_RTCP: usize = 1500;

/// Where a peer is met: the socket's address, and its port.
#[derive(Clone, Copy)]
pub struct Place {
    at: SocketAddr,
    pub port: u16,
}

/// All peers.
pub struct Peers {
    gate: Arc<Gate>,
    rules: Vec<(RuleId, SocketAddr)>,
    muxes: HashMap<SocketAddr, Arc<UDPMuxDefault>>,
    admission: Admission,
}

impl Peers {
    /// `rules`: on which socket peers of each rule are met; `lanes`: those sockets. Must be called within a runtime.
    pub fn new(
        gate: &Arc<Gate>,
        rules: Vec<(RuleId, SocketAddr)>,
        lanes: Vec<(Lane, Sender)>,
        cancel: &CancellationToken,
    ) -> Self {
        let mux = |(lane, sender): (Lane, Sender)| {
            let port = Port { parcels: Mutex::new(lane.parcels), sender, cancel: cancel.clone() };
            (lane.at, UDPMuxDefault::new(UDPMuxParams::new(port)))
        };
        let muxes = lanes.into_iter().map(mux).collect();
        Self { gate: gate.clone(), rules, muxes, admission: Admission::new(PEERS.0, PEERS.1) }
    }

    /// Where a peer of a rule is met at this address of the machine.
    pub fn place(&self, rule: &RuleId, at: IpAddr) -> Option<Place> {
        let covers = |s: &SocketAddr| s.ip() == at || (s.ip().is_unspecified() && s.is_ipv4() == at.is_ipv4());
        let found = self.rules.iter().find(|(r, socket)| r == rule && covers(socket));
        found.map(|(_, socket)| Place { at: *socket, port: socket.port() })
    }

    /// A peer that answers an offer; the answer as SDP.
    ///
    /// # Errors
    /// There is no room, or the offer cannot be answered.
    pub async fn open(
        &self,
        offer: &str,
        place: Place,
        visit: &Visit,
        (tasks, cancel): (&TaskTracker, &CancellationToken),
    ) -> Result<String, Denied> {
        let busy = || {
            Denied::Busy("as many browsers as this responder takes are being tested; try again in a minute".to_owned())
        };
        let offer = sdp::without_candidates(offer).ok_or_else(|| Denied::Never("that is no offer".to_owned()))?;
        let pass = self.admission.enter(visit.source).map_err(|_| busy())?;
        let mux = self.muxes.get(&place.at).ok_or_else(busy)?.clone();
        let (name, password) = chance::secret_seed().zip(chance::secret_seed()).ok_or_else(busy)?;
        let (ufrag, pwd) = (format!("w{:015x}", name >> 68), format!("{password:032x}"));
        let broken = |e: &dyn std::fmt::Display| Denied::Never(format!("the offer: {}", clean(&e.to_string(), 200)));
        let api = api(settings(visit.at, mux, (&ufrag, &pwd))).map_err(|e| broken(&e))?;
        self.gate.begin(&ufrag);
        let ends = Ends::of(cancel);
        let held = Held { gate: self.gate.clone(), ufrag, _pass: pass, _come: ends.come.clone().drop_guard() };
        // A task of its own: the connection is closed also where nobody waits for the answer any more.
        let (tell, told) = oneshot::channel();
        tasks.spawn(live(api, offer, (ends, held), tell));
        let answer = told.await.map_err(|_| busy())?.map_err(|e| e.map_or_else(busy, |e| broken(&e)))?;
        Ok(sdp::with_candidates(&answer, &visit.addresses, place.port))
    }
}

/// A peer's place, given back when it is dropped.
struct Held {
    gate: Arc<Gate>,
    ufrag: String,
    _pass: Pass,
    _come: DropGuard,
}

/// The end of a peer: asked for, and come.
#[derive(Clone)]
struct Ends {
    asked: CancellationToken,
    come: CancellationToken,
}

impl Ends {
    fn of(cancel: &CancellationToken) -> Self {
        Self { asked: cancel.child_token(), come: CancellationToken::new() }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.gate.end(&self.ufrag);
    }
}

/// The answer, or why there is none; `None`: it took too long.
type Answered = Result<String, Option<::webrtc::Error>>;

/// Answers an offer, and keeps the peer until it is done, or its time is up.
async fn live(api: API, offer: String, (ends, held): (Ends, Held), tell: oneshot::Sender<Answered>) {
    let connection = match api.new_peer_connection(Default::default()).await {
        Ok(connection) => Arc::new(connection),
        Err(e) => return drop(tell.send(Err(Some(e)))),
    };
    match tokio::time::timeout(ANSWERING, answered(&connection, offer, &ends)).await {
        Ok(Ok((state, answer))) => {
            if tell.send(Ok(answer)).is_ok() {
                keep(state, &ends.asked).await;
            }
        }
        Ok(Err(e)) => drop(tell.send(Err(Some(e)))),
        Err(_) => drop(tell.send(Err(None))),
    }
    let _ = tokio::time::timeout(ANSWERING, connection.close()).await;
    drop(held);
}

async fn answered(
    connection: &Arc<RTCPeerConnection>,
    offer: String,
    ends: &Ends,
) -> Result<(watch::Receiver<RTCPeerConnectionState>, String), ::webrtc::Error> {
    let (told, state) = watch::channel(RTCPeerConnectionState::New);
    connection.on_peer_connection_state_change(Box::new(move |state| {
        let _ = told.send(state);
        Box::pin(async {})
    }));
    take_one_channel(connection, ends.clone());
    if offer.lines().any(|l| l.starts_with("m=audio")) {
        loop_audio(connection).await?;
    }
    connection.set_remote_description(RTCSessionDescription::offer(offer)?).await?;
    let answer = connection.create_answer(None).await?;
    let mut gathered = connection.gathering_complete_promise().await;
    connection.set_local_description(answer).await?;
    let _ = gathered.recv().await;
    let answer = connection.local_description().await.map(|d| d.sdp).unwrap_or_default();
    Ok((state, answer))
}

/// Sends back what comes over the one channel that a page opens. Each channel costs a task and a large buffer, so with a
/// second one the peer ends, and no further one is taken until it has.
fn take_one_channel(connection: &RTCPeerConnection, ends: Ends) {
    let taken = AtomicBool::new(false);
    connection.on_data_channel(Box::new(move |channel| {
        if !taken.swap(true, Relaxed) {
            echo(&channel);
            return Box::pin(async {});
        }
        let ends = ends.clone();
        // The crate takes the next channel when this is done.
        Box::pin(async move {
            ends.asked.cancel();
            ends.come.cancelled().await;
        })
    }));
}

/// Waits until a peer is done, or its time is up.
async fn keep(mut state: watch::Receiver<RTCPeerConnectionState>, cancel: &CancellationToken) {
    let is_there = {
        let connected = state.wait_for(|s| *s == RTCPeerConnectionState::Connected);
        let waited = cancel.run_until_cancelled(tokio::time::timeout(CONNECTING, connected)).await;
        matches!(waited, Some(Ok(Ok(_))))
    };
    if is_there {
        let gone = state.wait_for(|s| {
            matches!(
                s,
                RTCPeerConnectionState::Closed | RTCPeerConnectionState::Failed | RTCPeerConnectionState::Disconnected
            )
        });
        let _ = cancel.run_until_cancelled(tokio::time::timeout(LASTS, gone)).await;
    }
}

/// Lite: it begins no checks, and the crate sends one back for each that comes. Its candidate is the address that the browser came to.
fn settings(at: IpAddr, mux: Arc<UDPMuxDefault>, (ufrag, pwd): (&str, &str)) -> SettingEngine {
    let mut settings = SettingEngine::default();
    settings.set_lite(true);
    settings.set_udp_network(UDPNetwork::Muxed(mux));
    settings.set_ice_credentials(ufrag.to_owned(), pwd.to_owned());
    settings.set_ice_multicast_dns_mode(MulticastDnsMode::Disabled);
    settings.set_ice_timeouts(Some(SILENCE), Some(SILENCE), Some(Duration::from_secs(2)));
    settings.set_network_types(vec![if at.is_ipv4() { NetworkType::Udp4 } else { NetworkType::Udp6 }]);
    settings.set_include_loopback_candidate(at.is_loopback());
    settings.set_ip_filter(Box::new(move |ip| ip == at));
    settings
}

/// Opus and RTCP reports; nothing that would hide what the way does.
fn api(settings: SettingEngine) -> Result<API, ::webrtc::Error> {
    let mut codecs = MediaEngine::default();
    codecs.register_codec(opus(), RTPCodecType::Audio)?;
    let registry = configure_rtcp_reports(Registry::new());
    Ok(APIBuilder::new()
        .with_media_engine(codecs)
        .with_interceptor_registry(registry)
        .with_setting_engine(settings)
        .build())
}

fn opus() -> RTCRtpCodecParameters {
    let capability = RTCRtpCodecCapability {
        mime_type: MIME_TYPE_OPUS.to_owned(),
        clock_rate: 48_000,
        channels: 2,
        sdp_fmtp_line: "minptime=10;useinbandfec=1".to_owned(),
        rtcp_feedback: Vec::new(),
    };
    RTCRtpCodecParameters { capability, payload_type: 111, ..Default::default() }
}

/// Sends the audio back that comes.
async fn loop_audio(connection: &RTCPeerConnection) -> Result<(), ::webrtc::Error> {
    let back = Arc::new(TrackLocalStaticRTP::new(opus().capability, "audio".to_owned(), "rtc-check".to_owned()));
    let sender = connection.add_track(back.clone() as Arc<dyn TrackLocal + Send + Sync>).await?;
    tokio::spawn(async move {
        // Reports pass the interceptors while they are read.
        let mut buffer = vec![0; LONGEST_RTCP];
        while sender.read(&mut buffer).await.is_ok() {}
    });
    connection.on_track(Box::new(move |track, receiver, _| {
        tokio::spawn(send_back(track, back.clone()));
        tokio::spawn(async move {
            let mut buffer = vec![0; LONGEST_RTCP];
            while receiver.read(&mut buffer).await.is_ok() {}
        });
        Box::pin(async {})
    }));
    Ok(())
}

async fn send_back(track: Arc<TrackRemote>, back: Arc<TrackLocalStaticRTP>) {
    while let Ok((mut packet, _)) = track.read_rtp().await {
        // Extensions have the numbers of the way here.
        packet.header.extension = false;
        packet.header.extensions.clear();
        if back.write_rtp(&packet).await.is_err() {
            break;
        }
    }
}

/// Sends every message of a channel back, marked.
fn echo(channel: &Arc<RTCDataChannel>) {
    let (start, count) = (clock::now(), Arc::new(AtomicU32::new(0)));
    let weak = Arc::downgrade(channel);
    channel.on_message(Box::new(move |message: DataChannelMessage| {
        let (channel, number) = (weak.upgrade(), count.fetch_add(1, Relaxed));
        let came = clock::now();
        Box::pin(async move {
            let Some(channel) = channel.filter(|_| number < MESSAGES && message.data.len() <= LONGEST_MESSAGE) else {
                return;
            };
            if channel.buffered_amount().await < WAITING {
                let _ = channel.send(&marked(&message.data, number, came.saturating_duration_since(start))).await;
            }
        })
    }));
}

/// A message with our count and our time in it, where it has room for them.
fn marked(message: &Bytes, number: u32, at: Duration) -> Bytes {
    let mut marked = message.to_vec();
    if let Some(place) = marked.get_mut(4..MARKED) {
        let (count, time) = place.split_at_mut(4);
        count.copy_from_slice(&number.to_be_bytes());
        time.copy_from_slice(&(at.as_secs_f64() * 1e3).to_be_bytes());
    }
    Bytes::from(marked)
}

/// One of the responder's sockets, as the crate sees it.
struct Port {
    parcels: Mutex<mpsc::Receiver<Parcel>>,
    sender: Sender,
    cancel: CancellationToken,
}

type Moved<T> = Result<T, webrtc_util::Error>;

fn closed() -> webrtc_util::Error {
    webrtc_util::Error::ErrUseClosedNetworkConn
}

#[async_trait]
impl Conn for Port {
    async fn connect(&self, _: SocketAddr) -> Moved<()> {
        Err(closed())
    }
    async fn recv(&self, buf: &mut [u8]) -> Moved<usize> {
        self.recv_from(buf).await.map(|(len, _)| len)
    }
    async fn recv_from(&self, buf: &mut [u8]) -> Moved<(usize, SocketAddr)> {
        let mut parcels = self.parcels.lock().await;
        let parcel = self.cancel.run_until_cancelled(parcels.recv()).await.flatten();
        let (bytes, from) = parcel.ok_or_else(closed)?;
        let len = bytes.len().min(buf.len());
        if let (Some(room), Some(bytes)) = (buf.get_mut(..len), bytes.get(..len)) {
            room.copy_from_slice(bytes);
        }
        Ok((len, from))
    }
    async fn send(&self, _: &[u8]) -> Moved<usize> {
        Err(closed())
    }
    async fn send_to(&self, buf: &[u8], target: SocketAddr) -> Moved<usize> {
        // What the system does not take now is lost, as on any way.
        let _ = self.sender.send(buf, target);
        Ok(buf.len())
    }
    fn local_addr(&self) -> Moved<SocketAddr> {
        Ok(self.sender.at)
    }
    fn remote_addr(&self) -> Option<SocketAddr> {
        None
    }
    async fn close(&self) -> Moved<()> {
        Ok(())
    }
    fn as_any(&self) -> &(dyn std::any::Any + Send + Sync) {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_marked_behind_its_number_and_a_short_one_left_alone() {
        let bytes = marked(&Bytes::from(vec![7; 20]), 0x0102_0304, Duration::from_millis(1500));
        assert_eq!(bytes[..8], [7, 7, 7, 7, 1, 2, 3, 4]);
        assert_eq!((f64::from_be_bytes(bytes[8..16].try_into().unwrap()), &bytes[16..]), (1500.0, &[7; 4][..]));
        assert_eq!(marked(&Bytes::from(vec![7; 15]), 1, Duration::ZERO), vec![7; 15]);
    }

    /// An API whose connections stay on this machine.
    fn on_loopback() -> API {
        let mut settings = SettingEngine::default();
        settings.set_ice_multicast_dns_mode(MulticastDnsMode::Disabled);
        settings.set_network_types(vec![NetworkType::Udp4]);
        settings.set_include_loopback_candidate(true);
        settings.set_ip_filter(Box::new(|ip| ip.is_loopback()));
        api(settings).unwrap()
    }

    /// Whether a peer that is offered so many channels is asked to end.
    async fn ends_with(channels: usize) -> bool {
        let (page, peer) = (on_loopback(), on_loopback());
        let page = page.new_peer_connection(Default::default()).await.unwrap();
        let (opened, mut open) = mpsc::channel(8);
        let mut kept = Vec::new();
        for n in 0..channels {
            let channel = page.create_data_channel(&n.to_string(), None).await.unwrap();
            let opened = opened.clone();
            channel.on_open(Box::new(move || Box::pin(async move { opened.send(()).await.unwrap() })));
            kept.push(channel);
        }
        let mut gathered = page.gathering_complete_promise().await;
        page.set_local_description(page.create_offer(None).await.unwrap()).await.unwrap();
        let _ = gathered.recv().await;
        let ends = Ends::of(&CancellationToken::new());
        let peer = Arc::new(peer.new_peer_connection(Default::default()).await.unwrap());
        let offer = page.local_description().await.unwrap().sdp;
        let (_state, answer) = answered(&peer, offer, &ends).await.unwrap();
        page.set_remote_description(RTCSessionDescription::answer(answer).unwrap()).await.unwrap();
        if channels == 1 {
            let (back, mut came) = mpsc::channel(8);
            kept[0].on_message(Box::new(move |_| {
                let back = back.clone();
                Box::pin(async move { back.send(()).await.unwrap() })
            }));
            open.recv().await.unwrap();
            kept[0].send(&Bytes::from(vec![0; 20])).await.unwrap();
            came.recv().await.unwrap();
        } else {
            ends.asked.cancelled().await;
        }
        ends.come.cancel();
        peer.close().await.unwrap();
        page.close().await.unwrap();
        ends.asked.is_cancelled()
    }

    #[tokio::test]
    async fn a_peer_sends_back_over_one_channel_and_ends_with_the_second() {
        assert!(!ends_with(1).await);
        assert!(ends_with(2).await);
    }
}
