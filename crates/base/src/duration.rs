//! Durations as people write them in a configuration: `250ms`, `5s`, `15m`, `2h`, `7d`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A duration that reads and shows itself with a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct HumanDuration(pub Duration);

/// Units, largest first, with their length in microseconds.
const UNITS: [(&str, u64); 7] = [
    ("w", 604_800_000_000),
    ("d", 86_400_000_000),
    ("h", 3_600_000_000),
    ("m", 60_000_000),
    ("s", 1_000_000),
    ("ms", 1_000),
    ("us", 1),
];

impl HumanDuration {
    /// So many seconds.
    pub const fn from_secs(secs: u64) -> Self {
        Self(Duration::from_secs(secs))
    }
}

impl FromStr for HumanDuration {
    type Err = String;

    /// One or more numbers with a unit: `90s`, `1h30m`, `1.5h`.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("'{text}' is not a duration; write a number and a unit, like 250ms, 5s, 15m, 2h or 7d");
        let mut rest = text.trim();
        let mut micros = 0f64;
        if rest.is_empty() {
            return Err(wrong());
        }
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(wrong)?;
            let number: f64 = rest[..digits].parse().map_err(|_| wrong())?;
            rest = rest[digits..].trim_start();
            let unit_len = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
            let unit = UNITS.iter().find(|(name, _)| *name == &rest[..unit_len]).ok_or_else(wrong)?;
            micros += number * unit.1 as f64;
            rest = rest[unit_len..].trim_start();
        }
        if micros >= 1.8e19 {
            return Err(wrong());
        }
        Ok(Self(Duration::from_micros(micros as u64)))
    }
}

impl fmt::Display for HumanDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.0.as_micros() as u64;
        let exact = UNITS.iter().find(|(_, len)| micros >= *len && micros.is_multiple_of(*len));
        match exact {
            Some((unit, len)) => write!(f, "{}{unit}", micros / len),
            None => f.write_str("0s"),
        }
    }
}

impl Serialize for HumanDuration {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for HumanDuration {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_write() {
        for (text, micros) in [("250ms", 250_000), ("5s", 5_000_000), ("1h30m", 5_400_000_000), ("1.5h", 5_400_000_000)]
        {
            assert_eq!(text.parse::<HumanDuration>().unwrap().0.as_micros(), micros, "{text}");
        }
        for text in ["", "5", "s", "5 parsecs", "-5s", "1e30d", "99999999999999999999w"] {
            assert!(text.parse::<HumanDuration>().is_err(), "{text}");
        }
    }

    #[test]
    fn shows_what_it_read() {
        for text in ["250ms", "5s", "90m", "7d", "2w", "0s", "1us"] {
            let shown = text.parse::<HumanDuration>().unwrap_or_default().to_string();
            assert_eq!(shown, if text == "7d" { "1w" } else { text });
        }
    }
}
