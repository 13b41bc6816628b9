//! Reads `[sizing]`, lays it over that of a base, and holds its rows against each other. Knows the format of the tables;
//! knows nothing of what is computed from them.

use crate::model::Source;

use super::{
    About, Between, Mode, PlatformKind, PlatformNeed, Rate, RateOp, Recording, Resolution, ServerModel, ServerSize,
    Sizing, SizingNote, StreamNeed,
};
use crate::profile::layer::{Documents, NAME, lay, read_source};
use crate::profile::read::{At, Problems, Table, Value, one_of};
use crate::profile::syntax::is_name;

/// `[sizing]` as a file gives it; the place of a row is that of the field that names rows of another table.
#[derive(Default)]
pub(in crate::profile) struct RawSizing {
    platform: Vec<PlatformNeed>,
    servers: Vec<(ServerSize, Vec<At<String>>)>,
    models: Vec<ServerModel>,
    modes: Vec<Mode>,
    stream: Option<StreamNeed>,
    recordings: Vec<(Recording, At<String>)>,
    notes: Vec<(SizingNote, Vec<At<String>>)>,
}

/// Told of every name that no row declares: what it should name, the name, the names there are.
type Undeclared<'u> = &'u mut dyn FnMut(&str, &At<String>, &[&str]);

const TABLES: [&str; 7] = ["platform", "servers", "models", "modes", "stream", "recordings", "notes"];

/// Reads the table of the top level.
pub(in crate::profile) fn read_sizing(value: Value<'_>, documents: &Documents, p: &mut Problems) -> Option<RawSizing> {
    let table = p.table(value, value.span(), "sizing")?;
    p.unknown_keys(&table, "`sizing`", &TABLES);
    let stream = table.get("stream").and_then(|v| p.table(v, v.span(), "stream"));
    let stream = stream.and_then(|t| read_stream(&mut Fields { table: &t, what: "stream", documents, p }));
    let mut rows = Rows { table: &table, documents, p };
    Some(RawSizing {
        platform: rows.read("platform", "platform's row", read_platform, |n| n.name.clone()),
        servers: rows.read("servers", "server", read_server, |(s, _)| s.channels.to_string()),
        models: rows.read("models", "model", read_model, |m| m.name.clone()),
        modes: rows.read("modes", "mode", read_mode, |m| m.name.clone()),
        stream,
        recordings: rows.read("recordings", "recording", read_recording, |(r, _)| cell(r)),
        notes: rows.read("notes", "note", read_note, |(n, _)| n.name.clone()),
    })
}

/// What names a cell of the table of recordings.
fn cell(recording: &Recording) -> String {
    format!("{} {} min", recording.mode, recording.minutes)
}

impl RawSizing {
    /// These tables laid over those of `base`, row by row.
    pub(in crate::profile) fn over(self, base: Self) -> Self {
        Self {
            platform: lay(self.platform, base.platform, |n| n.name.clone()),
            servers: lay(self.servers, base.servers, |(s, _)| s.channels.to_string()),
            models: lay(self.models, base.models, |m| m.name.clone()),
            modes: lay(self.modes, base.modes, |m| m.name.clone()),
            stream: self.stream.or(base.stream),
            recordings: lay(self.recordings, base.recordings, |(r, _)| cell(r)),
            notes: lay(self.notes, base.notes, |(n, _)| n.name.clone()),
        }
    }

