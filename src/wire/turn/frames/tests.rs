use proptest::prelude::*;

use super::*;

/// A STUN message of `words` times four bytes of attributes.
fn message(words: u16, filled: u8) -> Vec<u8> {
    let mut bytes = vec![0x01, 0x03];
    bytes.extend((words * 4).to_be_bytes());
    bytes.extend(COOKIE);
    bytes.resize(HEADER + usize::from(words) * 4, filled);
    bytes
}

fn channel_data(number: u16, data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; CHANNEL_HEADER + data.len()];
    assert_eq!(write_channel_data(&mut bytes, number, data), Some(CHANNEL_HEADER + data.len()));
    bytes
}

/// All frames of `stream`, pushed in pieces of the lengths of `cuts`, and why it ended.
fn cut(stream: &[u8], cuts: &[usize]) -> (Vec<Vec<u8>>, Option<NotFrames>) {
    let (mut framer, mut frames, mut rest, mut cuts) = (Framer::new(), Vec::new(), stream, cuts.iter().cycle());
    while !rest.is_empty() {
        let (piece, after) = rest.split_at((*cuts.next().unwrap_or(&1)).clamp(1, rest.len()));
        rest = after;
        framer.push(piece);
        loop {
            match framer.next_frame() {
                Ok(Some(frame)) => frames.push(frame.to_vec()),
                Ok(None) => break,
                Err(why) => return (frames, Some(why)),
            }
        }
        assert!(framer.pending() <= LONGEST);
    }
    (frames, None)
}

#[test]
fn channel_data_has_a_header_of_four_bytes_and_no_padding_in_a_datagram() {
    let bytes = channel_data(0x4001, b"abcde");
    assert_eq!(bytes, [0x40, 0x01, 0, 5, b'a', b'b', b'c', b'd', b'e']);
    assert_eq!(padding(&bytes), [0, 0, 0]);
    assert_eq!(read_channel_data(&bytes), Some((0x4001, b"abcde".as_slice())));
    assert_eq!(read_channel_data(&[bytes.as_slice(), &[0, 0, 0]].concat()), Some((0x4001, b"abcde".as_slice())));
    assert_eq!(read_channel_data(&bytes[..8]), None, "cut off");
    assert_eq!(read_channel_data(&message(0, 0)), None);
    assert_eq!(write_channel_data(&mut [0; 8], 0x4001, b"abcde"), None);
    assert_eq!(channel_header(0x4000, 70_000), None);
}

#[test]
fn text_of_other_protocols_is_no_frame_although_it_begins_like_channel_data() {
    for text in
        ["HTTP/1.1 400 Bad Request\r\n", "SSH-2.0-OpenSSH_9.2\r\n", "\x15\x03\x01\x00\x02\x02\x16", "\0\u{3}\0\u{1}"]
    {
        let (frames, why) = cut(text.as_bytes(), &[3]);
        assert!(frames.is_empty() && matches!(why, Some(NotFrames::Bytes(_))), "{text:?}");
    }
    let (_, why) = cut(b"HTTP/1.1 400\r\n", &[100]);
    assert_eq!(why.unwrap().to_string(), "bytes that begin no TURN message: HTTP/1.1");
}

#[test]
fn a_broken_stream_stays_broken_and_holds_nothing_more() {
    let mut framer = Framer::new();
    framer.push(&[0xFF; 40]);
    assert!(framer.next_frame().is_err());
    for _ in 0..1000 {
        framer.push(&message(0, 0));
        assert!(framer.next_frame().is_err());
    }
    assert!(framer.held.capacity() < 1000);
}

#[test]
fn who_takes_no_frames_is_cut_off() {
    let mut framer = Framer::new();
    for _ in 0..100 {
        framer.push(&message(1000, 0));
    }
    assert_eq!(framer.next_frame(), Err(NotFrames::TooMuch));
}

proptest! {
    #[test]
    fn any_chunking_gives_the_same_frames(
        parts in prop::collection::vec((any::<bool>(), 0_u16..40, prop::collection::vec(any::<u8>(), 0..70)), 0..20),
        cuts in prop::collection::vec(1_usize..90, 1..30),
    ) {
        let mut wanted = vec![message(3, 7)];
        wanted.extend(parts.iter().map(|(stun, words, data)| match stun {
            true => message(*words, 9),
            false => channel_data(0x4000 + *words, data),
        }));
        let stream: Vec<u8> = wanted.iter().flat_map(|frame| [frame.as_slice(), padding(frame)].concat()).collect();
        prop_assert_eq!(cut(&stream, &cuts), (wanted, None));
    }

    #[test]
    fn random_bytes_never_panic_and_frames_are_never_longer_than_what_came(
        begun in any::<bool>(),
        bytes in prop::collection::vec(any::<u8>(), 0..4000),
        cuts in prop::collection::vec(1_usize..700, 1..9),
    ) {
        let stream = if begun { [message(0, 0), bytes].concat() } else { bytes };
        let (frames, _) = cut(&stream, &cuts);
        prop_assert!(frames.iter().map(Vec::len).sum::<usize>() <= stream.len());
        let _ = read_channel_data(&stream);
    }
}
