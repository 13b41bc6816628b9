//! The media that a description names (SDP, RFC 8866): kind and codecs, and no more. Bounded whatever it says.

/// Most media that are told.
pub const MOST_MEDIA: usize = 16;
/// Most codecs that are told of one.
pub const MOST_CODECS: usize = 8;
/// Longest word that is told, in characters.
pub const LONGEST_WORD: usize = 32;

/// One `m=` line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Media {
    /// `video`, `audio`, `application`.
    pub kind: String,
    /// Names of its formats, in order: `H264`; a number where nothing names it.
    pub codecs: Vec<String>,
}

/// Formats that need no `rtpmap` (RFC 3551 table 4 and 5).
const STATIC: [(&str, &str); 12] = [
    ("0", "PCMU"),
    ("3", "GSM"),
    ("4", "G723"),
    ("8", "PCMA"),
    ("9", "G722"),
    ("14", "MPA"),
    ("18", "G729"),
    ("26", "JPEG"),
    ("31", "H261"),
    ("32", "MPV"),
    ("33", "MP2T"),
    ("34", "H263"),
];

/// Reads them; empty for what is no description.
pub fn media(sdp: &[u8]) -> Vec<Media> {
    let text = String::from_utf8_lossy(sdp);
    let mut all: Vec<Media> = Vec::new();
    for line in text.lines() {
        if let Some(words) = line.strip_prefix("m=") {
            if all.len() == MOST_MEDIA {
                break;
            }
            all.push(begun(words));
        } else if let (Some(map), Some(last)) = (line.strip_prefix("a=rtpmap:"), all.last_mut()) {
            named(last, map);
        }
    }
    for codec in all.iter_mut().flat_map(|m| &mut m.codecs) {
        if let Some((_, name)) = STATIC.iter().find(|(number, _)| number == codec) {
            (*name).clone_into(codec);
        }
    }
    all
}

/// `video 0 RTP/AVP 96 97`: the formats stand by their numbers until a line names them.
fn begun(words: &str) -> Media {
    let mut words = words.split_ascii_whitespace();
    let kind = word(words.next().unwrap_or_default());
    Media { kind, codecs: words.skip(2).take(MOST_CODECS).map(word).collect() }
}

/// `96 H264/90000`.
fn named(media: &mut Media, map: &str) {
    let Some((number, name)) = map.split_once(' ') else { return };
    let name = name.split('/').next().unwrap_or_default();
    if let Some(codec) = media.codecs.iter_mut().find(|c| c.as_str() == number) {
        *codec = word(name);
    }
}

fn word(text: &str) -> String {
    text.trim().chars().filter(|c| !c.is_control()).take(LONGEST_WORD).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(sdp: &str) -> Vec<String> {
        media(sdp.as_bytes()).into_iter().map(|m| format!("{} {}", m.kind, m.codecs.join("+"))).collect()
    }

    #[test]
    fn kinds_and_codecs_are_read() {
        // RFC 2326 section 14.1, and a camera with H.264 and G.711.
        assert_eq!(
            told("v=0\r\nm=audio 0 RTP/AVP 0\r\na=control:x\r\nm=video 0 RTP/AVP 31\r\n"),
            ["audio PCMU", "video H261"]
        );
        let camera =
            "m=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\nm=audio 0 RTP/AVP 8 97\na=rtpmap:97 MPEG4-GENERIC/8000\n";
        assert_eq!(told(camera), ["video H264", "audio PCMA+MPEG4-GENERIC"]);
    }

    #[test]
    fn what_is_no_description_has_none_and_a_long_one_is_cut() {
        assert_eq!(told("a=rtpmap:96 H264/90000\n<html>"), [""; 0]);
        assert_eq!(told("m=\n"), [" "]);
        let many = media("m=video 0 RTP/AVP 1 2 3 4 5 6 7 8 9 10 11\n".repeat(99).as_bytes());
        assert_eq!((many.len(), many[0].codecs.len()), (MOST_MEDIA, MOST_CODECS));
        assert_eq!(
            media(format!("m={} 0 x {}", "v".repeat(99), "9".repeat(99)).as_bytes())[0].kind.len(),
            LONGEST_WORD
        );
    }
}
