//! Where a report is sent when it is written.

use std::time::Duration;

use clap::{Args, ValueEnum};

/// Sending the report.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Send the report")]
pub struct PushArgs {
    /// Send the JSON report to this URL when every file is written; RTC_CHECK_UPLOAD_HEADERS has what it asks for, such as a
    /// token. Redirects are not followed. A report that cannot be sent is saved and said where
    #[arg(long, value_name = "URL", env = "RTC_CHECK_UPLOAD", hide_env_values = true)]
    pub upload: Option<String>,
    /// How to upload [default: put]
    #[arg(long, value_name = "put|post", value_enum, env = "RTC_CHECK_UPLOAD_METHOD")]
    pub upload_method: Option<UploadMethod>,
    /// The longest time of one attempt to upload, in seconds [default: 30]
    #[arg(long, value_name = "S", env = "RTC_CHECK_UPLOAD_TIMEOUT", value_parser = super::seconds)]
    pub upload_timeout: Option<Duration>,
    /// Send the run as a trace and its figures as metrics to this OpenTelemetry receiver (OTLP over HTTP, such as
    /// http://localhost:4318); without a URL to where OTEL_EXPORTER_OTLP_ENDPOINT and its like lead. Without this flag nothing
    /// is sent, whatever the environment has
    #[arg(long, value_name = "URL", env = "RTC_CHECK_OTLP", hide_env_values = true, num_args = 0..=1,
          default_missing_value = "environment")]
    pub otlp: Option<String>,
}

/// The request's method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum UploadMethod {
    Put,
    Post,
}
