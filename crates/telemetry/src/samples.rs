//! The figures of a process at one moment, as values: for whoever keeps them.

/// One figure.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Its name, as scrapers see it: with its prefix, and `_total` for counters.
    pub name: String,
    /// What it is of, as (key, value), in the order of the text.
    pub labels: Vec<(String, String)>,
    /// Its value.
    pub value: f64,
}

/// Reads the text that scrapers read. Buckets of histograms are left out: their sums and counts are there.
pub(crate) fn read(text: &str) -> Vec<Sample> {
    text.lines().filter(|line| !line.starts_with('#')).filter_map(sample).collect()
}

fn sample(line: &str) -> Option<Sample> {
    let (name, rest) = match line.find(['{', ' ']) {
        Some(at) if line.as_bytes()[at] == b'{' => (&line[..at], &line[at + 1..]),
        Some(at) => {
            let value = line[at + 1..].split(' ').next()?.parse().ok()?;
            return Some(Sample { name: line[..at].to_owned(), labels: Vec::new(), value });
        }
        None => return None,
    };
    let (mut labels, mut rest) = (Vec::new(), rest);
    while !rest.starts_with('}') {
        let (key, after) = rest.trim_start_matches(',').split_once("=\"")?;
        let (value, after) = quoted(after)?;
        labels.push((key.to_owned(), value));
        rest = after;
    }
    if labels.iter().any(|(key, _)| key == "le") {
        return None;
    }
    let value = rest[1..].trim_start().split(' ').next()?.parse().ok()?;
    Some(Sample { name: name.to_owned(), labels, value })
}

/// A value up to its quote, with what is escaped put right; and what comes behind.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(match chars.next()?.1 {
                'n' => '\n',
                other => other,
            }),
            _ => value.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_read_back() {
        let text = "# HELP a b\n# TYPE a counter\na_total 7\nlag{group=\"store\"} -1\n\
                    r{route=\"/a,b}\",note=\"say \\\"x\\\"\\\\\\n\"} 0.25\n\
                    s_bucket{le=\"0.1\",route=\"/a\"} 3\ns_sum{route=\"/a\"} 1.5\nodd{x=\"1\nbare\nnan x\n# EOF\n";
        let label = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let of = |name: &str, labels: Vec<(String, String)>, value| Sample { name: name.to_owned(), labels, value };
        assert_eq!(
            read(text),
            [
                of("a_total", vec![], 7.0),
                of("lag", vec![label("group", "store")], -1.0),
                of("r", vec![label("route", "/a,b}"), label("note", "say \"x\"\\\n")], 0.25),
                of("s_sum", vec![label("route", "/a")], 1.5),
            ]
        );
    }
}
