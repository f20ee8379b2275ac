//! `[[metric]]`

use std::time::Duration;

use crate::key::{Key, Kind, Section, Shape};
use crate::origin::Origin;
use crate::reader::Reader;
use crate::{MetricConfig, MetricValue};

pub(crate) const SECTION: Section = Section {
    name: "metric",
    shape: Shape::Many,
    doc: "What is measured of lines: a point for each window.",
    required: &["name"],
    keys: &[
        Key::new("name", Kind::Text, "", "The measurement: letters, digits, '_', '-' and '.'."),
        Key::new("streams", Kind::List, "", "Of which streams; of all by default."),
        Key::new("where", Kind::Text, "", "A query: only lines that match it. All by default."),
        Key::new("field", Kind::Text, "", "The field whose numbers are taken; not needed to count."),
        Key::new(
            "values",
            Kind::List,
            "",
            "What is made of a window: count, sum, min, max, mean, and quantiles p1 to p99.9. count by default.",
        ),
        Key::new("by", Kind::List, "", "Fields that become labels: a point for each combination."),
        Key::new("window", Kind::Duration, "1m", "How long a window is."),
        Key::new("lateness", Kind::Duration, "5m", "A line that comes so late still changes its window's point."),
    ],
};

/// A window is at least so long.
const WINDOW_MIN: Duration = Duration::from_secs(1);
/// So many labels at most: each combination of their values is a series.
const LABELS_MAX: usize = 8;

/// `None` where it has no name; that was said then.
pub(crate) fn resolve(reader: Reader<'_>, head: &Origin, name: Option<&str>) -> Option<MetricConfig> {
    let mut reader = reader.named(name.unwrap_or("?"));
    if name.is_none() {
        reader.wrong_at(head, "a metric needs a name; add name = \"requests\", say".to_owned());
        return None;
    }
    let mut config = MetricConfig {
        name: reader.or("name", "metric", measurement),
        streams: reader.list("streams", &[]).into_iter().map(|(name, _)| name).collect(),
        filter: reader.text_given("where"),
        field: reader.text_given("field"),
        values: Vec::new(),
        by: Vec::new(),
        window: reader.duration("window"),
        lateness: reader.duration("lateness"),
    };
    for (word, origin) in reader.list("values", &["count"]) {
        match value(&word) {
            Ok(value) if config.values.contains(&value) => {
                reader.wrong_at(&origin, format!("values: '{word}' is there twice"));
            }
            Ok(value) if value.needs_field() && config.field.is_none() => {
                reader.wrong_at(&origin, format!("values: '{word}' needs numbers; add field = \"duration\", say"));
            }
            Ok(value) => config.values.push(value),
            Err(reason) => reader.wrong_at(&origin, format!("values: {reason}")),
        }
    }
    for (label, origin) in reader.list("by", &[]) {
        if label.is_empty() || config.by.contains(&label) {
            reader.wrong_at(&origin, format!("by: '{label}' is empty or there twice"));
        }
        config.by.push(label);
    }
    if config.by.len() > LABELS_MAX {
        reader.wrong("by", format!("{} labels are too many; at most {LABELS_MAX}", config.by.len()));
    }
    if config.window < WINDOW_MIN {
        reader.wrong("window", "a window must be at least 1s long; write 1m, say".to_owned());
    }
    Some(config)
}

fn measurement(text: &str) -> Result<String, String> {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if !text.is_empty() && text.len() <= 100 && text.chars().all(good) && !text.starts_with(['_', '-', '.']) {
        return Ok(text.to_owned());
    }
    Err(format!("'{text}' is no name; use letters, digits, '_', '-' and '.', and begin with a letter or digit"))
}

fn value(word: &str) -> Result<MetricValue, String> {
    const WORDS: [(&str, MetricValue); 5] = [
        ("count", MetricValue::Count),
        ("sum", MetricValue::Sum),
        ("min", MetricValue::Min),
        ("max", MetricValue::Max),
        ("mean", MetricValue::Mean),
    ];
    if let Some((_, value)) = WORDS.iter().find(|(name, _)| *name == word) {
        return Ok(*value);
    }
    quantile(word).map(MetricValue::Quantile).ok_or_else(|| {
        let near = base::nearest(word, WORDS.iter().map(|(name, _)| *name));
        let near = near.map(|near| format!("; did you mean '{near}'?")).unwrap_or_default();
        format!("'{word}' is none of count, sum, min, max, mean, p1 to p99.9{near}")
    })
}

/// `p99.9` → 999 thousandths.
fn quantile(word: &str) -> Option<u16> {
    let (whole, tenth) = word.strip_prefix('p')?.split_once('.').unwrap_or((&word[1..], "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || whole.len() > 2 || !digits(tenth) || tenth.len() > 1 {
        return None;
    }
    let thousandths = whole.parse::<u16>().ok()? * 10 + tenth.parse::<u16>().ok()?;
    (10..=999).contains(&thousandths).then_some(thousandths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values() {
        for word in ["count", "sum", "min", "max", "mean", "p1", "p50", "p99", "p99.9", "p2.5"] {
            assert_eq!(value(word).map(|value| value.to_string()).as_deref(), Ok(word));
        }
        for word in ["", "p", "p0", "p0.9", "p100", "p99.99", "p-1", "p1e1", "q50", "avg", "p5.", "é"] {
            assert!(value(word).is_err(), "{word}");
        }
        assert!(value("summ").unwrap_err().ends_with("did you mean 'sum'?"));
    }
}
