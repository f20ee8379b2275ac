//! The name of the index that a record belongs to: a pure function of the record, so that a replay writes to the same
//! index, where the record's id tells that it is there already.

use store::StoreError;

use base::Timestamp;

use crate::text::within_nanos;

/// A template of names, understood.
#[derive(Clone, Debug)]
pub struct Naming {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Stream,
    Host,
    Year,
    Month,
    Day,
    Hour,
}

/// Bytes of an index name, at most.
const NAME_BYTES_MAX: usize = 255;

impl Naming {
    /// From a template such as `logs-{stream}-{yyyy.MM.dd}`.
    ///
    /// # Errors
    /// `Invalid`, with what would be right.
    pub fn parse(template: &str) -> Result<Self, StoreError> {
        let wrong = |reason: String| StoreError::Invalid { what: "index", reason };
        let mut parts = Vec::new();
        let mut rest = template;
        while let Some((text, behind)) = rest.split_once('{') {
            push_text(&mut parts, text);
            let Some((name, next)) = behind.split_once('}') else {
                return Err(wrong(format!("the {{ in '{template}' is never closed")));
            };
            match name {
                "stream" => parts.push(Part::Stream),
                "host" => parts.push(Part::Host),
                date => {
                    let known = date_parts(date).ok_or_else(|| {
                        let known = "there are {stream}, {host} and dates such as {yyyy.MM.dd}";
                        wrong(format!("{{{date}}} in '{template}' is not known; {known}"))
                    })?;
                    parts.extend(known);
                }
            }
            rest = next;
        }
        push_text(&mut parts, rest);
        match parts.first() {
            Some(Part::Text(text)) if text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit()) => {}
            _ => return Err(wrong(format!("'{template}' must begin with a lower-case letter or a digit"))),
        }
        let naming = Self { parts };
        let legal = naming.parts.iter().all(|part| match part {
            Part::Text(text) => sanitized(text) == *text,
            _ => true,
        });
        if !legal {
            let reason = format!("'{template}' holds what no index name may: capitals, spaces or one of \\/*?\"<>|,#:");
            return Err(wrong(reason));
        }
        Ok(naming)
    }

    /// Whether names depend on the time.
    pub fn is_dated(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Year | Part::Month | Part::Day | Part::Hour))
    }

    /// How long names stay the same, in microseconds.
    pub fn span_micros(&self) -> i64 {
        if self.parts.contains(&Part::Hour) { 3_600_000_000 } else { 86_400_000_000 }
    }

    /// The name for a record of this stream, host and time.
    pub fn name(&self, stream: &str, host: &str, time: Timestamp) -> String {
        let time = within_nanos(time);
        let (year, month, day) = time.date();
        let mut name = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => name.push_str(text),
                Part::Stream => name.push_str(&sanitized(stream)),
                Part::Host => name.push_str(&sanitized(host)),
                Part::Year => name.push_str(&format!("{year:04}")),
                Part::Month => name.push_str(&format!("{month:02}")),
                Part::Day => name.push_str(&format!("{day:02}")),
                Part::Hour => {
                    let hour = time.as_micros().rem_euclid(86_400_000_000) / 3_600_000_000;
                    name.push_str(&format!("{hour:02}"));
                }
            }
        }
        // The end keeps names of different days apart, so it is the middle that goes.
        if name.len() > NAME_BYTES_MAX {
            let (head, tail) = (name.len() - NAME_BYTES_MAX, 64);
            let cut = name.len() - tail - head;
            name.replace_range(cut..cut + head, "");
        }
        name
    }

    /// The pattern that all of its names match, and few others do.
    pub fn pattern(&self) -> String {
        let mut pattern = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => pattern.push_str(text),
                _ if pattern.ends_with('*') => {}
                _ => pattern.push('*'),
            }
        }
        pattern
    }

    /// The text before the first placeholder, without what separates: names our own things on the server.
    pub fn prefix(&self) -> &str {
        match self.parts.first() {
            Some(Part::Text(text)) => text.trim_end_matches(['-', '_', '.']),
            _ => "",
        }
    }
}

fn push_text(parts: &mut Vec<Part>, text: &str) {
    if !text.is_empty() {
        parts.push(Part::Text(text.to_owned()));
    }
}

/// `yyyy.MM.dd` and its kin.
fn date_parts(date: &str) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    let mut rest = date;
    while !rest.is_empty() {
        let known = [("yyyy", Part::Year), ("MM", Part::Month), ("dd", Part::Day), ("HH", Part::Hour)];
        match known.into_iter().find(|(text, _)| rest.starts_with(text)) {
            Some((text, part)) => {
                parts.push(part);
                rest = &rest[text.len()..];
            }
            None => {
                let separator = rest.chars().next().filter(|c| matches!(c, '.' | '-' | '_'))?;
                push_text(&mut parts, separator.encode_utf8(&mut [0; 4]));
                rest = &rest[1..];
            }
        }
    }
    (!parts.is_empty()).then_some(parts)
}

/// Text as it may stand in the name of an index.
fn sanitized(text: &str) -> String {
    let legal = |c: char| c.is_ascii_graphic() && !c.is_ascii_uppercase() && !"\\/*?\"<>|,#:".contains(c);
    text.chars().map(|c| c.to_ascii_lowercase()).map(|c| if legal(c) { c } else { '-' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_depend_on_the_record_alone() {
        let time = Timestamp::from_civil(2026, 3, 9, 7 * 3_600_000_000 - 1);
        for (template, name, pattern) in [
            ("logs-{stream}-{yyyy.MM.dd}", "logs-my-app-1-2026.03.09", "logs-*-*.*.*"),
            ("logs-{stream}-logdrive", "logs-my-app-1-logdrive", "logs-*-logdrive"),
            ("x{yyyy}-{MM}_{host}", "x2026-03_h-1.example", "x*-*_*"),
            ("l-{yyyy-MM-dd-HH}", "l-2026-03-09-06", "l-*-*-*-*"),
            ("all", "all", "all"),
        ] {
            let naming = Naming::parse(template).unwrap();
            assert_eq!(naming.name("My App/1", "h:1.example", time), name);
            assert_eq!(naming.pattern(), pattern);
        }
        let naming = Naming::parse("logs-{stream}-{yyyy.MM.dd}").unwrap();
        assert_eq!(naming.name("a", "", Timestamp::MIN), "logs-a-1970.01.01");
        assert_eq!(naming.name("a", "", Timestamp::MAX), "logs-a-2262.04.11");
        let long = naming.name(&"ä".repeat(400), "", time);
        assert_eq!(long.len(), 255);
        assert!(long.starts_with("logs--") && long.ends_with("-2026.03.09"));
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (template, hint) in [
            ("logs-{stream", "never closed"),
            ("logs-{day}", "{stream}, {host}"),
            ("{stream}-x", "begin with"),
            ("Logs", "begin with"),
            ("logs x", "spaces"),
            ("", "begin with"),
        ] {
            let error = Naming::parse(template).unwrap_err().to_string();
            assert!(error.contains(hint), "{template}: {error}");
        }
    }
}
