//! Figures: shown as a table, kept as JSON lines.

use std::io::Write;
use std::path::Path;

use anyhow::Result;
use base::Timestamp;
use serde_json::{Value, json};

/// What a figure should reach.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target {
    AtLeast(f64),
    AtMost(f64),
    /// Shown for comparison.
    None,
}

/// One number with its meaning.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// Which measurement it belongs to.
    pub group: String,
    pub what: String,
    pub value: f64,
    pub unit: String,
    pub target: Target,
}

impl Figure {
    pub fn new(what: impl Into<String>, value: f64, unit: &str, target: Target) -> Self {
        Self { group: String::new(), what: what.into(), value, unit: unit.to_owned(), target }
    }

    /// `None` where there is nothing to reach.
    pub fn reached(&self) -> Option<bool> {
        match self.target {
            Target::AtLeast(least) => Some(self.value >= least),
            Target::AtMost(most) => Some(self.value <= most),
            Target::None => None,
        }
    }

    pub fn to_json(&self) -> Value {
        let (relation, target) = match self.target {
            Target::AtLeast(least) => (Some("at least"), Some(least)),
            Target::AtMost(most) => (Some("at most"), Some(most)),
            Target::None => (None, None),
        };
        json!({
            "group": self.group, "what": self.what, "value": self.value, "unit": self.unit,
            "relation": relation, "target": target, "reached": self.reached(),
        })
    }

    /// The inverse of [`Figure::to_json`], for figures measured in a process of their own.
    pub fn from_json(value: &Value) -> Option<Self> {
        let target = match (value["relation"].as_str(), value["target"].as_f64()) {
            (Some("at least"), Some(least)) => Target::AtLeast(least),
            (Some(_), Some(most)) => Target::AtMost(most),
            _ => Target::None,
        };
        let text = |name: &str| value[name].as_str().map(str::to_owned);
        Some(Self {
            group: text("group")?,
            what: text("what")?,
            value: value["value"].as_f64()?,
            unit: text("unit")?,
            target,
        })
    }
}

/// The figures as a table in Markdown, which a terminal shows as well as a page.
pub fn table(figures: &[Figure]) -> String {
    let mut rows = vec![["what", "measured", "reach", ""].map(str::to_owned)];
    for figure in figures {
        let target = match figure.target {
            Target::AtLeast(least) => format!("≥ {}", number(least, &figure.unit)),
            Target::AtMost(most) => format!("≤ {}", number(most, &figure.unit)),
            Target::None => String::new(),
        };
        let mark = match figure.reached() {
            Some(true) => "✓",
            Some(false) => "✗",
            None => "",
        };
        rows.push([figure.what.clone(), number(figure.value, &figure.unit), target, mark.to_owned()]);
    }
    let widths: Vec<usize> = (0..4).map(|n| rows.iter().map(|row| row[n].chars().count()).max().unwrap_or(0)).collect();
    let line = |row: &[String; 4]| {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        format!("| {} |\n", cells.join(" | "))
    };
    let rule: Vec<String> = widths.iter().map(|width| "-".repeat(width + 2)).collect();
    let mut out = line(&rows[0]) + &format!("|{}|\n", rule.join("|"));
    out.extend(rows[1..].iter().map(line));
    out
}

fn number(value: f64, unit: &str) -> String {
    let digits = match value.abs() {
        n if n >= 100.0 => 0,
        n if n >= 10.0 => 1,
        n if n >= 0.1 => 2,
        _ => 4,
    };
    let text = format!("{value:.digits$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text} {unit}").trim_end().to_owned()
}

/// Appends the figures of one run to the file of the day.
pub fn keep(folder: &Path, at: Timestamp, machine: &Value, bytes: u64, figures: &[Figure]) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    let at = at.to_string();
    let path = folder.join(format!("{}.jsonl", &at[..10]));
    let mut file = std::fs::File::options().create(true).append(true).open(&path)?;
    for figure in figures {
        let mut line = json!({ "time": at, "machine": machine, "bytes": bytes });
        if let (Some(line), Value::Object(figure)) = (line.as_object_mut(), figure.to_json()) {
            line.extend(figure);
        }
        writeln!(file, "{line}")?;
    }
    eprintln!("kept in {}", path.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_knows_whether_it_is_reached_and_survives_its_json() {
        for (target, reached) in
            [(Target::AtLeast(3.0), Some(false)), (Target::AtMost(3.0), Some(true)), (Target::None, None)]
        {
            let figure = Figure::new("speed", 2.0, "GB/s", target);
            assert_eq!(figure.reached(), reached);
            assert_eq!(Figure::from_json(&figure.to_json()), Some(figure));
        }
        let shown = table(&[
            Figure::new("speed", 2.0, "GB/s", Target::AtLeast(3.0)),
            Figure::new("time", 0.0123, "s", Target::None),
        ]);
        assert!(shown.contains("| speed | 2 GB/s   | ≥ 3 GB/s | ✗ |") && shown.contains("0.0123 s"), "{shown}");
    }
}
