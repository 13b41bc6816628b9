//! What a receiver answers that took a message: how much of it it left out. Any bytes may come.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;

use crate::report::clean;

/// What a receiver says that took a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// Spans or points that it left out; 0 where it took all and only has something to say.
    pub count: u64,
    pub message: String,
}

/// What is said of a partial success; both kinds of answers have one shape on the wire. `None` where all was taken without
/// a word, and for what is no such answer.
pub fn rejected(answer: &[u8]) -> Option<Rejected> {
    let partial = ExportTraceServiceResponse::decode(answer).ok()?.partial_success?;
    let (count, message) = (u64::try_from(partial.rejected_spans).unwrap_or(0), clean(&partial.error_message, true));
    (count > 0 || !message.is_empty()).then_some(Rejected { count, message })
}
