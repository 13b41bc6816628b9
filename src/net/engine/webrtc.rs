//! The engine on the crate `webrtc` 0.17, the last line that works through `webrtc-ice`. It has a runtime of its own: its
//! many tasks end with it whatever state they are in, and nothing else delays its packets.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ::webrtc::api::interceptor_registry::configure_rtcp_reports;
use ::webrtc::api::media_engine::{MIME_TYPE_OPUS, MIME_TYPE_VP8, MediaEngine as Codecs};
use ::webrtc::api::setting_engine::SettingEngine;
use ::webrtc::api::{API, APIBuilder};
use ::webrtc::ice::mdns::MulticastDnsMode;
use ::webrtc::ice::network_type::NetworkType;
use ::webrtc::ice_transport::ice_candidate::{RTCIceCandidate, RTCIceCandidateInit};
use ::webrtc::ice_transport::ice_connection_state::RTCIceConnectionState;
use ::webrtc::ice_transport::ice_server::RTCIceServer;
use ::webrtc::interceptor::registry::Registry;
use ::webrtc::peer_connection::RTCPeerConnection;
use ::webrtc::peer_connection::configuration::RTCConfiguration;
use ::webrtc::peer_connection::peer_connection_state::RTCPeerConnectionState;
use ::webrtc::peer_connection::sdp::session_description::RTCSessionDescription;
use ::webrtc::rtp;
use ::webrtc::rtp_transceiver::rtp_codec::{RTCRtpCodecCapability, RTCRtpCodecParameters, RTPCodecType};
use ::webrtc::sdp::description::media::MediaDescription;
use ::webrtc::stats::StatsReportType;
use ::webrtc::track::track_local::track_local_static_rtp::TrackLocalStaticRTP;
use ::webrtc::track::track_local::{TrackLocal, TrackLocalWriter};
use ::webrtc::track::track_remote::TrackRemote;
use async_trait::async_trait;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

use super::{Accepted, Arrival, End, Event, Figures, Kind, MediaEngine, Packet, Setup};
use crate::model::{Failure, FailureKind, Step};
use crate::net::classify::clean;
use crate::net::clock;
use crate::wire::janus::Candidate;

/// Threads of an engine.
const THREADS: usize = 2;
/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_millis(500);
/// Longest RTCP packet that is read.
const LONGEST_RTCP: usize = 1500;

/// One call.
pub struct Engine {
    runtime: Own,
    connection: Arc<RTCPeerConnection>,
    audio: Arc<TrackLocalStaticRTP>,
    video: Arc<TrackLocalStaticRTP>,
}

/// Opens an engine that tells what happens and what comes.
pub async fn open(setup: &Setup, told: mpsc::Sender<Event>, came: mpsc::Sender<Arrival>) -> Result<Engine, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(THREADS)
        .thread_name("call")
        .enable_all()
        .build()
        .map_err(|e| broken(&e.to_string()))?;
    let runtime = Own(Some(runtime));
    let (audio, video) = (track(opus(), "audio"), track(vp8(), "video"));
    let tracks = [audio.clone(), video.clone()];
    let setup = setup.clone();
    let built = runtime.run(async move { build(&setup, tracks, told, came).await }).await;
    let connection = built.ok_or_else(|| broken("no connection"))?.map_err(|e| broken(&e.to_string()))?;
    Ok(Engine { runtime, connection, audio, video })
}

/// A runtime that is dropped within another one: its tasks end where they stand, and nobody waits for them.
struct Own(Option<Runtime>);

