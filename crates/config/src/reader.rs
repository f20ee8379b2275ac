//! Takes the keys of one table by precedence (flags, environment, file, defaults), parses them, and remembers where
//! each came from.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use base::{ByteSize, HumanDuration};

use crate::Secret;
use crate::document::{Environment, Text, Value, Values};
use crate::error::Problem;
use crate::key::{Kind, Section, quoted};
use crate::load::Flag;
use crate::origin::{Origin, Setting, mask};

/// What lies over the file, and where findings go.
pub(crate) struct Layers {
    pub flags: Vec<Flag>,
    pub env: Environment,
    /// The folder from which relative paths of flags and environment are meant.
    pub folder: PathBuf,
    /// The folder from which relative paths of the file are meant.
    pub file_folder: PathBuf,
    pub problems: Vec<Problem>,
    pub settings: Vec<Setting>,
}

impl Layers {
    /// What lies over the file.
    pub(crate) fn over(&self, key: &str) -> Option<(String, Origin)> {
        if let Some(flag) = self.flags.iter().find(|flag| flag.key == key) {
            return Some((flag.value.clone(), Origin::Flag(flag.name.to_owned())));
        }
        let name = variable(key);
        self.env.get(&name).map(|value| (value.clone(), Origin::Environment(name)))
    }

    pub(crate) fn problem(&mut self, place: &Origin, message: String) {
        self.problems.push(Problem { place: place.to_string(), message });
    }

    /// What is wrong with a key. A flag or a variable is a name already.
    fn wrong(&mut self, place: &Origin, key: &str, reason: String) {
        let named = matches!(place, Origin::Flag(_) | Origin::Environment(_));
        self.problem(place, if named { reason } else { format!("{key}: {reason}") });
    }
}

pub(crate) struct Reader<'a> {
    layers: &'a mut Layers,
    section: &'static Section,
    /// `queue.`, `stream.web.`
    prefix: String,
    values: &'a Values,
    /// Flags and environment lie over it.
    layered: bool,
}

/// `queue.retention_bytes` → `LOGDRIVE_QUEUE_RETENTION_BYTES`
pub(crate) fn variable(key: &str) -> String {
    format!("LOGDRIVE_{}", key.replace('.', "_").to_ascii_uppercase())
}

fn chosen<T: Copy>(text: &str, words: &[&str], values: &[T]) -> Result<T, String> {
    let value = words.iter().position(|word| *word == text).and_then(|at| values.get(at));
    value.copied().ok_or_else(|| match base::nearest(text, words.iter().copied()) {
        Some(near) if words.len() > 3 => format!("'{text}' is none of {}; did you mean '{near}'?", quoted(words)),
        _ => format!("'{text}' is none of {}", quoted(words)),
    })
}

fn truth(text: &str) -> Result<bool, String> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err(format!("'{text}' is neither true nor false")),
    }
}

static NO_VALUES: Values = Values::new();

impl<'a> Reader<'a> {
    pub(crate) fn new(layers: &'a mut Layers, section: &'static Section, values: Option<&'a Values>) -> Self {
        let prefix = if section.name.is_empty() { String::new() } else { format!("{}.", section.name) };
        Self { layers, section, prefix, values: values.unwrap_or(&NO_VALUES), layered: true }
    }

    /// For one of several tables of a kind: nothing lies over the file, and settings are shown under `name`.
    pub(crate) fn named(mut self, name: &str) -> Self {
        self.prefix = format!("{}.{name}.", self.section.name);
        self.layered = false;
        self
    }

    fn value(&self, key: &'static str, default: &str) -> Value {
        let over = if self.layered { self.layers.over(&format!("{}{key}", self.prefix)) } else { None };
        match (over, self.values.get(key)) {
            (Some((text, origin)), _) => Value { text: Text::One(text), origin },
            (None, Some(value)) => value.clone(),
            (None, None) => Value { text: Text::One(default.to_owned()), origin: Origin::Default },
        }
    }

