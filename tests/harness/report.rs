//! The JSON report, read as another program reads it.

use serde_json::Value;

/// A JSON report of schema 1.
#[derive(Debug)]
pub struct Report(pub Value);

impl Report {
    /// Takes a report that keeps the contract's promises; says which one it breaks.
    #[track_caller]
    pub fn checked(value: Value) -> Self {
        let report = Self(value);
        assert_eq!(report.0["schema"], "rtc-check/report/1");
        let mut counts = std::collections::BTreeMap::new();
        for check in report.all() {
            check.keeps_the_contract();
            if check.value.get("waived").is_none() {
                *counts.entry(check.status().to_owned()).or_insert(0) += 1;
            }
        }
        for status in ["pass", "warn", "fail", "unknown", "skip"] {
            let counted = counts.get(status).copied().unwrap_or(0);
            assert_eq!(report.0["summary"][status], counted, "summary.{status}: {report}");
        }
        report
    }

    /// `pass`, `warn`, `fail`, `unknown`.
    pub fn verdict(&self) -> &str {
        self.0["verdict"].as_str().unwrap_or("none")
    }

    /// Every check, in order.
    pub fn all(&self) -> Vec<Check<'_>> {
        self.0["checks"].as_array().expect("checks is an array").iter().map(|value| Check { value }).collect()
    }

    /// The one check of a rule's `ports` (`tcp 443`, `udp 19099-20099`) on `address`.
    #[track_caller]
    pub fn at(&self, address: &str, ports: &str) -> Check<'_> {
        let mut found = self.all();
        found.retain(|c| c.value["address"] == address && c.wire() == ports);
        assert_eq!(found.len(), 1, "one check of {ports} on {address}: {self}");
        found[0]
    }

    /// Every check of `rule`.
    pub fn of(&self, rule: &str) -> Vec<Check<'_>> {
        self.all().into_iter().filter(|c| c.value["rule"] == rule).collect()
    }

    /// Every check of `probe` on `address`.
    pub fn probed(&self, address: &str, probe: &str) -> Vec<Check<'_>> {
        self.all().into_iter().filter(|c| c.value["address"] == address && c.value["probe"] == probe).collect()
    }

    /// The one quality check of `address`.
    #[track_caller]
    pub fn quality(&self, address: &str) -> Check<'_> {
        let found = self.probed(address, "quality");
        assert_eq!(found.len(), 1, "one quality check on {address}: {self}");
        found[0]
    }

    /// The bandwidth check of a profile's `row` on `address`.
    #[track_caller]
    pub fn bandwidth(&self, address: &str, row: &str) -> Check<'_> {
        let mut found = self.probed(address, "bandwidth");
        found.retain(|c| c.value["id"].as_str().is_some_and(|id| id.contains(&format!(".{row}/"))));
        assert_eq!(found.len(), 1, "one check of bandwidth {row} on {address}: {self}");
        found[0]
    }

    /// Asserts that the checks of exactly these `ports` are there on `address`, and that all pass but those in `except`.
    #[track_caller]
    pub fn passes(&self, address: &str, ports: &[&str], except: &[&str]) {
        let there: Vec<_> =
            self.all().into_iter().filter(|c| c.value["address"] == address && !c.rule().is_empty()).collect();
        assert_eq!(there.len(), ports.len(), "checks on {address}: {self}");
        for port in ports.iter().filter(|p| !except.contains(p)) {
            self.at(address, port).is("pass");
        }
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "verdict {}, summary {}", self.0["verdict"], self.0["summary"])?;
        let checks = self.0["checks"].as_array().into_iter().flatten().map(|value| Check { value });
        checks.filter(|c| c.status() != "skip").try_for_each(|c| writeln!(f, "  {c}"))
    }
}

/// One check of a report.
#[derive(Clone, Copy, Debug)]
pub struct Check<'a> {
    pub value: &'a Value,
}

