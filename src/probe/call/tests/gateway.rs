//! A Janus Gateway that is none: it speaks the API over a WebSocket as told, and its media are a second engine's.

use super::*;

/// How the server answers an offer.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(not(feature = "media"), allow(dead_code, reason = "no offer is made"))]
pub enum Manner {
    /// With media that come back; its candidates come before the answer.
    #[cfg(feature = "media")]
    Echo,
    /// The same, and after some packets it hangs up.
    #[cfg(feature = "media")]
    Cut,
    Sdp(&'static str),
    HangUp,
    Refuse,
    Silent,
    NoPlugin,
}

/// A server that speaks Janus's API over a WebSocket.
pub async fn janus(manner: Manner) -> SocketAddr {
    serve(move |mut stream: TcpStream| async move {
        accept(&mut stream, Some("janus-protocol")).await;
        let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, None).await;
        let mut far = Far::default();
        loop {
            let text = tokio::select! {
                came = socket.next() => match came {
                    Some(Ok(Message::Text(text))) => text,
                    _ => return,
                },
                () = far.enough(manner) => {
                    let hangup = json!({ "janus": "hangup", "session_id": 1, "sender": 2, "reason": "hush-hush it ends" });
                    let _ = socket.send(Message::text(hangup.to_string())).await;
                    continue;
                }
            };
            let request: Value = serde_json::from_str(&text).unwrap();
            for mut answer in far.answers(&request, manner).await {
                answer["transaction"] = request["transaction"].clone();
                answer["session_id"] = json!(1);
                if socket.send(Message::text(answer.to_string())).await.is_err() {
                    return;
                }
            }
        }
    })
    .await
}

#[derive(Default)]
struct Far {
    #[cfg(feature = "media")]
    media: Option<media_server::Far>,
}

impl Far {
    /// Media came back often enough to hang up.
    async fn enough(&self, _manner: Manner) {
        #[cfg(feature = "media")]
        if let (Some(media), Manner::Cut) = (&self.media, _manner) {
            return media.enough().await;
        }
        std::future::pending().await
    }

    async fn answers(&mut self, request: &Value, manner: Manner) -> Vec<Value> {
        let plugins = if manner == Manner::NoPlugin {
            json!({ "janus.plugin.sip": {} })
        } else {
            json!({ "janus.plugin.echotest": {} })
        };
        match request["janus"].as_str().unwrap() {
            "info" => {
                vec![json!({ "janus": "server_info", "version": 1102, "version_string": "1.1.2", "plugins": plugins })]
            }
            "create" if manner == Manner::Refuse => {
                vec![json!({ "janus": "error", "error": { "code": 403, "reason": "Unauthorized: hush\u{200b}-hush" } })]
            }
            "create" => vec![json!({ "janus": "success", "data": { "id": 1 } })],
            "attach" => vec![json!({ "janus": "success", "data": { "id": 2 } })],
            "message" => {
                let mut all = vec![json!({ "janus": "ack" })];
                all.extend(self.offered(request["jsep"]["sdp"].as_str().unwrap(), manner).await);
                all
            }
            "trickle" => {
                #[cfg(feature = "media")]
                if let (Some(media), Some(candidate)) = (&self.media, request["candidate"]["candidate"].as_str()) {
                    media.candidate(candidate).await;
                }
                vec![json!({ "janus": "ack" })]
            }
            _ => vec![json!({ "janus": "success" })],
        }
    }

    async fn offered(&mut self, _sdp: &str, manner: Manner) -> Vec<Value> {
        let event = |sdp: &str| json!({ "janus": "event", "sender": 2, "jsep": { "type": "answer", "sdp": sdp } });
        match manner {
            #[cfg(feature = "media")]
            Manner::Echo | Manner::Cut => {
                let (far, answer) = media_server::Far::answer(_sdp).await;
                self.media = Some(far);
                let (candidates, rest): (Vec<&str>, Vec<&str>) =
                    answer.lines().partition(|line| line.starts_with("a=candidate") || *line == "a=end-of-candidates");
                let candidates =
                    candidates.iter().filter_map(|line| line.strip_prefix("a=").filter(|c| c.starts_with("cand")));
                let trickle = |c: &str| json!({ "janus": "trickle", "sender": 2, "candidate": { "candidate": c, "sdpMid": "0", "sdpMLineIndex": 0 } });
                let mut all: Vec<Value> = candidates.map(trickle).collect();
                all.push(event(&(rest.join("\r\n") + "\r\n")));
                all
            }
            Manner::Sdp(sdp) => vec![event(sdp)],
            Manner::HangUp => vec![json!({ "janus": "hangup", "sender": 2, "reason": "No \x1b[2J codec" })],
            Manner::Refuse | Manner::Silent | Manner::NoPlugin => Vec::new(),
        }
    }
}