impl Own {
    /// Runs `work`; `None` where it broke.
    async fn run<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> Option<T> {
        self.0.as_ref()?.spawn(work).await.ok()
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

fn broken(words: &str) -> Failure {
    Failure::new(Step::Offer, FailureKind::Internal, format!("the media engine broke: {}", clean(words, 200)))
}

fn opus() -> RTCRtpCodecParameters {
    codec(MIME_TYPE_OPUS, 48_000, 2, "minptime=10;useinbandfec=1", 111)
}

fn vp8() -> RTCRtpCodecParameters {
    codec(MIME_TYPE_VP8, 90_000, 0, "", 96)
}

/// Without feedback: a packet that is lost must stay lost, or loss could not be seen.
fn codec(mime: &str, clock_rate: u32, channels: u16, fmtp: &str, payload_type: u8) -> RTCRtpCodecParameters {
    let capability = RTCRtpCodecCapability {
        mime_type: mime.to_owned(),
        clock_rate,
        channels,
        sdp_fmtp_line: fmtp.to_owned(),
        rtcp_feedback: Vec::new(),
    };
    RTCRtpCodecParameters { capability, payload_type, ..Default::default() }
}

fn track(codec: RTCRtpCodecParameters, id: &str) -> Arc<TrackLocalStaticRTP> {
    Arc::new(TrackLocalStaticRTP::new(codec.capability, id.to_owned(), "rtc-check".to_owned()))
}

type Result_<T> = Result<T, ::webrtc::Error>;

async fn build(
    setup: &Setup,
    tracks: [Arc<TrackLocalStaticRTP>; 2],
    told: mpsc::Sender<Event>,
    came: mpsc::Sender<Arrival>,
) -> Result_<Arc<RTCPeerConnection>> {
    let connection = Arc::new(api(setup.target, setup.relay.is_some())?.new_peer_connection(servers(setup)).await?);
    for track in tracks {
        let sender = connection.add_track(track as Arc<dyn TrackLocal + Send + Sync>).await?;
        // Reports pass the interceptors while they are read.
        tokio::spawn(async move {
            let mut buffer = vec![0; LONGEST_RTCP];
            while sender.read(&mut buffer).await.is_ok() {}
        });
    }
    listen(&connection, told);
    connection.on_track(Box::new(move |track, receiver, _| {
        tokio::spawn(read(track, came.clone()));
        tokio::spawn(async move {
            let mut buffer = vec![0; LONGEST_RTCP];
            while receiver.read(&mut buffer).await.is_ok() {}
        });
        Box::pin(async {})
    }));
    Ok(connection)
}

/// Opus, VP8 and RTCP reports; neither retransmission nor congestion control, which would hide what the path does.
fn api(target: IpAddr, relayed: bool) -> Result_<API> {
    let mut codecs = Codecs::default();
    codecs.register_codec(opus(), RTPCodecType::Audio)?;
    codecs.register_codec(vp8(), RTPCodecType::Video)?;
    let registry = configure_rtcp_reports(Registry::new());
    Ok(APIBuilder::new()
        .with_media_engine(codecs)
        .with_interceptor_registry(registry)
        .with_setting_engine(settings(target, relayed))
        .build())
}

/// A pair is taken as soon as it works. A relay is reached over UDP and IPv4, whatever the target's family.
fn settings(target: IpAddr, relayed: bool) -> SettingEngine {
    let mut settings = SettingEngine::default();
    settings.set_ice_multicast_dns_mode(MulticastDnsMode::Disabled);
    settings.set_host_acceptance_min_wait(Some(Duration::ZERO));
    settings.set_srflx_acceptance_min_wait(Some(Duration::ZERO));
    settings.set_prflx_acceptance_min_wait(Some(Duration::ZERO));
    settings.set_relay_acceptance_min_wait(Some(Duration::ZERO));
    settings.set_include_loopback_candidate(target.is_loopback());
    settings.set_ip_filter(Box::new(move |ip| usable(ip, target)));
    let mut types = vec![if target.is_ipv4() { NetworkType::Udp4 } else { NetworkType::Udp6 }];
    if relayed && target.is_ipv6() {
        types.push(NetworkType::Udp4);
    }
    settings.set_network_types(types);
    settings
}

/// Whether an address of this machine may be a host candidate for the target.
fn usable(ip: IpAddr, target: IpAddr) -> bool {
    let link_local = match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    };
    ip.is_ipv4() == target.is_ipv4() && (target.is_loopback() || !ip.is_loopback()) && !link_local
}

fn servers(setup: &Setup) -> RTCConfiguration {
    let server = |relay: &super::Relay| RTCIceServer {
        urls: vec![format!("turn:{}?transport=udp", relay.address)],
        username: relay.username.clone(),
        credential: relay.password.expose().to_owned(),
    };
    RTCConfiguration { ice_servers: setup.relay.iter().map(server).collect(), ..Default::default() }
}

/// Tells what happens in the connection.
fn listen(connection: &RTCPeerConnection, told: mpsc::Sender<Event>) {
    let tell = told.clone();
    connection.on_ice_candidate(Box::new(move |candidate| {
        let event = match candidate {
            None => Some(Event::Gathered),
            Some(candidate) => local(&candidate).map(Event::Candidate),
        };
        event.map(|event| tell.try_send(event));
        Box::pin(async {})
    }));
    let tell = told.clone();
    connection.on_ice_connection_state_change(Box::new(move |state| {
        let event = match state {
            RTCIceConnectionState::Connected => Some(Event::Ice(clock::now())),
            RTCIceConnectionState::Failed => Some(Event::IceFailed),
            _ => None,
        };
        event.map(|event| tell.try_send(event));
        Box::pin(async {})
    }));
    connection.on_peer_connection_state_change(Box::new(move |state| {
        let event = match state {
            RTCPeerConnectionState::Connected => Some(Event::Connected(clock::now())),
            RTCPeerConnectionState::Failed => Some(Event::DtlsFailed),
            _ => None,
        };
        event.map(|event| told.try_send(event));
        Box::pin(async {})
    }));
}

fn local(candidate: &RTCIceCandidate) -> Option<Candidate> {
    let json = candidate.to_json().ok()?;
    Some(Candidate {
        candidate: json.candidate,
        sdp_mid: json.sdp_mid.filter(|mid| !mid.is_empty()).or_else(|| Some("0".to_owned())),
        sdp_m_line_index: json.sdp_mline_index,
    })
}

/// Reads one remote track to its end. What nobody fetches in time is dropped.
async fn read(track: Arc<TrackRemote>, came: mpsc::Sender<Arrival>) {
    let kind = match track.kind() {
        RTPCodecType::Audio => Kind::Audio,
        RTPCodecType::Video => Kind::Video,
        RTPCodecType::Unspecified => return,
    };
    while let Ok((packet, _)) = track.read_rtp().await {
        let at = clock::now();
        let _ = came.try_send(Arrival { kind, at, payload: packet.payload });
    }
}

#[async_trait]
impl MediaEngine for Engine {
    async fn prepare(&self) -> Result<(), Failure> {
        let connection = self.connection.clone();
        let work = async move {
            let offer = connection.create_offer(None).await?;
            connection.set_local_description(offer).await
        };
        let done: Option<Result_<()>> = self.runtime.run(work).await;
        done.ok_or_else(|| broken("no offer"))?.map_err(|e| broken(&e.to_string()))
    }

