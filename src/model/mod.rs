//! The nouns that every other module speaks of. Nothing here knows how a value is obtained, judged or drawn.

mod call;
mod cert;
mod clock;
mod comparison;
pub mod doctor;
mod event;
mod failure;
pub mod firewall;
mod gre;
mod host;
mod ike;
mod known_page;
pub mod machine;
pub mod masked;
pub mod measure;
pub mod metric;
mod observation;
pub mod offered;
pub mod path;
mod ports;
mod proxied;
mod redaction;
mod relay;
mod report;
pub mod resolver;
mod rtmp;
mod rtsp;
mod rule;
pub mod schedule;
mod secret;
pub mod shape;
pub mod sizing;
mod source;
mod ssh;
mod status;
mod timeline;
pub mod trace;
mod way;
pub mod web;

pub use call::CallMode;
pub use cert::{CertRoot, Certificate, Inspection, Issuer, RootStanding, short_name};
pub use clock::ClockError;
pub use comparison::{
    COMPARISON_SCHEMA, Change, CheckChange, CheckState, Comparison, Figure, FigureChange, FindingChange, MatchedBy,
    Side, WayChange,
};
pub use event::{Event, Phase, Silent, Sink};
pub use failure::{Failure, FailureKind, Step};
pub use gre::{Gre, GreAnswer};
pub use host::{Host, is_local_name};
pub use ike::{IkeAnswer, IkeKind, IkeNat};
pub use known_page::{KnownPage, PageAnswer};
pub use machine::Subject;
pub use measure::{Estimate, Estimates, Length, Load, Media, Standing};
pub use observation::{Facts, Observation, Outcome, Planned, Seen, StepTiming, millis};
pub use ports::{PortRange, PortSet, PortsMode};
pub use proxied::{ProxyAnswer, WayStatus, WayTaken};
pub use redaction::{Redacted, RedactedSet};
pub use relay::{RelayTransport, TurnUri, may_hold_password};
pub use report::{
    Check, Ended, Finding, LimitResult, LimitSource, Report, RunInfo, SCHEMA, Summary, ToolInfo, Waived, Who,
    default_source,
};
pub use rtmp::RtmpSaid;
pub use rtsp::{RtspDescribed, RtspLoginState, RtspMedia, RtspScheme};
pub use rule::{Need, ProbeKind, RoleName, RuleId, Service, Transport};
pub use secret::{Secret, hidden};
pub use source::Source;
pub use ssh::SshOffer;
pub use status::Status;
pub use timeline::{RttHistogram, Timeline};
pub use way::{Way, WayRow};
