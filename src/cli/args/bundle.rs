//! The flags of `rtc-check bundle`: those of a check, where the archive goes, and what is in it.

use std::path::PathBuf;

use clap::Args;
use clap::builder::BoolishValueParser;

use super::{CheckArgs, MeasureArgs, OutputArgs, RedactArgs, SelectionArgs, TuningArgs};

#[derive(Args, Debug)]
pub struct BundleArgs {
    /// Take this saved JSON report in place of running a check; `-` for stdin
    #[arg(long, value_name = "FILE", env = "RTC_CHECK_BUNDLE_REPORT")]
    pub report: Option<PathBuf>,
    /// The archive: a gzipped tar that only its owner may read; one that is there is replaced
    #[arg(
        short,
        long,
        value_name = "FILE",
        default_value = "rtc-check-bundle.tar.gz",
        env = "RTC_CHECK_BUNDLE_OUTPUT"
    )]
    pub output: PathBuf,
    /// Put the packets of this run's own flows in, too (needs CAP_NET_RAW); they bear addresses, so it goes without --redact
    #[arg(long, env = "RTC_CHECK_BUNDLE_PCAP", value_parser = BoolishValueParser::new())]
    pub pcap: bool,
    /// Print what would be in it, and run and write nothing
    #[arg(long, env = "RTC_CHECK_DRY_RUN", value_parser = BoolishValueParser::new())]
    pub dry_run: bool,
    /// Warnings are failures, and a sampled pass is unknown
    #[arg(long, env = "RTC_CHECK_STRICT", value_parser = BoolishValueParser::new())]
    pub strict: bool,
    /// No progress on stderr, and no list on stdout
    #[arg(short, long, env = "RTC_CHECK_QUIET", value_parser = BoolishValueParser::new())]
    pub quiet: bool,
    #[command(flatten)]
    pub redact: RedactArgs,
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// A rule, or what is tried and measured beside the rules, that may stay unknown without changing the verdict
    #[arg(long, value_name = "RULE", env = "RTC_CHECK_ALLOW_UNKNOWN", value_delimiter = ',')]
    pub allow_unknown: Vec<String>,
    #[command(flatten)]
    pub tuning: TuningArgs,
    #[command(flatten)]
    pub media: crate::cli::media::MediaArgs,
    #[command(flatten)]
    pub trust: crate::cli::trust::TrustArgs,
    #[command(flatten)]
    pub measure: MeasureArgs,
}

impl BundleArgs {
    /// The check that is to be run.
    pub fn check(self) -> CheckArgs {
        CheckArgs {
            selection: self.selection,
            allow_unknown: self.allow_unknown,
            dry_run: false,
            tuning: self.tuning,
            media: self.media,
            trust: self.trust,
            measure: self.measure,
            output: OutputArgs { strict: self.strict, quiet: self.quiet, redact: self.redact, ..OutputArgs::default() },
        }
    }
}