    async fn offer(&self) -> Option<String> {
        let connection = self.connection.clone();
        self.runtime.run(async move { connection.local_description().await.map(|d| d.sdp) }).await?
    }

    async fn answer(&self, sdp: &str) -> Result<Accepted, Failure> {
        let bad = |words: &str| {
            let detail = format!("the SDP answer cannot be used: {}", clean(words, 200));
            Failure::new(Step::Offer, FailureKind::BadAnswer, detail)
        };
        let answer = RTCSessionDescription::answer(sdp.to_owned()).map_err(|e| bad(&e.to_string()))?;
        let accepted = accepted(&answer).map_err(|e| bad(&e))?;
        let connection = self.connection.clone();
        let done = self.runtime.run(async move { connection.set_remote_description(answer).await }).await;
        done.ok_or_else(|| bad("it broke the media engine"))?.map_err(|e| bad(&e.to_string()))?;
        Ok(accepted)
    }

    async fn remote_candidate(&self, candidate: &Candidate) -> bool {
        let init = RTCIceCandidateInit {
            candidate: candidate.candidate.clone(),
            sdp_mid: candidate.sdp_mid.clone(),
            sdp_mline_index: candidate.sdp_m_line_index,
            username_fragment: None,
        };
        let connection = self.connection.clone();
        self.runtime.run(async move { connection.add_ice_candidate(init).await.is_ok() }).await.unwrap_or(false)
    }