    /// The tables in order, every name in them declared.
    pub(in crate::profile) fn resolve(self, undeclared: Undeclared<'_>) -> Sizing {
        let models: Vec<&str> = self.models.iter().map(|m| m.name.as_str()).collect();
        for name in self.servers.iter().flat_map(|(_, names)| names).filter(|n| !models.contains(&n.value.as_str())) {
            undeclared("model", name, &models);
        }
        let modes: Vec<&str> = self.modes.iter().map(|m| m.name.as_str()).collect();
        let named = self.recordings.iter().map(|(_, name)| name).chain(self.notes.iter().flat_map(|(_, names)| names));
        for name in named.filter(|n| !modes.contains(&n.value.as_str())) {
            undeclared("mode", name, &modes);
        }
        let mut servers: Vec<ServerSize> = self.servers.into_iter().map(|(server, _)| server).collect();
        servers.sort_by_key(|s| s.channels);
        let mut recordings: Vec<Recording> = self.recordings.into_iter().map(|(recording, _)| recording).collect();
        recordings.sort_by_key(|r| (self.modes.iter().position(|m| m.name == r.mode), r.minutes));
        Sizing {
            platform: self.platform,
            servers,
            models: self.models,
            modes: self.modes,
            stream: self.stream,
            recordings,
            notes: self.notes.into_iter().map(|(note, _)| note).collect(),
        }
    }
}

/// The arrays of `[sizing]`.
struct Rows<'r, 't> {
    table: &'r Table<'t>,
    documents: &'r Documents,
    p: &'r mut Problems,
}

impl Rows<'_, '_> {
    /// The rows of one array, none twice by its key.
    fn read<T>(
        &mut self,
        array: &str,
        what: &'static str,
        read: fn(&mut Fields<'_, '_>) -> Option<T>,
        key: fn(&T) -> String,
    ) -> Vec<T> {
        let Some(value) = self.table.get(array) else { return Vec::new() };
        let mut rows: Vec<T> = Vec::new();
        let mut seen = std::collections::BTreeSet::new();
        for table in self.p.tables(value, &format!("sizing.{array}")) {
            let mut fields = Fields { table: &table, what, documents: self.documents, p: self.p };
            let Some(row) = read(&mut fields) else { continue };
            if seen.insert(key(&row)) {
                rows.push(row);
            } else {
                self.p.add(&table.at, format!("there is a {what} `{}` already", key(&row)), "one of each");
            }
        }
        rows
    }
}

/// The fields of one row.
struct Fields<'f, 't> {
    table: &'f Table<'t>,
    what: &'static str,
    documents: &'f Documents,
    p: &'f mut Problems,
}

