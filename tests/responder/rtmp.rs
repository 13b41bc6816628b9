//! What a responder answers to RTMP.

use rtc_check::wire::rtmp::handshake::{self, Hello, PACKET, RANDOM};
use rtc_check::wire::rtmp::{Answer, Connect, chunk};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Shakes hands in RTMP and connects to an application.
pub async fn takes_connect(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let hello = Hello::new([7; RANDOM]);
    stream.write_all(&hello.encode()).await.unwrap();
    let mut said = vec![0; 1 + 2 * PACKET];
    stream.read_exact(&mut said).await.unwrap();
    let handshake::Reading::Greeting(greeting, used) = hello.read(&said) else { panic!("no handshake") };
    assert_eq!(hello.echoed(&said[used..]), Some(true));
    stream.write_all(&greeting.answer()).await.unwrap();
    let connect = Connect { app: "live", url: "rtmp://x/live", agent: "test" };
    stream.write_all(&connect.encode()).await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let (mut chunks, mut rest) = (chunk::Reader::default(), answer.as_slice());
    let message = loop {
        let (message, used) = chunks.next(rest).unwrap().unwrap();
        rest = &rest[used..];
        if let Some(message) = message {
            break message;
        }
    };
    let answer = Answer::read(&message).unwrap();
    assert!(answer.accepted && answer.server.as_deref() == Some("rtc-check/9.8.7"), "{answer:?}");
}
