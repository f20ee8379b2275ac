//! The formats of lines that are recognised without configuration, and the levels they are folded into.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The shape of the lines of a source. The agent recognises it once and stamps it on every batch, so that parsing
/// after the queue depends on the batch alone.
///
/// The numbers are persisted: never reuse one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Format {
    /// Not recognised: each line is tried by itself.
    #[default]
    Unknown = 0,
    /// Said to have no structure (`parse = "none"`): nothing is looked for.
    Plain = 1,
    /// One JSON object a line.
    Json = 2,
    /// `key=value key="quoted value"`.
    Logfmt = 3,
    /// Common or combined access log of nginx, Apache and others.
    Access = 4,
    /// nginx's error log: `2024/01/31 10:00:00 [error] 12#34: *56 message`.
    NginxError = 5,
    /// Apache's error log: `[Sun Dec 04 04:47:44 2005] [error] message`, old and new style.
    ApacheError = 6,
    /// BSD syslog as in files: `Jan 31 10:00:00 host app[pid]: message`, also with an ISO time; a leading `<pri>`.
    Syslog3164 = 7,
    /// RFC 5424: `<34>1 2024-01-31T10:00:00Z host app pid msgid [sd] message`.
    Syslog5424 = 8,
    /// The usual "time level logger message" of applications, in any of its dialects.
    Timestamped = 9,
}

impl Format {
    /// All formats, in the order of their numbers.
    pub const ALL: [Self; 10] = [
        Self::Unknown,
        Self::Plain,
        Self::Json,
        Self::Logfmt,
        Self::Access,
        Self::NginxError,
        Self::ApacheError,
        Self::Syslog3164,
        Self::Syslog5424,
        Self::Timestamped,
    ];

    /// From its persisted number; a number from the future is [`Format::Unknown`].
    pub fn from_code(code: u8) -> Self {
        Self::ALL.get(usize::from(code)).copied().unwrap_or_default()
    }

    /// Its name, as in the configuration and in answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Plain => "plain",
            Self::Json => "json",
            Self::Logfmt => "logfmt",
            Self::Access => "access",
            Self::NginxError => "nginx_error",
            Self::ApacheError => "apache_error",
            Self::Syslog3164 => "syslog3164",
            Self::Syslog5424 => "syslog5424",
            Self::Timestamped => "timestamped",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How serious a record is. Every service's own words are folded into these.
///
/// The numbers are persisted and ascend with severity: never reuse one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum Level {
    /// None was found.
    #[default]
    Unknown = 0,
    /// trace, finest, silly, verbose
    Trace = 1,
    /// debug, fine
    Debug = 2,
    /// info, notice, log
    Info = 3,
    /// warn, warning
    Warn = 4,
    /// error, err, severe
    Error = 5,
    /// fatal, critical, crit, alert, emerg, panic
    Fatal = 6,
}

impl Level {
    /// All levels, in the order of their numbers.
    pub const ALL: [Self; 7] =
        [Self::Unknown, Self::Trace, Self::Debug, Self::Info, Self::Warn, Self::Error, Self::Fatal];

    /// From its persisted number.
    pub fn from_code(code: u8) -> Self {
        Self::ALL.get(usize::from(code)).copied().unwrap_or_default()
    }

    /// Its name, as in queries and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Fatal => "fatal",
        }
    }

    /// From any service's own word, case ignored; `None` where it is no word for a level.
    pub fn from_word(word: &[u8]) -> Option<Self> {
        if word.is_empty() || word.len() > 13 {
            return None;
        }
        let mut lower = [0u8; 13];
        let lower = &mut lower[..word.len()];
        lower.copy_from_slice(word);
        lower.make_ascii_lowercase();
        Some(match &*lower {
            b"trace" | b"finest" | b"finer" | b"silly" | b"verbose" | b"trc" => Self::Trace,
            b"debug" | b"fine" | b"dbg" | b"debug1" | b"debug2" | b"debug3" | b"debug4" | b"debug5" => Self::Debug,
            b"info" | b"notice" | b"log" | b"inf" | b"information" | b"informational" | b"config" | b"statement"
            | b"detail" | b"hint" | b"context" | b"success" => Self::Info,
            b"warn" | b"warning" | b"wrn" => Self::Warn,
            b"error" | b"err" | b"severe" | b"failure" => Self::Error,
            b"fatal" | b"critical" | b"crit" | b"alert" | b"emerg" | b"emergency" | b"panic" | b"dpanic" | b"ftl" => {
                Self::Fatal
            }
            _ => return None,
        })
    }

    /// From a syslog severity, 0 (emergency) to 7 (debug).
    pub const fn from_syslog(severity: u8) -> Self {
        match severity & 7 {
            0..=2 => Self::Fatal,
            3 => Self::Error,
            4 => Self::Warn,
            5 | 6 => Self::Info,
            _ => Self::Debug,
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Level {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.eq_ignore_ascii_case("unknown") {
            return Ok(Self::Unknown);
        }
        Self::from_word(text.as_bytes())
            .ok_or_else(|| format!("'{text}' is not a level; there are trace, debug, info, warn, error and fatal"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_agree() {
        for format in Format::ALL {
            assert_eq!(Format::from_code(format as u8), format);
        }
        for level in Level::ALL {
            assert_eq!(Level::from_code(level as u8), level);
            assert_eq!(level.name().parse::<Level>(), Ok(level));
        }
        assert_eq!(Format::from_code(200), Format::Unknown);
    }
}
