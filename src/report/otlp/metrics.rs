//! The series of the Prometheus format as gauges: the same figures and labels, with OpenTelemetry's names and units, so that
//! a collector that hands them on to Prometheus gives them the names that they have there.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics};

use super::{SCHEMA, Sender, resource, scope, text, times};
use crate::model::Report;
use crate::report::prometheus::families;

/// Ends of Prometheus' names and the units that they stand for (UCUM). A time stamp keeps the word.
const UNITS: [(&str, &str); 3] = [("_bytes_per_second", "By/s"), ("_seconds", "s"), ("_ratio", "1")];

/// The run's figures, at its end.
pub fn metrics(report: &Report, sender: &Sender) -> ExportMetricsServiceRequest {
    let (start, end) = times(report);
    let metrics = families(report).into_iter().map(|block| {
        let (name, unit) = name(block.family.name);
        let point = |(labels, value): &(crate::report::prometheus::page::Labels, f64)| NumberDataPoint {
            attributes: labels.iter().map(|(name, value)| text(name, value)).collect(),
            start_time_unix_nano: start,
            time_unix_nano: end,
            value: Some(Value::AsDouble(*value)),
            ..NumberDataPoint::default()
        };
        let data_points = block.samples.iter().map(point).collect();
        Metric {
            name,
            description: block.family.help.to_owned(),
            unit: unit.to_owned(),
            data: Some(Data::Gauge(Gauge { data_points })),
            ..Metric::default()
        }
    });
    let scoped = ScopeMetrics { scope: Some(scope(report)), metrics: metrics.collect(), schema_url: SCHEMA.to_owned() };
    let of = ResourceMetrics {
        resource: Some(resource(report, sender)),
        scope_metrics: vec![scoped],
        schema_url: SCHEMA.to_owned(),
    };
    ExportMetricsServiceRequest { resource_metrics: vec![of] }
}

/// `rtc_check_rtt_seconds` is `rtc_check.rtt` in `s`.
fn name(prometheus: &str) -> (String, &'static str) {
    let with_unit = UNITS.iter().find_map(|(end, unit)| Some((prometheus.strip_suffix(end)?, *unit)));
    let (bare, unit) = with_unit.unwrap_or((prometheus, ""));
    let rest = bare.strip_prefix("rtc_check_").unwrap_or(bare).replace('_', ".").replace("not.after", "not_after");
    (format!("rtc_check.{rest}"), unit)
}

#[cfg(test)]
mod tests {
    use super::name;

    #[test]
    fn names_and_units_come_back_to_those_of_prometheus() {
        for (from, to, unit) in [
            ("rtc_check_rtt_seconds", "rtc_check.rtt", "s"),
            ("rtc_check_loss_ratio", "rtc_check.loss", "1"),
            ("rtc_check_throughput_bytes_per_second", "rtc_check.throughput", "By/s"),
            ("rtc_check_run_finished_timestamp_seconds", "rtc_check.run.finished.timestamp", "s"),
            ("rtc_check_certificate_not_after_timestamp_seconds", "rtc_check.certificate.not_after.timestamp", "s"),
            ("rtc_check_checks", "rtc_check.checks", ""),
        ] {
            assert_eq!(name(from), (to.to_owned(), unit));
        }
    }
}
