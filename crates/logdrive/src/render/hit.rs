//! A record as a line: time, level, stream, then the record as it stands in its file.

use std::io::{self, Write};

use base::Timestamp;
use jiff::tz::TimeZone;

use super::escape::escape;
use super::{Highlights, Style};
use crate::when;
use crate::wire::Hit;

/// Prints records. Columns grow as wider values come, up to a bound.
pub(crate) struct HitPrinter {
    style: Style,
    zone: TimeZone,
    highlights: Highlights,
    /// This machine; records of others show theirs.
    host: String,
    width: usize,
}

const WIDTH_MAX: usize = 32;

impl HitPrinter {
    pub(crate) const fn new(style: Style, zone: TimeZone, highlights: Highlights, host: String) -> Self {
        Self { style, zone, highlights, host, width: 0 }
    }

    /// Prints one record.
    pub(crate) fn print(&mut self, hit: &Hit, out: &mut dyn Write) -> io::Result<()> {
        let time = hit.time.parse::<jiff::Timestamp>().map(|at| Timestamp::from_micros(at.as_microsecond()));
        let time = time.map_or_else(|_| hit.time.clone(), |at| when::show(at, &self.zone));
        let level = if hit.level == "unknown" { "-".to_owned() } else { hit.level.to_ascii_uppercase() };
        let label = if hit.host == self.host { hit.stream.clone() } else { format!("{}/{}", hit.host, hit.stream) };
        self.width = self.width.max(label.chars().count()).min(WIDTH_MAX);
        let style = self.style;
        write!(
            out,
            "{} {} {} ",
            style.dim(&escape(&time)),
            style.paint(Style::level(&hit.level), &format!("{:<5}", escape(&level))),
            style.stream(&format!("{:<width$}", escape(&label), width = self.width)),
        )?;
        self.line(&escape(&hit.line), out)
    }

    /// The record itself; what follows its first line is indented.
    fn line(&self, text: &str, out: &mut dyn Write) -> io::Result<()> {
        let mut ranges =
            if self.style.colour { self.highlights.ranges(text) } else { Vec::new() }.into_iter().peekable();
        let mut at = 0;
        for line in text.split('\n') {
            if at > 0 {
                out.write_all(b"    ")?;
            }
            let end = at + line.len();
            while let Some(range) = ranges.peek_mut().filter(|range| range.start < end) {
                let stop = range.end.min(end);
                out.write_all(&text.as_bytes()[at..range.start])?;
                out.write_all(self.style.found(&text[range.start..stop]).as_bytes())?;
                at = stop;
                if range.end > end {
                    // It goes on in the next line.
                    range.start = (end + 1).min(range.end);
                    break;
                }
                ranges.next();
            }
            out.write_all(&text.as_bytes()[at..end])?;
            out.write_all(b"\n")?;
            at = end + 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hit(level: &str, stream: &str, host: &str, line: &str) -> Hit {
        Hit {
            id: "x.0.0".to_owned(),
            time: "2026-01-31T10:00:00.123456Z".to_owned(),
            stream: stream.to_owned(),
            host: host.to_owned(),
            level: level.to_owned(),
            line: line.to_owned(),
        }
    }

    fn shown(style: Style, query: &str, hits: &[Hit]) -> String {
        let mut printer = HitPrinter::new(style, TimeZone::UTC, Highlights::of(query), "here".to_owned());
        let mut out = Vec::new();
        for hit in hits {
            printer.print(hit, &mut out).unwrap();
        }
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn columns_are_aligned_and_continuations_indented() {
        let hits = [
            hit("error", "web", "here", "boom\r\n\tat x\n\nend"),
            hit("unknown", "postgres", "here", "plain \x1b[2J"),
            hit("info", "web", "db1", "other"),
        ];
        assert_eq!(
            shown(Style::plain(), "boom", &hits),
            "2026-01-31 10:00:00.123 ERROR web boom\n    \tat x\n    \n    end\n\
             2026-01-31 10:00:00.123 -     postgres plain \\x1b[2J\n\
             2026-01-31 10:00:00.123 INFO  db1/web  other\n"
        );
    }

    #[test]
    fn colours_and_matches() {
        let colour = Style { colour: true };
        assert_eq!(
            shown(colour, "boom \"c\nd\"", &[hit("error", "web", "here", "a boom b c\nd e")]),
            "\x1b[2m2026-01-31 10:00:00.123\x1b[0m \x1b[31mERROR\x1b[0m \x1b[36mweb\x1b[0m \
             a \x1b[1;7;33mboom\x1b[0m b \x1b[1;7;33mc\x1b[0m\n    \x1b[1;7;33md\x1b[0m e\n"
        );
    }
}