    fn note(&mut self, key: &'static str, value: &str, origin: &Origin) {
        let secret = self.section.key(key).is_some_and(|key| key.kind == Kind::Secret) && !value.is_empty();
        let value = if secret { "***".to_owned() } else { mask(value) };
        let key = format!("{}{key}", self.prefix);
        self.layers.settings.push(Setting { key, value, origin: origin.to_string() });
    }

    /// A value, or the parsed default where it is wrong (and said to be).
    fn take<T>(
        &mut self,
        key: &'static str,
        default: &str,
        parse: impl Fn(&str, &Origin) -> Result<T, String>,
    ) -> (T, Origin) {
        let value = self.value(key, default);
        let Text::One(text) = &value.text else { unreachable!("{key} is declared as a single value") };
        self.note(key, text, &value.origin);
        match parse(text, &value.origin) {
            Ok(parsed) => (parsed, value.origin),
            Err(reason) => {
                self.layers.wrong(&value.origin, key, reason);
                match parse(default, &Origin::Default) {
                    Ok(parsed) => (parsed, value.origin),
                    Err(reason) => unreachable!("the default of {key} does not parse: {reason}"),
                }
            }
        }
    }

    fn declared_default(&self, key: &'static str) -> &'static str {
        self.section.key(key).map_or("", |key| key.default)
    }

    /// A value whose default depends on the machine or on other keys.
    pub(crate) fn or<T>(&mut self, key: &'static str, default: &str, parse: impl Fn(&str) -> Result<T, String>) -> T {
        self.take(key, default, |text, _| parse(text)).0
    }

    pub(crate) fn parse<T>(&mut self, key: &'static str, parse: impl Fn(&str) -> Result<T, String>) -> T {
        self.or(key, self.declared_default(key), parse)
    }

    pub(crate) fn text(&mut self, key: &'static str) -> String {
        self.parse(key, |text| Ok(text.to_owned()))
    }

    /// `None` where nobody says anything, or nothing.
    pub(crate) fn text_given(&mut self, key: &'static str) -> Option<String> {
        self.parse_given(key, |text| Ok(text.to_owned()))
    }

    /// `None` where nobody says anything, or nothing.
    pub(crate) fn parse_given<T>(&mut self, key: &'static str, parse: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        self.parse(key, |text| if text.is_empty() { Ok(None) } else { parse(text).map(Some) })
    }

    pub(crate) fn secret(&mut self, key: &'static str) -> Secret {
        self.parse(key, |text| Ok(Secret::new(text)))
    }

    pub(crate) fn bool(&mut self, key: &'static str) -> bool {
        self.parse(key, truth)
    }

    /// One whose default depends on other keys.
    pub(crate) fn bool_or(&mut self, key: &'static str, default: bool) -> bool {
        self.or(key, if default { "true" } else { "false" }, truth)
    }

    /// One of the words that the key is declared with; `values` are what they mean, in their order.
    pub(crate) fn choice<T: Copy, const N: usize>(&mut self, key: &'static str, values: [T; N]) -> T {
        let words = self.words(key);
        self.parse(key, |text| chosen(text, words, &values))
    }

    /// The same; `None` where nobody says anything.
    pub(crate) fn choice_given<T: Copy, const N: usize>(&mut self, key: &'static str, values: [T; N]) -> Option<T> {
        let words = self.words(key);
        self.parse_given(key, |text| chosen(text, words, &values))
    }

    fn words(&self, key: &'static str) -> &'static [&'static str] {
        let Some(Kind::Choice(words)) = self.section.key(key).map(|key| key.kind) else {
            unreachable!("{key} is not declared as a choice")
        };
        words
    }

    pub(crate) fn size(&mut self, key: &'static str) -> ByteSize {
        self.parse(key, FromStr::from_str)
    }

    pub(crate) fn duration(&mut self, key: &'static str) -> Duration {
        self.parse(key, |text| HumanDuration::from_str(text).map(|duration| duration.0))
    }

    pub(crate) fn size_or_never(&mut self, key: &'static str) -> Option<ByteSize> {
        self.parse(key, |text| if text == "never" { Ok(None) } else { text.parse().map(Some) })
    }

    pub(crate) fn duration_or_never(&mut self, key: &'static str) -> Option<Duration> {
        self.parse(key, |text| match text {
            "never" => Ok(None),
            text => HumanDuration::from_str(text).map(|duration| Some(duration.0)),
        })
    }

    pub(crate) fn count<T: TryFrom<u64>>(&mut self, key: &'static str) -> T {
        let Some(Kind::Count(min, max)) = self.section.key(key).map(|key| key.kind) else {
            unreachable!("{key} is not declared as a number")
        };
        self.parse(key, |text| {
            let wrong = || format!("'{text}' is out of bounds; write a whole number from {min} to {max}");
            let number: u64 = text.trim().parse().map_err(|_| wrong())?;
            if (min..=max).contains(&number) { T::try_from(number).map_err(|_| wrong()) } else { Err(wrong()) }
        })
    }

    /// An absolute path: what is relative is meant from where it was written.
    pub(crate) fn path(&mut self, key: &'static str, default: &str) -> PathBuf {
        let (path, origin) = self.take(key, default, |text, _| match text {
            "" => Err("a path must not be empty".to_owned()),
            text => Ok(PathBuf::from(text)),
        });
        let folder = if matches!(origin, Origin::File { .. }) { &self.layers.file_folder } else { &self.layers.folder };
        folder.join(path)
    }

    /// The same; `None` where nobody says anything, or nothing.
    pub(crate) fn path_given(&mut self, key: &'static str) -> Option<PathBuf> {
        let (text, origin) = self.take(key, "", |text, _| Ok(text.to_owned()));
        let folder = if matches!(origin, Origin::File { .. }) { &self.layers.file_folder } else { &self.layers.folder };
        (!text.is_empty()).then(|| folder.join(text))
    }

    /// A list, with the place of each of its texts; `default` where the key is not given.
    pub(crate) fn list(&mut self, key: &'static str, default: &[&str]) -> Vec<(String, Origin)> {
        let items = match self.values.get(key).map(|value| value.text.clone()) {
            Some(Text::Many(items)) => items,
            Some(Text::One(_)) => unreachable!("{key} is declared as a list"),
            None => default.iter().map(|text| ((*text).to_owned(), Origin::Default)).collect(),
        };
        let shown = quoted(&items.iter().map(|(text, _)| text.as_str()).collect::<Vec<_>>());
        let origin = self.origin(key);
        self.note(key, &format!("[{shown}]"), &origin);
        items
    }

    /// Where the value of a key stands.
    pub(crate) fn origin(&self, key: &'static str) -> Origin {
        self.value(key, "").origin
    }

    /// Whether somebody said something.
    pub(crate) fn given(&self, key: &'static str) -> bool {
        self.origin(key) != Origin::Default
    }

    /// Notes of each of these keys that was given why it should not have been.
    pub(crate) fn refuse(&mut self, keys: &[&'static str], why: &str) {
        for key in keys {
            if self.given(key) {
                self.wrong(key, format!("it {why}"));
            }
        }
    }

    /// The folder from which relative paths of this table are meant.
    pub(crate) fn base_folder(&self) -> &Path {
        &self.layers.file_folder
    }

    /// Notes that the value of a key, though it parses, is not right.
    pub(crate) fn wrong(&mut self, key: &'static str, reason: String) {
        let place = self.origin(key);
        self.layers.wrong(&place, key, reason);
    }

    /// Notes a mistake at a place.
    pub(crate) fn wrong_at(&mut self, origin: &Origin, reason: String) {
        self.layers.problem(origin, reason);
    }
}