    async fn send(&self, packet: Packet) -> bool {
        let track = match packet.kind {
            Kind::Audio => &self.audio,
            Kind::Video => &self.video,
        };
        let header = rtp::header::Header {
            version: 2,
            marker: packet.marker,
            sequence_number: packet.sequence,
            timestamp: packet.timestamp,
            ..Default::default()
        };
        track.write_rtp(&rtp::packet::Packet { header, payload: packet.payload }).await.is_ok()
    }

    async fn figures(&self) -> Figures {
        let connection = self.connection.clone();
        let work = async move {
            let pair = connection.dtls_transport().ice_transport().get_selected_candidate_pair().await;
            let end = |c: RTCIceCandidate| End { kind: c.typ.to_string(), address: c.address, port: c.port };
            let pair = pair.map(|pair| (end(pair.local), end(pair.remote)));
            Figures { pair, rtcp_rtt: rtcp_rtt(&connection).await }
        };
        self.runtime.run(work).await.unwrap_or_default()
    }

    async fn close(&self) {
        let connection = self.connection.clone();
        let _ = tokio::time::timeout(GOODBYE, self.runtime.run(async move { connection.close().await })).await;
    }
}

/// Of the far end's receiver reports; `webrtc` gives milliseconds.
async fn rtcp_rtt(connection: &RTCPeerConnection) -> Option<Duration> {
    let report = connection.get_stats().await;
    let mut of_kind = [None, None];
    for stats in report.reports.values() {
        if let StatsReportType::RemoteInboundRTP(stats) = stats
            && let Some(ms) = stats.round_trip_time.filter(|ms| ms.is_finite() && *ms >= 0.0)
        {
            let [audio, video] = &mut of_kind;
            *(if stats.kind == "video" { video } else { audio }) = Some(ms);
        }
    }
    let [audio, video] = of_kind;
    audio.or(video).and_then(|ms| Duration::try_from_secs_f64(ms / 1e3).ok())
}

/// What the answer took; none of both is no answer.
fn accepted(answer: &RTCSessionDescription) -> Result<Accepted, String> {
    let sdp = answer.unmarshal().map_err(|e| e.to_string())?;
    let codec = |media: &str| {
        let wanted = |m: &&MediaDescription| m.media_name.media == media && m.media_name.port.value != 0;
        sdp.media_descriptions.iter().find(wanted).map(codec_of)
    };
    let accepted = Accepted { audio: codec("audio"), video: codec("video") };
    if accepted == Accepted::default() {
        return Err("it takes neither audio nor video".to_owned());
    }
    Ok(accepted)
}

/// The name behind the first payload type, such as `opus`.
fn codec_of(media: &MediaDescription) -> String {
    let first = media.media_name.formats.first().map_or("", String::as_str);
    let maps = media.attributes.iter().filter(|a| a.key == "rtpmap").filter_map(|a| a.value.as_deref());
    let name = maps.filter_map(|map| map.split_once(' ')).find(|(number, _)| *number == first);
    let name = name.and_then(|(_, codec)| codec.split('/').next()).unwrap_or(first);
    clean(name, 20)
}
