//! What a camera says of one stream.

use serde::{Deserialize, Serialize};

/// `observed.rtsp_describe`: what came of DESCRIBE of one path.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RtspDescribed {
    pub path: String,
    /// Of the last answer; `None` where none came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// `None` where the first answer did not come.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login: Option<RtspLoginState>,
    /// What the server asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheme: Option<RtspScheme>,
    /// Whose login it asks for, in its words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub realm: Option<String>,
    /// Of a description that came; empty where it has no media.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media: Option<Vec<RtspMedia>>,
}

/// How far a login came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RtspLoginState {
    /// The server wants none.
    None,
    /// It wants one, and none was given.
    Asked,
    /// It took the one that was given, by this scheme.
    Digest,
    Basic,
    Refused,
    /// No answer came to it.
    Sent,
    /// Not given, because this run has tried it there before.
    Spared,
    /// It wants a kind that is not known here.
    Unsupported,
}

/// How a login is proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RtspScheme {
    /// Nobody on the way can read the password.
    Digest,
    /// The password in clear text, where TLS is not around it.
    Basic,
}

impl RtspScheme {
    /// What a login by it is where it is taken.
    pub fn taken(self) -> RtspLoginState {
        match self {
            RtspScheme::Digest => RtspLoginState::Digest,
            RtspScheme::Basic => RtspLoginState::Basic,
        }
    }
}

/// One medium of a description (RFC 8866 section 5.14).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RtspMedia {
    /// `video`, `audio`.
    pub kind: String,
    pub codecs: Vec<String>,
}
