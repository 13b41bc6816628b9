//! Holds every module to the floors of the design: what it may import, and how long a file may grow. Reads the source
//! as tokens, so comments, strings and test code count for nothing.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::fs;
use std::path::{Path, PathBuf};

/// Floor, and the floors it may name; its own name and `model` are always allowed.
const FLOORS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("wire", &[]),
    ("stats", &[]),
    ("explain", &[]),
    ("profile", &[]),
    ("compare", &[]),
    ("redact", &[]),
    ("bundle", &[]),
    ("exporter", &["wire"]),
    ("report", &["explain"]),
    ("watch", &["compare"]),
    ("size", &["profile"]),
    ("session", &["wire", "stats"]),
    ("plan", &["profile"]),
    ("judge", &["profile", "plan"]),
    ("firewall", &["profile", "plan"]),
    ("net", &["session", "wire", "stats"]),
    ("probe", &["profile", "stats", "session", "net", "wire"]),
    ("web", &["profile", "plan", "judge", "stats", "session", "probe"]),
    ("serve", &["session", "net", "wire", "stats"]),
    ("run", &["plan", "probe", "net"]),
    (
        "cli",
        &[
            "wire", "stats", "explain", "profile", "report", "compare", "redact", "bundle", "session", "plan", "judge",
            "size", "firewall", "net", "probe", "serve", "run", "exporter", "watch", "web",
        ],
    ),
];

/// Floors that know nothing at all, the nouns of the model included.
const BOTTOM: [&str; 4] = ["model", "wire", "stats", "explain"];

/// Longer files need a line `// size: the reason` among their first 20 lines.
const LONGEST_FILE: usize = 500;
const LONGEST_MAIN: usize = 60;

struct Token {
    text: String,
    line: usize,
}

/// Identifiers and single signs; without comments, literals and white space.
fn tokens(source: &str) -> Vec<Token> {
    let chars: Vec<char> = source.chars().collect();
    let at = |i: usize| chars.get(i).copied().unwrap_or('\0');
    let (mut tokens, mut i, mut line) = (Vec::new(), 0, 1);
    while i < chars.len() {
        let end = match at(i) {
            '/' if at(i + 1) == '/' => (i..chars.len()).find(|&j| at(j) == '\n').unwrap_or(chars.len()),
            '/' if at(i + 1) == '*' => end_of_comment(&chars, i),
            '"' => end_of_string(&chars, i),
            'r' if matches!(at(i + 1), '"' | '#') && raw_string(&chars, i).is_some() => raw_string(&chars, i).unwrap(),
            '\'' if at(i + 1) == '\\' => (i + 3..chars.len()).find(|&j| at(j) == '\'').map_or(chars.len(), |j| j + 1),
            '\'' if at(i + 2) == '\'' => i + 3,
            c if c.is_alphanumeric() || c == '_' => {
                let end = (i..chars.len()).find(|&j| !at(j).is_alphanumeric() && at(j) != '_').unwrap_or(chars.len());
                tokens.push(Token { text: chars[i..end].iter().collect(), line });
                end
            }
            c if c.is_whitespace() => i + 1,
            c => {
                tokens.push(Token { text: c.to_string(), line });
                i + 1
            }
        };
        line += chars[i..end].iter().filter(|c| **c == '\n').count();
        i = end;
    }
    tokens
}

fn end_of_comment(chars: &[char], start: usize) -> usize {
    let (mut depth, mut i) = (0, start);
    while i + 1 < chars.len() {
        match (chars[i], chars[i + 1]) {
            ('/', '*') => (depth, i) = (depth + 1, i + 2),
            ('*', '/') => (depth, i) = (depth - 1, i + 2),
            _ => i += 1,
        }
        if depth == 0 {
            return i;
        }
    }
    chars.len()
}

fn end_of_string(chars: &[char], start: usize) -> usize {
    let mut i = start + 1;
    while i < chars.len() && chars[i] != '"' {
        i += if chars[i] == '\\' { 2 } else { 1 };
    }
    (i + 1).min(chars.len())
}

/// The end of a raw string that begins at `start`; `None` for a raw identifier.
fn raw_string(chars: &[char], start: usize) -> Option<usize> {
    let hashes = chars[start + 1..].iter().take_while(|c| **c == '#').count();
    (chars.get(start + 1 + hashes) == Some(&'"')).then_some(())?;
    let close: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
    let body = start + 2 + hashes;
    let found = chars[body..].windows(close.len()).position(|w| w == close);
    Some(found.map_or(chars.len(), |p| body + p + close.len()))
}

