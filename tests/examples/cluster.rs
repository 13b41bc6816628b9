//! Containers and Kubernetes: a linter, the schemas of Kubernetes, and what the files say of each other.

use serde_yaml_ng::Value;

use crate::harness::readers;
use crate::{below, reads, text, written, yaml};

const BASE: &str = "examples/kubernetes";

fn names(value: &Value) -> Vec<String> {
    value.as_sequence().map_or(Vec::new(), |l| l.iter().map(|v| v.as_str().unwrap().to_owned()).collect())
}

#[test]
fn kubernetes_takes_every_file() {
    let files: Vec<String> = below(BASE).into_iter().filter(|p| !p.ends_with("kustomization.yaml")).collect();
    assert_eq!(files.len(), 4);
    for path in &files {
        reads(readers::python("kubernetes-validate"), &["--strict", path]);
    }
}

#[test]
fn the_kustomization_holds_every_file_and_what_they_refer_to() {
    let base = yaml(&format!("{BASE}/kustomization.yaml"));
    let mut held = names(&base["resources"]);
    held.sort();
    let mut there: Vec<String> = below(BASE)
        .iter()
        .map(|p| p.rsplit('/').next().unwrap().to_owned())
        .filter(|n| n != "kustomization.yaml")
        .collect();
    there.sort();
    assert_eq!(held, there);
    let made = base["configMapGenerator"][0]["name"].as_str().unwrap();
    let image = base["images"][0]["name"].as_str().unwrap();
    for pod in pods() {
        for container in pod["containers"].as_sequence().unwrap() {
            assert_eq!(container["image"].as_str(), Some(image), "the image is changed in one place");
            for from in container["envFrom"].as_sequence().unwrap_or(&Vec::new()) {
                assert_eq!(from["configMapRef"]["name"].as_str(), Some(made));
            }
        }
    }
    for literal in names(&base["configMapGenerator"][0]["literals"]) {
        assert!(literal.starts_with("RTC_CHECK_"), "{literal}");
    }
}

/// The pod of every workload.
fn pods() -> Vec<Value> {
    let of = |name: &str| yaml(&format!("{BASE}/{name}.yaml"));
    vec![
        of("job")["spec"]["template"]["spec"].clone(),
        of("cronjob")["spec"]["jobTemplate"]["spec"]["template"]["spec"].clone(),
        of("daemonset")["spec"]["template"]["spec"].clone(),
    ]
}

#[test]
fn no_pod_has_a_privilege() {
    for pod in pods() {
        assert_eq!(pod["securityContext"]["runAsNonRoot"].as_bool(), Some(true));
        assert_eq!(pod["automountServiceAccountToken"].as_bool(), Some(false));
        for container in pod["containers"].as_sequence().unwrap() {
            let context = &container["securityContext"];
            assert_eq!(context["allowPrivilegeEscalation"].as_bool(), Some(false));
            assert_eq!(context["readOnlyRootFilesystem"].as_bool(), Some(true));
            assert_eq!(names(&context["capabilities"]["drop"]), ["ALL"]);
        }
    }
    let [job, cron, nodes] = &pods()[..] else { panic!("three workloads") };
    assert_eq!(nodes["hostNetwork"].as_bool(), Some(true), "a node's own way, not its pods'");
    assert!(job["hostNetwork"].is_null() && cron["hostNetwork"].is_null());
}

/// Where kubectl is, its kustomize renders the base, and the result is held against the schemas too.
#[test]
fn what_kustomize_makes_of_it_is_good() {
    let Ok(made) =
        std::process::Command::new("kubectl").args(["kustomize", BASE]).current_dir(readers::root()).output()
    else {
        return;
    };
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let words = String::from_utf8(made.stdout).unwrap();
    assert!(words.contains("registry.example.com/rtc-check:0.1.0") && !words.contains("image: rtc-check\n"));
    let dir = tempfile::tempdir().unwrap();
    reads(readers::python("kubernetes-validate"), &["--strict", &written(dir.path(), "base.yaml", &words)]);
}

#[test]
fn the_image_is_the_static_binary_and_nobody_runs_it_as_root() {
    reads(readers::python("hadolint"), &["examples/docker/Dockerfile"]);
    let words = text("examples/docker/Dockerfile");
    let last: Vec<&str> = words.split("\nFROM ").last().unwrap().lines().filter(|l| !l.starts_with('#')).collect();
    assert_eq!(
        last.into_iter().filter(|l| !l.is_empty()).collect::<Vec<_>>(),
        ["scratch", "COPY --from=build /rtc-check /rtc-check", "USER 65532:65532", "ENTRYPOINT [\"/rtc-check\"]"]
    );
    for input in ["--locked", "--target x86_64-unknown-linux-musl"] {
        assert!(words.contains(input), "{input}");
    }
}

#[test]
fn the_composition_holds_against_its_schema_and_mounts_what_is_there() {
    let path = "examples/docker/compose.yaml";
    reads(readers::python("check-jsonschema"), &["--builtin-schema", "vendor.compose-spec", path]);
    for service in yaml(path)["services"].as_mapping().unwrap().values() {
        for volume in names(&service["volumes"]) {
            let from = volume.split(':').next().unwrap().to_owned();
            let there = readers::root().join("examples/docker").join(&from);
            assert!(there.exists(), "{from} is mounted and not there");
        }
    }
}