impl<'a> Check<'a> {
    pub fn rule(&self) -> &'a str {
        self.value["rule"].as_str().unwrap_or("")
    }

    /// Transport and ports: `tcp 443`, `udp 19099-20099`.
    pub fn wire(&self) -> String {
        let v = self.value;
        let ports = v["ports"].as_str().map_or_else(|| v["port"].to_string(), str::to_owned);
        format!("{} {ports}", v["transport"].as_str().unwrap_or("?"))
    }

    pub fn status(&self) -> &'a str {
        self.value["status"].as_str().unwrap_or("none")
    }

    pub fn reason(&self) -> &'a str {
        self.value["reason"].as_str().unwrap_or("")
    }

    /// `observed[key]`, null when it is absent.
    pub fn seen(&self, key: &str) -> &'a Value {
        &self.value["observed"][key]
    }

    /// The ranges under `observed[key]`, none when the list is absent.
    #[track_caller]
    pub fn ranges(&self, key: &str) -> Vec<&'a str> {
        let list = self.seen(key).as_array().unwrap_or_else(|| panic!("no list observed.{key}: {self}"));
        list.iter().map(|v| v.as_str().unwrap_or("?")).collect()
    }

    /// Every port in the ranges under `observed[key]`.
    #[track_caller]
    pub fn ports(&self, key: &str) -> Vec<u16> {
        let bounds = |r: &str| {
            let (first, last) = r.split_once('-').unwrap_or((r, r));
            first.parse::<u16>().ok().zip(last.parse::<u16>().ok())
        };
        let ranges = self.ranges(key);
        ranges.iter().filter_map(|r| bounds(r)).flat_map(|(first, last)| first..=last).collect()
    }

    /// The entry of `metric` among the limits.
    #[track_caller]
    pub fn limit(&self, metric: &str) -> &'a Value {
        let limits = self.value["limits"].as_array();
        let found = limits.and_then(|all| all.iter().find(|l| l["metric"] == metric));
        found.unwrap_or_else(|| panic!("no limit on {metric}: {self} {}", self.value["limits"]))
    }

    /// `observed[key]` as a number.
    #[track_caller]
    pub fn number(&self, key: &str) -> f64 {
        self.seen(key).as_f64().unwrap_or_else(|| panic!("no number observed.{key}: {self}"))
    }

    /// Whether any caveat says `word`.
    pub fn warns_of(&self, word: &str) -> bool {
        self.seen("caveats").as_array().is_some_and(|all| all.iter().any(|c| c.to_string().contains(word)))
    }

    /// Step and kind of the failure.
    #[track_caller]
    pub fn failure(&self) -> (&'a str, &'a str) {
        let failure = self.seen("failure");
        let text = |key: &str| failure[key].as_str().unwrap_or_else(|| panic!("no observed.failure.{key}: {self}"));
        (text("step"), text("kind"))
    }

    /// Asserts the status.
    #[track_caller]
    pub fn is(self, status: &str) -> Self {
        assert_eq!(self.status(), status, "{self}");
        self
    }

    /// Asserts that the reason says each of `words`.
    #[track_caller]
    pub fn says(self, words: &[&str]) -> Self {
        for word in words {
            assert!(self.reason().contains(word), "the reason does not say {word:?}: {self}");
        }
        self
    }

    /// What holds for every check of every report.
    #[track_caller]
    fn keeps_the_contract(&self) {
        let has = |key: &str| self.value.get(key).is_some_and(|v| !v.is_null());
        if has("rule") {
            let single = matches!(self.value["transport"].as_str(), Some("tcp" | "udp"));
            assert_eq!(has("port") ^ has("ports"), single, "exactly one of port and ports: {self}");
        }
        for absent in ["rule", "transport", "port", "ports"] {
            assert!(!self.value.get(absent).is_some_and(Value::is_null), "{absent} is null: {self}");
        }
        let reason = self.reason();
        assert!(!reason.is_empty(), "no reason: {self}");
        assert!(!reason.chars().any(char::is_control), "control characters in a reason: {self}");
        assert!(self.value["observed"].is_object() && self.value["limits"].is_array(), "{self}");
    }
}

impl std::fmt::Display for Check<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let v = self.value;
        write!(
            f,
            "{} ({}) on {}: {} ({}) {}",
            self.rule(),
            self.wire(),
            v["address"],
            self.status(),
            self.reason(),
            v["observed"]
        )
    }
}