fn starts(tokens: &[Token], words: &[&str]) -> bool {
    tokens.len() >= words.len() && tokens.iter().zip(words).all(|(t, w)| t.text == *w)
}

/// The tokens outside `#[cfg(test)]` items.
fn without_tests(tokens: Vec<Token>) -> Vec<Token> {
    let (mut kept, mut rest) = (Vec::new(), tokens.as_slice());
    while !rest.is_empty() {
        if starts(rest, &["#", "!", "[", "cfg", "(", "test", ")", "]"]) {
            break;
        }
        if starts(rest, &["#", "[", "cfg", "(", "test", ")", "]"]) {
            rest = &rest[7 + item(&rest[7..])..];
            continue;
        }
        kept.push(Token { text: rest[0].text.clone(), line: rest[0].line });
        rest = &rest[1..];
    }
    kept
}

/// How many tokens the item has: up to its `;`, or the end of its braces.
fn item(tokens: &[Token]) -> usize {
    let mut depth = 0;
    for (n, token) in tokens.iter().enumerate() {
        match token.text.as_str() {
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" => depth -= 1,
            _ => {}
        }
        if depth == 0 && matches!(token.text.as_str(), ";" | "}") {
            return n + 1;
        }
    }
    tokens.len()
}

/// Every name that follows `crate::`, or enough `super::` to reach the crate's root from a module `depth` deep.
fn named(tokens: &[Token], depth: usize) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (n, token) in tokens.iter().enumerate() {
        let follows_path = n > 0 && tokens[n - 1].text == ":";
        let path = &tokens[n..];
        if token.text == "crate" && !follows_path && starts(&path[1..], &[":", ":"]) {
            found.extend(firsts(&path[3..]));
        } else if token.text == "super" && !follows_path {
            let ups = path.chunks(3).take_while(|c| starts(c, &["super", ":", ":"])).count();
            if ups >= depth {
                found.extend(firsts(&path[3 * ups..]));
            }
        }
    }
    found
}

/// The first name of a path, or of each path of a `{…}` group.
fn firsts(tokens: &[Token]) -> Vec<(usize, String)> {
    let own = |t: &Token| (t.line, t.text.clone());
    if tokens.first().is_none_or(|t| t.text != "{") {
        return tokens.first().map(own).into_iter().collect();
    }
    let (mut found, mut depth) = (Vec::new(), 0);
    for pair in tokens.windows(2) {
        match pair[0].text.as_str() {
            "{" => depth += 1,
            "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            break;
        }
        if depth == 1 && matches!(pair[0].text.as_str(), "{" | ",") && pair[1].text != "}" {
            found.push(own(&pair[1]));
        }
    }
    found
}

fn allowed(floor: &str, name: &str) -> bool {
    let list = FLOORS.iter().find(|(f, _)| *f == floor).map(|(_, list)| *list);
    floor == name || (name == "model" && !BOTTOM.contains(&floor)) || list.is_some_and(|l| l.contains(&name))
}

/// What a file of the crate names against the rules, as `file:line: report names net`.
fn complaints(file: &str, source: &str) -> Vec<String> {
    let path = file.trim_start_matches("src/").trim_end_matches(".rs").trim_end_matches("/mod");
    let floor = path.split('/').next().unwrap();
    if matches!(floor, "lib" | "main") {
        return Vec::new();
    }
    if !FLOORS.iter().any(|(f, _)| *f == floor) {
        return vec![format!("{file}:1: {floor} is no floor of tests/floors.rs")];
    }
    let names = named(&without_tests(tokens(source)), path.split('/').count());
    let against = names.into_iter().filter(|(_, name)| !allowed(floor, name));
    against.map(|(line, name)| format!("{file}:{line}: {floor} names {name}")).collect()
}

fn too_long(file: &str, source: &str) -> Option<String> {
    let code = source.split("\n#[cfg(test)]\nmod ").next().unwrap();
    let lines = code.lines().count();
    let excused = source.lines().take(20).any(|l| l.starts_with("// size: "));
    let most = if file == "src/main.rs" { LONGEST_MAIN } else { LONGEST_FILE };
    let why = if excused { None } else { Some("say why in a line `// size: …`, or split it") };
    why.filter(|_| lines > most).map(|why| format!("{file}:1: {lines} lines, more than {most}: {why}"))
}