/// The far end of the media: what comes goes back.
#[cfg(feature = "media")]
mod media_server {
    use std::sync::Arc;

    use ::webrtc::api::APIBuilder;
    use ::webrtc::api::media_engine::MediaEngine;
    use ::webrtc::api::setting_engine::SettingEngine;
    use ::webrtc::ice_transport::ice_candidate::RTCIceCandidateInit;
    use ::webrtc::peer_connection::RTCPeerConnection;
    use ::webrtc::peer_connection::configuration::RTCConfiguration;
    use ::webrtc::peer_connection::sdp::session_description::RTCSessionDescription;
    use ::webrtc::rtp_transceiver::rtp_codec::RTCRtpCodecCapability;
    use ::webrtc::track::track_local::TrackLocalWriter;
    use ::webrtc::track::track_local::track_local_static_rtp::TrackLocalStaticRTP;

    /// Packets that are sent back before the call is cut off.
    const ENOUGH: u16 = 20;

    pub struct Far(Arc<RTCPeerConnection>, Arc<tokio::sync::Notify>);

    impl Far {
        pub async fn answer(offer: &str) -> (Self, String) {
            let mut codecs = MediaEngine::default();
            codecs.register_default_codecs().unwrap();
            let mut settings = SettingEngine::default();
            settings.set_include_loopback_candidate(true);
            settings.set_ip_filter(Box::new(|ip| ip == std::net::IpAddr::from([127, 0, 0, 1])));
            let api = APIBuilder::new().with_media_engine(codecs).with_setting_engine(settings).build();
            let connection = Arc::new(api.new_peer_connection(RTCConfiguration::default()).await.unwrap());
            let track = |mime: &str, rate| {
                let codec =
                    RTCRtpCodecCapability { mime_type: mime.to_owned(), clock_rate: rate, ..Default::default() };
                Arc::new(TrackLocalStaticRTP::new(codec, mime.to_owned(), "far".to_owned()))
            };
            let tracks = [track("audio/opus", 48_000), track("video/VP8", 90_000)];
            for track in &tracks {
                connection.add_track(track.clone()).await.unwrap();
            }
            let enough = Arc::new(tokio::sync::Notify::new());
            let echoed = enough.clone();
            connection.on_track(Box::new(move |theirs, _, _| {
                let back = tracks.iter().find(|t| t.codec().mime_type == theirs.codec().capability.mime_type).cloned();
                let echoed = echoed.clone();
                tokio::spawn(async move {
                    let mut sequence = 0u16;
                    while let (Some(back), Ok((mut packet, _))) = (&back, theirs.read_rtp().await) {
                        // Nothing of the header need be kept.
                        sequence = sequence.wrapping_add(1);
                        packet.header.sequence_number = sequence;
                        let _ = back.write_rtp(&packet).await;
                        if sequence == ENOUGH {
                            echoed.notify_one();
                        }
                    }
                });
                Box::pin(async {})
            }));
            connection.set_remote_description(RTCSessionDescription::offer(offer.to_owned()).unwrap()).await.unwrap();
            let answer = connection.create_answer(None).await.unwrap();
            let mut gathered = connection.gathering_complete_promise().await;
            connection.set_local_description(answer).await.unwrap();
            let _ = gathered.recv().await;
            let sdp = connection.local_description().await.unwrap().sdp;
            (Self(connection, enough), sdp)
        }

        pub async fn enough(&self) {
            self.1.notified().await;
        }

        pub async fn candidate(&self, candidate: &str) {
            let init = RTCIceCandidateInit { candidate: candidate.to_owned(), ..Default::default() };
            let _ = self.0.add_ice_candidate(init).await;
        }
    }
}
