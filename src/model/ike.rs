//! What IKE_SA_INIT was answered with (`observed.ike`, `observed.ike_nat`): one shape for the one who records it and the
//! one who judges it.

use serde::{Deserialize, Serialize};

/// What the answer is at heart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IkeKind {
    /// A proposal was chosen.
    Sa,
    /// It wants the request again with a cookie.
    Cookie,
    /// It wants another group of key exchange.
    InvalidKe,
    /// A notification, such as NO_PROPOSAL_CHOSEN.
    Notify,
    /// Of version 1.
    #[serde(rename = "version-1")]
    Version1,
    /// Neither a choice nor a notification.
    Empty,
}

/// An answer, every name in it fit to be shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IkeAnswer {
    pub kind: IkeKind,
    /// Its notifications, by name or number.
    pub notify: Vec<String>,
    pub vendor_ids: Vec<String>,
    /// The group of key exchange that it wants, where it says which.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wants_group: Option<u16>,
}

/// Who is behind an address translator; `None` where the answer does not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IkeNat {
    /// The one who asked.
    pub here: Option<bool>,
    /// The one who answered.
    pub there: Option<bool>,
}