/// Every source file but those of tests, by its path from the repository's root.
fn sources() -> Vec<(String, String)> {
    fn walk(dir: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let test = path.file_stem().is_some_and(|s| s == "tests");
            if path.is_dir() && !test {
                walk(&path, found);
            } else if path.extension().is_some_and(|e| e == "rs") && !test {
                found.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    walk(&root.join("src"), &mut found);
    found.sort();
    let name = |p: &PathBuf| p.strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/");
    found.iter().map(|p| (name(p), fs::read_to_string(p).unwrap())).collect()
}

#[test]
fn no_module_names_a_floor_that_it_may_not_know() {
    let sources = sources();
    assert!(sources.len() > 10, "the source was not found");
    let all: Vec<String> = sources.iter().flat_map(|(file, source)| complaints(file, source)).collect();
    assert!(all.is_empty(), "\n{}\n", all.join("\n"));
}

#[test]
fn no_file_is_too_long_without_a_reason() {
    let all: Vec<String> = sources().iter().filter_map(|(file, source)| too_long(file, source)).collect();
    assert!(all.is_empty(), "\n{}\n", all.join("\n"));
}

#[test]
fn no_module_has_a_name_that_says_nothing() {
    let says_nothing = |file: &str| {
        let mut parts = file.trim_end_matches(".rs").split('/');
        parts.any(|p| ["util", "utils", "common", "helper", "helpers", "manager", "misc"].contains(&p))
    };
    let all: Vec<String> = sources().into_iter().map(|(file, _)| file).filter(|f| says_nothing(f)).collect();
    assert!(all.is_empty(), "{all:?}");
}

#[test]
fn every_way_of_naming_is_seen() {
    let seen = |file: &str, source: &str| complaints(file, source);
    assert_eq!(seen("src/report/json.rs", "\nuse crate::net::tls;"), ["src/report/json.rs:2: report names net"]);
    assert_eq!(
        seen("src/report/json.rs", "fn f() { crate::judge::judge() }"),
        ["src/report/json.rs:1: report names judge"]
    );
    let group = "use crate::{\n model::{Report, net},\n net::{self, tls},\n probe,\n};";
    assert_eq!(
        seen("src/report/mod.rs", group),
        ["src/report/mod.rs:3: report names net", "src/report/mod.rs:4: report names probe"]
    );
    assert_eq!(seen("src/report/mod.rs", "use super::net;"), ["src/report/mod.rs:1: report names net"]);
    assert_eq!(seen("src/report/json.rs", "use super::super::net;"), ["src/report/json.rs:1: report names net"]);
    assert_eq!(seen("src/wire/stun.rs", "use crate::model::Status;"), ["src/wire/stun.rs:1: wire names model"]);
    assert_eq!(seen("src/odd/mod.rs", ""), ["src/odd/mod.rs:1: odd is no floor of tests/floors.rs"]);
}

#[test]
fn what_is_no_import_is_not_seen() {
    let fine = |file: &str, source: &str| assert_eq!(complaints(file, source), Vec::<String>::new(), "{source}");
    fine("src/report/json.rs", "use super::text; use crate::model::net; use crate::report::net;");
    fine(
        "src/report/json.rs",
        "// crate::net\n/* crate::net /* */ crate::net */ const A: &str = \"crate::net\\\"crate::net\";",
    );
    fine("src/report/json.rs", "const A: &str = r#\"crate::net\"#; const B: char = '\"'; fn f<'a>(_: &'a str) {}");
    fine("src/report/json.rs", "#[cfg(test)]\nmod tests { use crate::net; fn f() { g::<{ 1 }>() } }");
    fine("src/report/json.rs", "#[cfg(test)] use crate::net;\npub(crate) fn f() {}");
    fine("src/lib.rs", "pub mod net;");
}

#[test]
fn a_long_file_needs_a_reason() {
    let long = "//! Long.\n".repeat(501);
    assert!(too_long("src/a.rs", &long).is_some());
    assert_eq!(too_long("src/a.rs", &format!("// size: one table.\n{long}")), None);
    assert_eq!(too_long("src/a.rs", &format!("\n#[cfg(test)]\nmod tests {{\n{long}")), None);
    assert!(too_long("src/main.rs", &"//\n".repeat(61)).is_some());
}
