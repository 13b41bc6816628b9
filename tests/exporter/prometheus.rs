//! A real Prometheus server that scrapes through the relabelling of the multi-target pattern.

use std::net::TcpListener;

use super::harness::{Started, clean, readers};
use super::site::{Exporter, Site, get};

/// The value of a query's only series.
#[track_caller]
fn value(at: std::net::SocketAddr, query: &str) -> String {
    let coded: String = query.bytes().map(|b| format!("%{b:02x}")).collect();
    let answer = get(at, "GET", &format!("/api/v1/query?query={coded}"), &[("Accept-Encoding", "identity")]);
    let body =
        answer.body.find('{').and_then(|from| answer.body.get(from..=answer.body.rfind('}')?)).unwrap_or_default();
    let value: serde_json::Value = serde_json::from_str(body).unwrap_or_else(|e| panic!("{e}: {}", answer.body));
    let result = value["data"]["result"].as_array().unwrap_or_else(|| panic!("{query}: {value}"));
    assert_eq!(result.len(), 1, "{query}: {value}");
    result[0]["value"][1].as_str().unwrap().to_owned()
}

#[test]
fn prometheus_scrapes_it_by_relabelling_and_stores_what_each_target_is() {
    let Some(prometheus) = readers::system("prometheus") else { return };
    let (site, _responder) = Site::served("127.33.7.1");
    let mut exporter = Exporter::start(&site, &["--allow", "127.33.7.0/29"]);
    let port = TcpListener::bind("127.33.7.9:0").unwrap().local_addr().unwrap();
    let config = site.dir.path().join("prometheus.yml");
    let text = format!(
        "global:\n  scrape_interval: 3s\n  scrape_timeout: 3s\nscrape_configs:\n- job_name: rtc-check\n  metrics_path: /probe\n  \
         params:\n    profile: [site]\n  static_configs:\n  - targets: [127.33.7.1, 127.33.7.2, 127.33.7.99]\n  relabel_configs:\n  \
         - source_labels: [__address__]\n    target_label: __param_target_web\n  \
         - source_labels: [__param_target_web]\n    target_label: instance\n  \
         - target_label: __address__\n    replacement: {}\n",
        exporter.at
    );
    std::fs::write(&config, text).unwrap();
    let mut command = clean(prometheus);
    command.arg(format!("--config.file={}", config.display()));
    command.arg(format!("--storage.tsdb.path={}", site.dir.path().join("data").display()));
    command.arg(format!("--web.listen-address={port}"));
    let _server = Started::new(command);
    // A target's second scrape begins when what the first one brought is stored.
    for _ in 0..2 {
        for words in ["127.33.7.1: pass", "127.33.7.2: fail", "127.33.7.99 is not allowed"] {
            exporter.says(words);
        }
    }
    let one = |query: &str| value(port, query);
    assert_eq!(one("up{instance=\"127.33.7.1\"}"), "1");
    assert_eq!(one("probe_success{instance=\"127.33.7.1\"}"), "1");
    assert_eq!(one("rtc_check_check_status{instance=\"127.33.7.1\",rule=\"web.http\",status=\"pass\"}"), "1");
    assert_eq!(one("up{instance=\"127.33.7.2\"}"), "1", "the exporter answers for a server that does not");
    assert_eq!(one("probe_success{instance=\"127.33.7.2\"}"), "0");
    assert_eq!(one("rtc_check_check_status{instance=\"127.33.7.2\",rule=\"web.http\",status=\"fail\"}"), "1");
    assert_eq!(one("up{instance=\"127.33.7.99\"}"), "0", "whom it may not ask it has no word of");
    exporter.stop().exits(0);
}
