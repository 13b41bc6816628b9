//! Prometheus, Grafana and OpenTelemetry: promtool, and the names of what rtc-check really exposes.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::harness::{binary, readers, run};
use crate::site::Site;
use crate::{below, reads, text, written, yaml};

const RULES: &str = "examples/prometheus/rtc-check.rules.yml";
const DASHBOARD: &str = "examples/grafana/rtc-check.json";

#[test]
fn prometheus_takes_its_configuration_and_alerts() {
    let words = reads(readers::system("promtool"), &["check", "config", "examples/prometheus/prometheus.yml"]);
    assert!(words.is_none_or(|w| w.contains("8 rules found")));
    // Debian's promtool is built without Kubernetes: what finds the nodes is read here, all else by promtool.
    let nodes = yaml("examples/prometheus/nodes.yml");
    assert_eq!(nodes["scrape_configs"][0]["kubernetes_sd_configs"][0]["role"].as_str(), Some("pod"));
    let words = text("examples/prometheus/nodes.yml");
    let (before, after) = words.split_once("    kubernetes_sd_configs:").unwrap();
    let after = after.split_once("    relabel_configs:").unwrap().1;
    let rest = format!("{before}    static_configs: [{{ targets: [node] }}]\n    relabel_configs:{after}");
    let dir = tempfile::tempdir().unwrap();
    reads(readers::system("promtool"), &["check", "config", &written(dir.path(), "nodes.yml", &rest)]);
}

#[test]
fn the_nodes_are_found_by_the_labels_that_the_daemonset_gives() {
    let nodes = &yaml("examples/prometheus/nodes.yml")["scrape_configs"][0];
    let set = yaml("examples/kubernetes/daemonset.yaml");
    let label = set["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/name"].as_str().unwrap();
    assert_eq!(nodes["relabel_configs"][0]["regex"].as_str(), Some(label));
    let space = nodes["kubernetes_sd_configs"][0]["namespaces"]["names"][0].as_str();
    assert_eq!(space, yaml("examples/kubernetes/kustomization.yaml")["namespace"].as_str());
}

#[test]
fn alerts_fire_when_they_should_and_not_else() {
    reads(readers::system("promtool"), &["test", "rules", "examples/prometheus/rtc-check.test.yml"]);
    let tests = text("examples/prometheus/rtc-check.test.yml");
    for rule in yaml(RULES)["groups"][0]["rules"].as_sequence().unwrap() {
        let name = rule["alert"].as_str().unwrap();
        assert!(tests.contains(&format!("alertname: {name}\n")), "{name} is never seen to fire");
    }
}

/// Every query of the dashboard, by its panel's title, with Grafana's variables filled in.
fn queries() -> Vec<(String, String)> {
    let board: Value = serde_json::from_str(&text(DASHBOARD)).unwrap();
    let mut found = Vec::new();
    for panel in board["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().unwrap() {
            let mut query = target["expr"].as_str().unwrap().to_owned();
            for variable in board["templating"]["list"].as_array().unwrap() {
                query = query.replace(&format!("${}", variable["name"].as_str().unwrap()), ".*");
            }
            assert!(!query.contains('$'), "a variable that the dashboard has not: {query}");
            found.push((panel["title"].as_str().unwrap().to_owned(), query));
        }
    }
    found
}

#[test]
fn promtool_reads_every_query_of_the_dashboard() {
    let rules: Vec<String> = queries()
        .iter()
        .enumerate()
        .map(|(n, (_, query))| format!("      - record: panel_{n}\n        expr: {}\n", serde_json::json!(query)))
        .collect();
    assert!(rules.len() >= 12);
    let dir = tempfile::tempdir().unwrap();
    let group = format!("groups:\n  - name: dashboard\n    rules:\n{}", rules.concat());
    reads(readers::system("promtool"), &["check", "rules", &written(dir.path(), "dashboard.yml", &group)]);
}

