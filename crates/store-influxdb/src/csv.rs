//! Flux's answers: annotated CSV. Tables of several shapes follow each other, each with its own head.

use std::collections::BTreeMap;
use std::sync::Arc;

/// A row: cells by the names of its table's columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    columns: Arc<BTreeMap<String, usize>>,
    kinds: Arc<Vec<String>>,
    cells: Vec<String>,
}

impl Row {
    /// The text of a cell; empty where there is none.
    pub fn text(&self, column: &str) -> &str {
        self.columns.get(column).and_then(|at| self.cells.get(*at)).map_or("", String::as_str)
    }

    /// The number in a cell.
    pub fn number(&self, column: &str) -> Option<f64> {
        self.text(column).parse().ok()
    }

    /// The kind of a column: `double`, `string` and so on.
    pub fn kind(&self, column: &str) -> &str {
        self.columns.get(column).and_then(|at| self.kinds.get(*at)).map_or("", String::as_str)
    }
}

/// All rows, or what the server says went wrong.
pub fn rows(text: &str) -> Result<Vec<Row>, String> {
    let mut rows = Vec::new();
    let mut columns: Option<Arc<BTreeMap<String, usize>>> = None;
    let mut kinds = Arc::new(Vec::new());
    let mut defaults: Vec<String> = Vec::new();
    for mut cells in (Records { text, at: 0 }) {
        let first = cells.first().map(String::as_str).unwrap_or_default();
        if cells.len() == 1 && first.is_empty() {
            columns = None;
        } else if first.starts_with('#') {
            // A new head: annotations come before the names.
            columns = None;
            match first {
                // The first annotation of a table.
                "#datatype" => {
                    kinds = Arc::new(cells);
                    defaults.clear();
                }
                "#default" => defaults = cells,
                _ => {}
            }
        } else if let Some(columns) = &columns {
            if let Some(at) = columns.get("error").filter(|_| columns.contains_key("reference")) {
                return Err(cells.get(*at).cloned().unwrap_or_default());
            }
            let empty = cells.iter_mut().zip(&defaults).skip(1).filter(|(cell, _)| cell.is_empty());
            empty.for_each(|(cell, default)| cell.clone_from(default));
            rows.push(Row { columns: columns.clone(), kinds: kinds.clone(), cells });
        } else {
            columns = Some(Arc::new(cells.into_iter().enumerate().map(|(at, name)| (name, at)).collect()));
        }
    }
    Ok(rows)
}

struct Records<'a> {
    text: &'a str,
    at: usize,
}

impl Iterator for Records<'_> {
    type Item = Vec<String>;

    fn next(&mut self) -> Option<Vec<String>> {
        let bytes = self.text.as_bytes();
        if self.at >= bytes.len() {
            return None;
        }
        let mut cells = Vec::new();
        loop {
            cells.push(self.cell());
            match bytes.get(self.at) {
                Some(b',') => self.at += 1,
                Some(b'\r') if bytes.get(self.at + 1) == Some(&b'\n') => {
                    self.at += 2;
                    return Some(cells);
                }
                Some(_) => {
                    self.at += 1;
                    return Some(cells);
                }
                None => return Some(cells),
            }
        }
    }
}

impl Records<'_> {
    fn cell(&mut self) -> String {
        let rest = &self.text[self.at..];
        if !rest.starts_with('"') {
            let len = rest.find([',', '\r', '\n']).unwrap_or(rest.len());
            self.at += len;
            return rest[..len].to_owned();
        }
        let mut cell = String::new();
        let mut from = 1;
        while let Some(len) = rest[from..].find('"') {
            cell.push_str(&rest[from..from + len]);
            from += len + 1;
            if !rest[from..].starts_with('"') {
                // Nothing should stand between the quote and the end of the cell.
                let len = rest[from..].find([',', '\r', '\n']).unwrap_or(rest.len() - from);
                cell.push_str(&rest[from..from + len]);
                self.at += from + len;
                return cell;
            }
            cell.push('"');
            from += 1;
        }
        // No quote at the end: the answer was cut off.
        self.at = self.text.len();
        cell.push_str(&rest[from..]);
        cell
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_tables_of_several_shapes() {
        let text = "#datatype,string,long,double,string\r\n#group,false,false,false,true\r\n#default,_result,,,\r\n\
                    ,result,table,_value,host\r\n,,0,1.5,\"a,\"\"b\"\"\nc\"\r\n,,1,2,d\r\n\r\n\
                    #datatype,string,long,string\r\n,result,table,name\r\n,,0,x\r\n\r\n";
        let rows = rows(text).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(rows.len(), 3);
        assert_eq!((rows[0].number("_value"), rows[0].text("host")), (Some(1.5), "a,\"b\"\nc"));
        assert_eq!((rows[1].number("_value"), rows[1].text("host")), (Some(2.0), "d"));
        assert_eq!((rows[2].text("name"), rows[2].kind("name"), rows[2].text("host")), ("x", "string", ""));
        assert_eq!((rows[0].kind("_value"), rows[0].text("result"), rows[2].text("result")), ("double", "_result", ""));
    }

    #[test]
    fn an_error_within_the_answer_is_one() {
        let text = "#datatype,string,string\r\n,error,reference\r\n,Failed to parse query,897\r\n";
        assert_eq!(rows(text), Err("Failed to parse query".to_owned()));
        assert_eq!(rows("error,reference\r\nno,1\r\n"), Err("no".to_owned()));
    }

    proptest::proptest! {
        #[test]
        fn never_panics_on_rubbish(text in r#"[#a,"\r\nä]{0,60}"#) {
            let _ = rows(&text);
        }
    }
}
