//! The arrows between our crates, against the table in `ARCHITECTURE.md`.

use std::collections::{BTreeMap, BTreeSet};

use super::Problem;
use super::crates::Crate;

const BEGIN: &str = "<!-- edges: read by cargo xtask tidy -->";
const END: &str = "<!-- edges: end -->";
/// The only floor on which several engines are named side by side.
const BINARY: &str = "logdrive";

/// One row of the table.
#[derive(Debug, Default, PartialEq, Eq)]
struct Row {
    /// `None`: beside the house (tools), which may use anything that it lists.
    floor: Option<u32>,
    uses: BTreeSet<String>,
    in_tests: BTreeSet<String>,
}

/// Compares the crates with the table.
pub fn check(map: &str, crates: &[Crate]) -> Vec<Problem> {
    let rows = match table(map) {
        Ok(rows) => rows,
        Err(problem) => return vec![problem],
    };
    let mut problems = Vec::new();
    for one in crates {
        match rows.get(&one.name) {
            None => {
                problems.push(format!("crate {} is not in the table of edges in ARCHITECTURE.md: add a row", one.name))
            }
            Some(row) => {
                compare(&one.name, "uses", &one.uses, &row.uses, &mut problems);
                compare(&one.name, "uses in tests", &one.in_tests, &row.in_tests, &mut problems);
                problems.extend(one.uses.iter().filter_map(|to| direction(&one.name, row, to, &rows)));
            }
        }
    }
    for name in rows.keys().filter(|name| crates.iter().all(|one| one.name != **name)) {
        problems.push(format!("ARCHITECTURE.md lists crate {name}, which does not exist: remove its row"));
    }
    problems
}

fn compare(name: &str, verb: &str, has: &BTreeSet<String>, may: &BTreeSet<String>, problems: &mut Vec<Problem>) {
    for to in has.difference(may) {
        problems.push(format!(
            "{name} {verb} {to}, an edge that is not in ARCHITECTURE.md: inject the value from above, or add the edge \
             to the table with its reason"
        ));
    }
    for to in may.difference(has) {
        problems
            .push(format!("ARCHITECTURE.md says that {name} {verb} {to}, but it does not: take it out of the table"));
    }
}

/// Arrows point down (on the ground floor `model` stands on `base`), and only the binary names a driver.
fn direction(name: &str, row: &Row, to: &str, rows: &BTreeMap<String, Row>) -> Option<Problem> {
    let floor = row.floor?;
    let below = rows.get(to)?.floor;
    let down = below.is_some_and(|below| below < floor || (below, floor) == (0, 0));
    if !down {
        return Some(format!(
            "{name} (floor {floor}) uses {to}, which is not on a lower floor: arrows point down only"
        ));
    }
    // A driver is called after its seam.
    let driver = below == Some(2) && (to.starts_with("queue-") || to.starts_with("store-"));
    (driver && name != BINARY)
        .then(|| format!("{name} names the driver {to}: take the seam's trait, injected by {BINARY}"))
}

/// The rows between the marks, by crate.
fn table(map: &str) -> Result<BTreeMap<String, Row>, Problem> {
    let body = map.split_once(BEGIN).and_then(|(_, rest)| rest.split_once(END)).map(|(body, _)| body);
    let body = body.ok_or_else(|| format!("ARCHITECTURE.md has no table between '{BEGIN}' and '{END}'"))?;
    let mut rows = BTreeMap::new();
    for line in body.lines().map(str::trim).filter(|line| line.starts_with('|')).skip(2) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [floor, name, uses, in_tests] = cells[..] else {
            return Err(format!("ARCHITECTURE.md: a row of the table of edges needs four cells: {line}"));
        };
        let row = Row { floor: floor.parse().ok(), uses: names(uses), in_tests: names(in_tests) };
        rows.insert(name.trim_matches('`').to_owned(), row);
    }
    Ok(rows)
}

fn names(cell: &str) -> BTreeSet<String> {
    cell.split([' ', ','])
        .map(|word| word.trim_matches('`'))
        .filter(|word| !word.is_empty() && *word != "-")
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(rows: &str) -> String {
        format!("# x\n{BEGIN}\n| floor | crate | uses | in tests |\n|---|---|---|---|\n{rows}{END}\n")
    }

    fn one(name: &str, uses: &[&str], in_tests: &[&str]) -> Crate {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Crate { name: name.to_owned(), folder: String::new(), uses: set(uses), in_tests: set(in_tests) }
    }

    #[test]
    fn a_true_table_passes() {
        let map = map(
            "| 0 | `base` | - | - |\n| 1 | `queue` | `base` | - |\n| 2 | `queue-x` | `base` `queue` | - |\n| 4 | `logdrive` | `queue-x` | `base` |\n",
        );
        let crates = [
            one("base", &[], &[]),
            one("queue", &["base"], &[]),
            one("queue-x", &["base", "queue"], &[]),
            one("logdrive", &["queue-x"], &["base"]),
        ];
        assert_eq!(check(&map, &crates), Vec::<Problem>::new());
    }

    #[test]
    fn every_kind_of_lie_is_found() {
        let cases: [(&str, Vec<Crate>, &str); 7] = [
            ("", vec![one("base", &[], &[])], "base is not in the table"),
            ("| 0 | `base` | - | - |\n", vec![], "does not exist"),
            (
                "| 0 | `base` | - | - |\n| 1 | `a` | - | - |\n",
                vec![one("base", &[], &[]), one("a", &["base"], &[])],
                "a uses base, an edge that is not",
            ),
            (
                "| 0 | `base` | - | - |\n| 1 | `a` | - | - |\n",
                vec![one("base", &[], &[]), one("a", &[], &["base"])],
                "a uses in tests base",
            ),
            (
                "| 0 | `base` | - | - |\n| 1 | `a` | `base` | - |\n",
                vec![one("base", &[], &[]), one("a", &[], &[])],
                "but it does not",
            ),
            (
                "| 3 | `a` | `b` | - |\n| 3 | `b` | - | - |\n",
                vec![one("a", &["b"], &[]), one("b", &[], &[])],
                "arrows point down only",
            ),
            (
                "| 2 | `queue-x` | - | - |\n| 3 | `a` | `queue-x` | - |\n",
                vec![one("queue-x", &[], &[]), one("a", &["queue-x"], &[])],
                "names the driver",
            ),
        ];
        for (rows, crates, expected) in cases {
            let problems = check(&map(rows), &crates);
            assert!(problems.iter().any(|problem| problem.contains(expected)), "{expected}: {problems:?}");
        }
        assert!(check("no table", &[])[0].contains("has no table"));
    }
}