#[test]
fn the_dashboard_is_one_that_grafana_loads() {
    let board: Value = serde_json::from_str(&text(DASHBOARD)).unwrap();
    assert!(board["id"].is_null() && board["uid"] == "rtc-check" && board["schemaVersion"].as_u64() >= Some(36));
    let (mut ids, mut taken) = (BTreeSet::new(), BTreeSet::new());
    for panel in board["panels"].as_array().unwrap() {
        let number = |key: &str| panel["gridPos"][key].as_u64().unwrap();
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "two panels of one id");
        assert!(number("x") + number("w") <= 24, "{}", panel["title"]);
        for x in number("x")..number("x") + number("w") {
            for y in number("y")..number("y") + number("h") {
                assert!(taken.insert((x, y)), "{} lies on another panel", panel["title"]);
            }
        }
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "the source is chosen, never one of a machine");
        assert!(!panel["description"].as_str().unwrap().is_empty());
    }
    let provider = yaml("examples/grafana/provisioning/dashboards/rtc-check.yaml");
    let shown = provider["providers"][0]["options"]["path"].as_str().unwrap();
    assert!(text("examples/docker/compose.yaml").contains(&format!(":{shown}/rtc-check.json:ro")));
}

/// The names of rtc-check's metrics in `words`.
fn metrics(words: &str) -> BTreeSet<String> {
    let name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let names = words.split(|c| !name(c)).filter(|w| w.starts_with("rtc_check_") && !w.ends_with('_'));
    names.map(str::to_owned).collect()
}

/// What the renderer can name: its own source, for no single report has every figure.
fn exposed() -> BTreeSet<String> {
    let source = below("src/report").into_iter().filter(|p| p.contains("prometheus") && p.ends_with(".rs"));
    source.flat_map(|p| metrics(&text(&p))).collect()
}

#[test]
fn alerts_and_dashboard_ask_for_what_is_exposed() {
    let exposed = exposed();
    let asked: Vec<String> = queries().into_iter().map(|(_, query)| query).chain([text(RULES)]).collect();
    for name in asked.iter().flat_map(|words| metrics(words)) {
        assert!(exposed.contains(&name), "{name} is asked for and never exposed; there are {exposed:?}");
    }
}

/// The labels that alerts and panels choose by are those of a real run.
#[test]
fn a_failing_run_has_the_series_that_wake_somebody() {
    let site = Site::down();
    let mut check = binary();
    site.set(&mut check, &["web"]);
    check.args(["--no-trace", "--format", "prometheus"]);
    let done = run(check);
    let series = &done.exits(1).stdout;
    let has = |name: &str, labels: &[&str]| {
        let of = |l: &&str| l.starts_with(&format!("{name}{{")) && l.ends_with(" 1");
        series.lines().filter(of).any(|line| labels.iter().all(|label| line.contains(label)))
    };
    assert!(has("rtc_check_run_verdict", &[r#"status="fail""#, r#"profile="site""#, r#"from="client""#]), "{series}");
    let labels =
        [r#"check="web.http"#, r#"status="fail""#, r#"need="required""#, r#"transport="tcp""#, r#"target="127.0.0.1""#];
    assert!(has("rtc_check_check_status", &labels), "{series}");
}

#[test]
fn the_collectors_pipelines_are_made_of_what_it_defines() {
    let collector = yaml("examples/opentelemetry/collector.yaml");
    for (name, pipeline) in collector["service"]["pipelines"].as_mapping().unwrap() {
        for kind in ["receivers", "processors", "exporters"] {
            for part in pipeline[kind].as_sequence().unwrap() {
                assert!(collector[kind].get(part).is_some(), "{name:?}: {kind} has no {part:?}");
            }
        }
    }
    let listens = collector["receivers"]["otlp"]["protocols"]["http"]["endpoint"].as_str().unwrap();
    assert!(listens.ends_with(":4318"), "the port that --otlp is sent to: {listens}");
}