impl<'t> Fields<'_, 't> {
    /// Reports the keys that are in neither list, and those of `required` that are missing.
    fn only(&mut self, required: &[&str], optional: &[&str]) {
        let known = [required, optional].concat();
        self.p.unknown_keys(self.table, &format!("a {}", self.what), &known);
        for field in required.iter().filter(|f| self.table.get(f).is_none()) {
            self.p.add(&self.table.at, format!("the {} has no `{field}`", self.what), required.join(", "));
        }
    }

    fn value(&self, field: &str) -> Option<Value<'t>> {
        self.table.get(field)
    }

    fn text(&mut self, field: &str) -> Option<String> {
        self.value(field).and_then(|v| self.p.text(v, field)).map(|t| t.value)
    }

    fn name(&mut self, field: &str) -> Option<At<String>> {
        self.value(field).and_then(|v| self.p.text_that(v, field, is_name, NAME))
    }

    fn source(&mut self) -> Option<Source> {
        self.value("source").and_then(|v| read_source(v, self.documents, self.p))
    }

    /// A whole number of 1 to `most`.
    fn count(&mut self, field: &str, most: u32) -> Option<u32> {
        let value = self.value(field)?;
        let expected = format!("a whole number from 1 to {most}");
        let number = self.p.integer(value, field, &expected)?;
        let count = u32::try_from(number).ok().filter(|n| (1..=most).contains(n));
        if count.is_none() {
            self.p.add(&value.span(), format!("`{field}` cannot be {number}"), expected);
        }
        count
    }

    /// A number above 0 and at most `most`.
    fn amount(&mut self, field: &str, most: f64, unit: &str) -> Option<f64> {
        let value = self.value(field)?;
        let expected = format!("{unit} as a number above 0 and at most {most}");
        let number = self.p.quantity(value, field, &expected)?;
        if number > 0.0 && number <= most {
            return Some(number);
        }
        self.p.add(&value.span(), format!("`{field}` cannot be {number}"), expected);
        None
    }

    /// Two whole numbers from 1 to `most`, joined by `sign`.
    fn pair(&mut self, field: &str, sign: char, most: u32, expected: &str) -> Option<(u32, u32)> {
        let value = self.value(field)?;
        let text = self.p.text(value, field)?.value;
        let number = |t: &str| t.parse::<u32>().ok().filter(|n| (1..=most).contains(n));
        let pair = text.split_once(sign).and_then(|(a, b)| Some((number(a)?, number(b)?)));
        if pair.is_none() {
            self.p.add(&value.span(), format!("`{field}` cannot be `{text}`"), expected);
        }
        pair
    }

    /// `4`, or `"1-2"`.
    fn between(&mut self, field: &str, most: u32) -> Option<Between> {
        if self.value(field)?.get_ref().is_integer() {
            return self.count(field, most).map(|n| Between { least: n, most: n });
        }
        let expected = format!("a whole number from 1 to {most}, or two such as \"1-2\"");
        let (least, most) = self.pair(field, '-', most, &expected)?;
        if least > most {
            let at = self.value(field)?.span();
            self.p.add(&at, format!("`{field}` runs backwards from {least} to {most}"), expected);
            return None;
        }
        Some(Between { least, most })
    }

    fn resolution(&mut self) -> Option<Resolution> {
        let pair = self.pair("resolution", 'x', 32_768, "columns and rows such as \"640x480\"");
        pair.map(|(width, height)| Resolution { width, height })
    }

    fn rate(&mut self) -> Option<Rate> {
        let words = [("<", RateOp::Below), (">", RateOp::Above)];
        let op = self.value("op").map(|v| self.p.word(v, "op", &words));
        let kbps = self.kbps();
        Some(Rate { op: op.map_or(Some(RateOp::Exactly), |op| op.map(|o| o.value))?, kbps: kbps? })
    }

    fn kbps(&mut self) -> Option<f64> {
        self.amount("kbps", 1e6, "kbit/s")
    }
}

fn read_platform(f: &mut Fields<'_, '_>) -> Option<PlatformNeed> {
    const KINDS: [&str; 5] = ["distribution", "architecture", "latest-lts", "wired", "words"];
    f.only(&["name", "source"], &["distribution", "releases", "architecture", "latest-lts", "wired", "words"]);
    let name = f.name("name");
    let given: Vec<&str> = KINDS.into_iter().filter(|k| f.value(k).is_some()).collect();
    if given.len() != 1 {
        f.p.add(&f.table.at, "the platform's row asks for nothing, or for more than one thing", one_of(&KINDS));
    }
    let distribution = f.name("distribution");
    let releases = f.between("releases", 10_000);
    if f.value("distribution").is_some() != f.value("releases").is_some() {
        f.p.add(&f.table.at, "a distribution and its releases go together", "distribution, releases");
    }
    let (architecture, words) = (f.text("architecture"), f.text("words"));
    let (latest, wired) = (f.name("latest-lts"), f.value("wired").and_then(|v| f.p.flag(v, "wired")));
    if wired.as_ref().is_some_and(|w| !w.value) {
        f.p.add(&f.table.at, "`wired` asks for nothing where it is false", "true, or no row");
    }
    let source = f.source();
    if given.len() != 1 {
        return None;
    }
    let kind = match (distribution, releases) {
        (Some(id), Some(releases)) => Some(PlatformKind::Distribution { id: id.value, releases }),
        _ => None,
    };
    let kind = kind
        .or_else(|| architecture.map(PlatformKind::Architecture))
        .or_else(|| latest.map(|id| PlatformKind::LatestLts(id.value)))
        .or_else(|| wired.filter(|w| w.value).map(|_| PlatformKind::Wired))
        .or_else(|| words.map(PlatformKind::Words))?;
    Some(PlatformNeed { name: name?.value, kind, source: source? })
}

