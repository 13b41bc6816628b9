//! Values of AMF0 (Adobe's "Action Message Format"), as RTMP's commands hold them. Nested and counted within bounds.

/// Objects and arrays in one another.
const DEEPEST: usize = 8;
/// Values of one message.
const MOST: usize = 512;

/// A value. A date is its number, an array with names is an object, XML and long strings are strings.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Number(f64),
    Boolean(bool),
    String(String),
    Object(Vec<(String, Value)>),
    Array(Vec<Value>),
    /// Null, undefined, unsupported, or a reference to a value before.
    Null,
}

/// Bytes that are no AMF0, or exceed the bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

impl Value {
    /// A string.
    pub fn text(&self) -> Option<&str> {
        match self {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// A number.
    pub fn number(&self) -> Option<f64> {
        match self {
            Value::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// An object's member.
    pub fn member(&self, name: &str) -> Option<&Value> {
        match self {
            Value::Object(members) => members.iter().find(|(n, _)| n == name).map(|(_, value)| value),
            _ => None,
        }
    }
}

/// The values one after another.
pub fn encode(values: &[Value]) -> Vec<u8> {
    let mut out = Vec::new();
    values.iter().for_each(|v| put(v, &mut out));
    out
}

fn put(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Number(number) => {
            out.push(0);
            out.extend(number.to_be_bytes());
        }
        Value::Boolean(boolean) => out.extend([1, u8::from(*boolean)]),
        Value::String(text) => {
            out.push(2);
            put_name(text, out);
        }
        Value::Object(members) => {
            out.push(3);
            for (name, value) in members {
                put_name(name, out);
                put(value, out);
            }
            out.extend([0, 0, 9]);
        }
        Value::Array(values) => {
            out.push(10);
            out.extend(u32::try_from(values.len()).unwrap_or(u32::MAX).to_be_bytes());
            values.iter().for_each(|v| put(v, out));
        }
        Value::Null => out.push(5),
    }
}

/// What has more bytes than its length can say is cut.
fn put_name(text: &str, out: &mut Vec<u8>) {
    let end = (0..=text.len().min(usize::from(u16::MAX))).rev().find(|i| text.is_char_boundary(*i));
    let text = text.get(..end.unwrap_or(0)).unwrap_or_default();
    out.extend(u16::try_from(text.len()).unwrap_or(0).to_be_bytes());
    out.extend(text.as_bytes());
}

/// All values in `bytes`.
///
/// # Errors
/// [`Malformed`].
pub fn decode(bytes: &[u8]) -> Result<Vec<Value>, Malformed> {
    let mut reader = Reader { rest: bytes, left: MOST };
    let mut values = Vec::new();
    while !reader.rest.is_empty() {
        values.push(reader.value(0)?);
    }
    Ok(values)
}

struct Reader<'a> {
    rest: &'a [u8],
    /// Values that may still come.
    left: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(Malformed)?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        self.take(N)?.try_into().map_err(|_| Malformed)
    }

    fn name(&mut self) -> Result<String, Malformed> {
        let length = u16::from_be_bytes(self.array()?);
        Ok(String::from_utf8_lossy(self.take(length.into())?).into_owned())
    }

    fn long(&mut self) -> Result<String, Malformed> {
        let length = u32::from_be_bytes(self.array()?);
        let bytes = self.take(usize::try_from(length).map_err(|_| Malformed)?)?;
        Ok(String::from_utf8_lossy(bytes).into_owned())
    }

    /// The markers of section 2.1.
    fn value(&mut self, depth: usize) -> Result<Value, Malformed> {
        self.left = self.left.checked_sub(1).ok_or(Malformed)?;
        if depth > DEEPEST {
            return Err(Malformed);
        }
        let [marker] = self.array()?;
        Ok(match marker {
            0 => Value::Number(f64::from_be_bytes(self.array()?)),
            1 => Value::Boolean(self.array()? != [0]),
            2 => Value::String(self.name()?),
            3 => self.members(depth)?,
            5 | 6 | 13 => Value::Null,
            7 => {
                self.take(2)?;
                Value::Null
            }
            // Its count is a hint and its end is marked, so the count is read past.
            8 => {
                self.take(4)?;
                self.members(depth)?
            }
            10 => {
                let count = u32::from_be_bytes(self.array()?);
                let mut values = Vec::new();
                for _ in 0..count {
                    values.push(self.value(depth + 1)?);
                }
                Value::Array(values)
            }
            11 => {
                let date = f64::from_be_bytes(self.array()?);
                self.take(2)?;
                Value::Number(date)
            }
            12 | 15 => Value::String(self.long()?),
            16 => {
                self.name()?;
                self.members(depth)?
            }
            _ => return Err(Malformed),
        })
    }

    /// Names and values up to an empty name and the marker of the end.
    fn members(&mut self, depth: usize) -> Result<Value, Malformed> {
        let mut members = Vec::new();
        loop {
            let name = self.name()?;
            if name.is_empty() && self.rest.first() == Some(&9) {
                self.take(1)?;
                return Ok(Value::Object(members));
            }
            members.push((name, self.value(depth + 1)?));
        }
    }
}
