//! Names of roles and rules, and the closed sets a rule is made of.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The name as written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(s: &str) -> Self {
                Self(s.to_owned())
            }
        }

        impl From<String> for $name {
            fn from(s: String) -> Self {
                Self(s)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

name_type!(
    /// The stable, dotted id of a rule, such as `rtc.media`.
    RuleId
);
name_type!(
    /// One kind of server of a platform, such as `rtc`.
    RoleName
);

macro_rules! closed_set {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $text)] $variant),+
        }

        impl $name {
            /// Every value, in the order of the contract.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            /// The name as it stands in profiles and reports.
            pub fn as_str(self) -> &'static str {
                match self { $($name::$variant => $text),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = ();
            fn from_str(s: &str) -> Result<Self, ()> {
                match s { $($text => Ok($name::$variant),)+ _ => Err(()) }
            }
        }
    };
}

closed_set!(
    /// What carries a rule's traffic.
    Transport { Tcp = "tcp", Udp = "udp", Gre = "gre", Dns = "dns" }
);

closed_set!(
    /// What a rule expects behind its port.
    Service {
        Http = "http", Https = "https", HttpRedirect = "http-redirect", Ws = "ws", Wss = "wss", Rtmp = "rtmp",
        Rtmps = "rtmps", Rtsp = "rtsp", Ssh = "ssh", Sip = "sip", Stun = "stun", Turn = "turn", Turns = "turns",
        Rtp = "rtp", Ike = "ike", Gre = "gre", Dns = "dns", Ftp = "ftp",
    }
);

closed_set!(
    /// How much a rule counts.
    Need { Required = "required", Recommended = "recommended", Alternative = "alternative", Optional = "optional" }
);

closed_set!(
    /// The code that carried out a check, as a report names it.
    ProbeKind {
        Dns = "dns", Tcp = "tcp", Tls = "tls", Http = "http", Ws = "ws", Stun = "stun", UdpRange = "udp-range",
        Ssh = "ssh", Sip = "sip", Rtsp = "rtsp", Rtmp = "rtmp", Ike = "ike", Gre = "gre", Janus = "janus",
        JanusCall = "janus-call", Turn = "turn", Nat = "nat", Ice = "ice", Quality = "quality",
        Bandwidth = "bandwidth", Path = "path", Host = "host", Ftp = "ftp",
    }
);