fn read_server(f: &mut Fields<'_, '_>) -> Option<(ServerSize, Vec<At<String>>)> {
    f.only(&["channels", "cores", "memory_gb", "models", "source"], &[]);
    let (channels, cores) = (f.count("channels", 1_000_000), f.between("cores", 4096));
    let memory_gb = f.amount("memory_gb", 65_536.0, "gigabytes");
    let names = f.value("models").map(|v| f.p.texts(v, "model", |_| true, "names of models"))?;
    let models = names.iter().map(|n| n.value.clone()).collect();
    let source = f.source();
    let server = ServerSize { channels: channels?, cores: cores?, memory_gb: memory_gb?, models, source: source? };
    Some((server, names))
}

fn read_model(f: &mut Fields<'_, '_>) -> Option<ServerModel> {
    f.only(&["name", "title", "cloud", "reference", "source"], &[]);
    let [name, title, cloud, reference] = ["name", "title", "cloud", "reference"].map(|field| f.text(field));
    let source = f.source();
    Some(ServerModel { name: name?, title: title?, cloud: cloud?, reference: reference?, source: source? })
}

fn read_mode(f: &mut Fields<'_, '_>) -> Option<Mode> {
    f.only(&["name", "kbps", "resolution", "fps", "quality", "source"], &["op"]);
    let (name, rate, resolution) = (f.name("name"), f.rate(), f.resolution());
    let (fps, quality, source) = (f.count("fps", 1000), f.text("quality"), f.source());
    Some(Mode {
        name: name?.value,
        rate: rate?,
        resolution: resolution?,
        fps: fps?,
        quality: quality?,
        source: source?,
    })
}

fn read_stream(f: &mut Fields<'_, '_>) -> Option<StreamNeed> {
    f.only(&["kbps", "resolution", "source"], &[]);
    let (kbps, resolution, source) = (f.kbps(), f.resolution(), f.source());
    Some(StreamNeed { kbps: kbps?, resolution: resolution?, source: source? })
}

fn read_recording(f: &mut Fields<'_, '_>) -> Option<(Recording, At<String>)> {
    f.only(&["mode", "kbps", "minutes", "megabytes", "source"], &["op"]);
    let (mode, rate) = (f.name("mode"), f.rate());
    let minutes = f.count("minutes", 10 * 366 * 24 * 60);
    let (megabytes, source) = (f.amount("megabytes", 1e9, "megabytes"), f.source());
    let mode = mode?;
    let recording =
        Recording { mode: mode.value.clone(), rate: rate?, minutes: minutes?, megabytes: megabytes?, source: source? };
    Some((recording, mode))
}

fn read_note(f: &mut Fields<'_, '_>) -> Option<(SizingNote, Vec<At<String>>)> {
    f.only(&["name", "about", "text", "sources"], &["modes"]);
    let words = [
        ("platform", About::Platform),
        ("server", About::Server),
        ("bandwidth", About::Bandwidth),
        ("recording", About::Recording),
    ];
    let name = f.name("name");
    let about = f.value("about").and_then(|v| f.p.word(v, "value of `about`", &words));
    let names = f.value("modes").map(|v| f.p.texts(v, "mode", is_name, NAME)).unwrap_or_default();
    let text = f.text("text");
    let sources = f.value("sources").and_then(|v| read_sources(v, f));
    let modes = names.iter().map(|n| n.value.clone()).collect();
    Some((SizingNote { name: name?.value, about: about?.value, modes, text: text?, sources: sources? }, names))
}

/// An array of sources, at least one, each well.
fn read_sources(value: Value<'_>, f: &mut Fields<'_, '_>) -> Option<Vec<Source>> {
    let items = value.get_ref().as_array().filter(|a| !a.is_empty());
    let Some(items) = items else {
        f.p.add(&value.span(), "`sources` is no array, or holds no source", "an array of { document, section, row }");
        return None;
    };
    let read: Vec<Option<Source>> = items.iter().map(|v| read_source(v, f.documents, f.p)).collect();
    read.into_iter().collect()
}
