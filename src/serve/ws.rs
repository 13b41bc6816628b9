//! A WebSocket that sends back what it gets: messages of at most 64 KiB, pongs to pings, silence otherwise, so that a
//! client can hold it open and see who cuts it. Knows no subprotocol.

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::counters::Cut;
use super::tcp::{Context, within};

/// Bytes of one message.
const LONGEST_MESSAGE: usize = 64 << 10;

fn bounds() -> WebSocketConfig {
    WebSocketConfig::default()
        .max_message_size(Some(LONGEST_MESSAGE))
        .max_frame_size(Some(LONGEST_MESSAGE))
        .read_buffer_size(8 << 10)
        .write_buffer_size(0)
        .max_write_buffer_size(4 * LONGEST_MESSAGE)
}

/// Echoes until the peer closes, is silent for too long, or the responder stops.
pub(super) async fn echo<S: AsyncRead + AsyncWrite + Unpin>(stream: S, context: &Context) -> Result<(), Cut> {
    let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, Some(bounds())).await;
    let limits = &context.limits;
    let ended = loop {
        let next = within(limits.websocket_idle, socket.next());
        match context.cancel.run_until_cancelled(next).await {
            None => break Ok(Some(CloseCode::Away)),
            Some(Err(cut)) => break Err(cut),
            Some(Ok(None | Some(Err(Error::ConnectionClosed)))) => break Ok(None),
            Some(Ok(Some(Ok(message @ (Message::Text(_) | Message::Binary(_)))))) => {
                within(limits.handshake, socket.send(message)).await?.map_err(|_| Cut::Protocol)?;
            }
            // Pongs and the answer to a close are sent by the library while it reads on.
            Some(Ok(Some(Ok(_)))) => {}
            Some(Ok(Some(Err(Error::Capacity(_))))) => break Ok(Some(CloseCode::Size)),
            Some(Ok(Some(Err(_)))) => break Err(Cut::Protocol),
        }
    };
    if let Ok(Some(code)) = ended {
        let frame = CloseFrame { code, reason: "".into() };
        let _ = within(limits.handshake.min(super::STOP_WITHIN / 2), socket.close(Some(frame))).await;
    }
    ended.map(|_| ())
}
