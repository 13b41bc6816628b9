//! Headers that an operator adds to what is sent: tokens and keys above all. Nothing here shows a value.

use hyper::header::{HeaderMap, HeaderName, HeaderValue};

use crate::model::Secret;
use crate::wire::percent::decoded;

/// Most headers that are taken.
const MOST: usize = 50;

/// What belongs to the connection or says how the body is framed.
const OURS: [&str; 9] = [
    "connection",
    "content-encoding",
    "content-length",
    "host",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Names and values, all marked as sensitive.
#[derive(Clone, Debug, Default)]
pub struct Headers(HeaderMap);

impl Headers {
    /// Reads lines (`Name: value`), or a list (`name=value,name=value`) whose values may be percent-encoded, as OTLP's
    /// variables have it. An error repeats no value and no name.
    ///
    /// # Errors
    /// A clause that says which line or entry is wrong.
    pub fn read(text: &str) -> Result<Self, String> {
        let lines = text.find(':').is_some_and(|colon| text.find('=').is_none_or(|equals| colon < equals));
        if lines { Self::lines(text) } else { Self::list(text) }
    }

    fn lines(text: &str) -> Result<Self, String> {
        let mut headers = Self::default();
        for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let which = || format!("line {}", at + 1);
            let (name, value) = line.split_once(':').ok_or_else(|| format!("{} is not `Name: value`", which()))?;
            headers.add(name.trim(), value.trim(), &which())?;
        }
        Ok(headers)
    }

    /// The list of OTEL_EXPORTER_OTLP_HEADERS.
    ///
    /// # Errors
    /// A clause that says which entry is wrong.
    pub fn list(text: &str) -> Result<Self, String> {
        let mut headers = Self::default();
        for (at, entry) in text.split(',').enumerate().filter(|(_, entry)| !entry.trim().is_empty()) {
            let which = format!("entry {}", at + 1);
            let (name, value) = entry.split_once('=').ok_or_else(|| format!("{which} is not `name=value`"))?;
            let value =
                decoded(value.trim()).ok_or_else(|| format!("the value of {which} is not rightly percent-encoded"))?;
            headers.add(name.trim(), &value, &which)?;
        }
        Ok(headers)
    }

    fn add(&mut self, name: &str, value: &str, which: &str) -> Result<(), String> {
        let name = HeaderName::try_from(name).map_err(|_| format!("{which} has no name that a header can have"))?;
        if OURS.contains(&name.as_str()) {
            return Err(format!(
                "{which}: `{name}` is not for you to set: it says how this program's request is carried"
            ));
        }
        let mut value = HeaderValue::from_str(value).map_err(|_| {
            format!("the value of `{name}` ({which}) has signs that no header can have, such as a line's end")
        })?;
        value.set_sensitive(true);
        if self.0.len() >= MOST {
            return Err(format!("there are more than {MOST}"));
        }
        self.0.append(name, value);
        Ok(())
    }

    /// Puts them into a request's, in place of any of the same name.
    pub(super) fn put_into(&self, headers: &mut HeaderMap) {
        for name in self.0.keys() {
            headers.remove(name);
        }
        for (name, value) in &self.0 {
            headers.append(name.clone(), value.clone());
        }
    }

    /// There are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Every value, and each word of it, so that what a peer says again is found.
    pub(super) fn secrets(&self) -> Vec<Secret> {
        let values = self.0.values().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        let words = |value: String| {
            let parts: Vec<String> = value.split([' ', ',', ';', '=', '"']).map(str::to_owned).collect();
            parts.into_iter().chain([value])
        };
        values.flat_map(words).filter(|part| part.len() >= 6).map(Secret::new).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Result<Vec<String>, String> {
        let Headers(map) = Headers::read(text)?;
        Ok(map.iter().map(|(name, value)| format!("{name}={}", value.to_str().unwrap())).collect())
    }

    #[test]
    fn lines_and_lists_are_read() {
        assert_eq!(
            shown("Authorization: Bearer a=b,c\n\nX-Site: office 3\n").unwrap(),
            ["authorization=Bearer a=b,c", "x-site=office 3"]
        );
        assert_eq!(
            shown("authorization=Bearer%20abc%3D, x-site = 7,").unwrap(),
            ["authorization=Bearer abc=", "x-site=7"]
        );
        assert_eq!(shown("").unwrap().len(), 0);
        assert_eq!(shown("api-key=a:b").unwrap(), ["api-key=a:b"]);
    }

    #[test]
    fn what_would_break_a_request_is_refused_and_not_repeated() {
        for text in [
            "Authorization hunter2\nX: y",
            "x: y\nhunter2",
            "x=hunter2%0d%0aEvil: 1",
            "x=hunter2%zz",
            "x=hunter2%",
            "x=hunter2%+1",
            "hunter2",
            "Host: hunter2",
            "content-length=hunter2",
            "transfer-encoding=hunter2",
            "hunter2 x: y",
        ] {
            let error = shown(text).unwrap_err();
            assert!(!error.contains("hunter2"), "{error}");
        }
        let many = "x=hunter2,".repeat(51);
        assert!(shown(&many).unwrap_err().contains("more than 50"));
        assert!(!format!("{:?}", Headers::read("x=hunter2").unwrap()).contains("hunter2"));
    }
}
