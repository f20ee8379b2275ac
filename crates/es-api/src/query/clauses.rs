//! Queries of one field.

use serde_json::{Map, Value};
use store::Query;
use store::query::{Glob, GlobPart, Pattern, Test};

use super::{any, kind_of, object, only, scalar};
use crate::{EsError, names};

/// Most values in `terms` and `ids`.
const VALUES_MAX: usize = 1024;

pub(super) fn leaf(kind: &str, inner: &Value) -> Result<Query, EsError> {
    match kind {
        "term" => {
            let (field, value) = one_field(kind, inner, "value", &["value", "boost", "case_insensitive", "_name"])?;
            Ok(names::field(field, Test::Equals(scalar(value, kind)?)))
        }
        "terms" => terms(inner),
        "exists" => {
            let body = object(inner, kind)?;
            only(body, kind, &["field", "boost", "_name"])?;
            let field = body.get("field").and_then(Value::as_str);
            let field = field.ok_or_else(|| EsError::parsing("[exists] must be provided with a [field]"))?;
            Ok(if names::is_all(field) { Query::All } else { names::field(names::plain(field), Test::Exists) })
        }
        "ids" => {
            let body = object(inner, kind)?;
            only(body, kind, &["values", "boost", "_name"])?;
            let list = values(body.get("values").unwrap_or(&Value::Null), kind)?;
            Ok(any(list.into_iter().map(|id| names::field(names::ID, Test::Equals(id))).collect()))
        }
        "match" => matching(inner),
        "match_phrase" => {
            let known = ["query", "slop", "analyzer", "zero_terms_query", "boost", "_name"];
            let (field, value) = one_field(kind, inner, "query", &known)?;
            refuse_set(kind, inner, field_body(inner), "slop")?;
            Ok(text(field, Pattern::Text(scalar(value, kind)?)))
        }
        "multi_match" => multi_match(inner),
        "prefix" => {
            let known = ["value", "rewrite", "boost", "case_insensitive", "_name"];
            let (field, value) = one_field(kind, inner, "value", &known)?;
            let start = scalar(value, kind)?;
            Ok(shaped(field, &[Piece::Text(&start), Piece::Many]))
        }
        "wildcard" => {
            let known = ["value", "wildcard", "rewrite", "boost", "case_insensitive", "_name"];
            let (field, value) = one_field(kind, inner, "value", &known)?;
            let pattern = scalar(value, kind)?;
            Ok(shaped(field, &pieces(&pattern)))
        }
        "regexp" => {
            let known = ["value", "flags", "max_determinized_states", "rewrite", "boost", "case_insensitive", "_name"];
            let (field, value) = one_field(kind, inner, "value", &known)?;
            regexp(field, &scalar(value, kind)?)
        }
        _ => Err(EsError::unsupported(format!("the query [{kind}]"))),
    }
}

/// A regular expression over the whole value, as Lucene has it; anywhere in the line where it is of the text.
pub(super) fn regexp(field: &str, text: &str) -> Result<Query, EsError> {
    let mut escaped = false;
    for c in text.chars() {
        if !escaped && matches!(c, '~' | '&' | '<' | '>' | '@' | '#' | '"') {
            return Err(EsError::unsupported(format!("the operator [{c}] of Lucene's regular expressions")));
        }
        escaped = c == '\\' && !escaped;
    }
    let is_text = names::is_all(field) || field == names::MESSAGE;
    let pattern = if is_text { text.to_owned() } else { format!("^(?s:{text})$") };
    let query = self::text(field, Pattern::Regex(pattern));
    store::query::compile(&query).map_err(|error| EsError::query(text, error))?;
    Ok(query)
}

/// The body of the one field, where it is an object.
fn field_body(inner: &Value) -> Option<&Map<String, Value>> {
    inner.as_object()?.values().next()?.as_object()
}

/// An option that would change the answer.
fn refuse_set(kind: &str, _: &Value, body: Option<&Map<String, Value>>, name: &str) -> Result<(), EsError> {
    match body.and_then(|body| body.get(name)) {
        None | Some(Value::Null) => Ok(()),
        Some(Value::Number(number)) if number.as_i64() == Some(0) => Ok(()),
        Some(_) => Err(EsError::unsupported(format!("[{name}] of [{kind}]"))),
    }
}

/// `{field: value}` or `{field: {main: value, …}}`.
fn one_field<'a>(kind: &str, inner: &'a Value, main: &str, known: &[&str]) -> Result<(&'a str, &'a Value), EsError> {
    let body = object(inner, kind)?;
    let Some((field, value)) = body.iter().next().filter(|_| body.len() == 1) else {
        return Err(EsError::parsing(format!("[{kind}] query needs exactly one field")));
    };
    let field = names::plain(field);
    let Some(options) = value.as_object() else { return Ok((field, value)) };
    only(options, kind, known)?;
    let value = options.get(main).or_else(|| options.get("wildcard").filter(|_| kind == "wildcard"));
    let value = value.ok_or_else(|| EsError::parsing(format!("[{kind}] query needs [{main}] for [{field}]")))?;
    Ok((field, value))
}

fn values(list: &Value, kind: &str) -> Result<Vec<String>, EsError> {
    let list = list
        .as_array()
        .ok_or_else(|| EsError::parsing(format!("[{kind}] query requires a list of values, not {}", kind_of(list))))?;
    if list.len() > VALUES_MAX {
        return Err(EsError::illegal(format!("[{kind}] has {} values, at most {VALUES_MAX} are taken", list.len())));
    }
    list.iter().map(|value| scalar(value, kind)).collect()
}

fn terms(inner: &Value) -> Result<Query, EsError> {
    let body = object(inner, "terms")?;
    let mut fields = body.iter().filter(|(name, _)| !matches!(name.as_str(), "boost" | "_name"));
    let (Some((field, list)), None) = (fields.next(), fields.next()) else {
        return Err(EsError::parsing("[terms] query requires exactly one field"));
    };
    let field = names::plain(field);
    let list = values(list, "terms")?;
    Ok(any(list.into_iter().map(|value| names::field(field, Test::Equals(value))).collect()))
}

/// Words side by side: any of them, or all where told. A word with something between its letters stands as it is.
fn words(field: &str, query: &str, all: bool) -> Query {
    let words: Vec<Query> = query.split_whitespace().map(|word| text(field, Pattern::Text(word.to_owned()))).collect();
    match (words.len(), all) {
        (0, _) => super::nothing(),
        (1, _) | (_, false) => any(words),
        (_, true) => Query::And(words),
    }
}

fn is_and(operator: Option<&Value>, kind: &str) -> Result<bool, EsError> {
    match operator.and_then(Value::as_str).map(str::to_ascii_lowercase).as_deref() {
        None | Some("or") => Ok(false),
        Some("and") => Ok(true),
        Some(other) => Err(EsError::parsing(format!("[{kind}] operator [{other}]: there are and, or"))),
    }
}

fn matching(inner: &Value) -> Result<Query, EsError> {
    let known = [
        "query",
        "operator",
        "lenient",
        "analyzer",
        "zero_terms_query",
        "auto_generate_synonyms_phrase_query",
        "boost",
        "_name",
    ];
    let (field, value) = one_field("match", inner, "query", &known)?;
    let all = is_and(field_body(inner).and_then(|body| body.get("operator")), "match")?;
    Ok(words(field, &scalar(value, "match")?, all))
}

fn multi_match(inner: &Value) -> Result<Query, EsError> {
    let body = object(inner, "multi_match")?;
    only(body, "multi_match", &["query", "fields", "type", "operator", "lenient", "boost", "_name"])?;
    let value = scalar(body.get("query").unwrap_or(&Value::Null), "multi_match")?;
    let all = is_and(body.get("operator"), "multi_match")?;
    let phrase = match body.get("type").and_then(Value::as_str) {
        None | Some("best_fields" | "most_fields") => false,
        Some("phrase") => true,
        Some(other) => return Err(EsError::unsupported(format!("[type: {other}] of [multi_match]"))),
    };
    let one = |field: &str| match phrase {
        true => text(field, Pattern::Text(value.clone())),
        false => words(field, &value, all),
    };
    Ok(any(fields(body.get("fields"))?.iter().map(|field| one(field)).collect()))
}

/// The fields of a query over several: plain names, weights left out. All of them where none is named.
pub(super) fn fields(value: Option<&Value>) -> Result<Vec<String>, EsError> {
    let list: Vec<String> = match value {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(list)) => list.iter().map(|name| scalar(name, "fields")).collect::<Result<_, _>>()?,
        Some(other) => return Err(EsError::parsing(format!("[fields] must be a list, not {}", kind_of(other)))),
    };
    let names: Vec<String> =
        list.iter().map(|name| names::plain(name.split('^').next().unwrap_or_default()).to_owned()).collect();
    if names.is_empty() || names.iter().any(|name| names::is_all(name)) {
        return Ok(vec!["*".to_owned()]);
    }
    match names.iter().find(|name| name.contains('*')) {
        Some(name) => Err(EsError::unsupported(format!("the pattern [{name}] among [fields]"))),
        None => Ok(names),
    }
}

/// A pattern of text in a field, or in the line.
pub(super) fn text(field: &str, pattern: Pattern) -> Query {
    if names::is_all(field) { Query::Line(pattern) } else { names::field(field, Test::Matches(pattern)) }
}

/// A piece of a wildcard.
pub(super) enum Piece<'a> {
    /// As it stands.
    Text(&'a str),
    /// One character.
    One,
    /// Any.
    Many,
}

fn pieces(pattern: &str) -> Vec<Piece<'_>> {
    let mut list = Vec::new();
    let (mut from, mut chars) = (0, pattern.char_indices());
    while let Some((at, c)) = chars.next() {
        let special = match c {
            '*' => Some(Piece::Many),
            '?' => Some(Piece::One),
            '\\' => None,
            _ => continue,
        };
        list.push(Piece::Text(&pattern[from..at]));
        match special {
            Some(piece) => {
                list.push(piece);
                from = at + 1;
            }
            None => {
                // What follows a backslash stands for itself.
                from = at + 1;
                chars.next();
            }
        }
    }
    list.push(Piece::Text(&pattern[from..]));
    list
}

/// Of a field, the whole value has this shape; of the text, words of it have.
fn shaped(field: &str, pieces: &[Piece<'_>]) -> Query {
    if names::is_all(field) || field == names::MESSAGE {
        let mut glob = Glob::default();
        for piece in pieces {
            glob.push(match piece {
                Piece::Text(text) => GlobPart::Text((*text).to_owned()),
                Piece::One => GlobPart::One,
                Piece::Many => GlobPart::Many,
            });
        }
        return if glob.is_all() { Query::All } else { text(field, Pattern::Glob(glob)) };
    }
    let inner: String = pieces
        .iter()
        .map(|piece| match piece {
            Piece::Text(text) => regex::escape(text),
            Piece::One => ".".to_owned(),
            Piece::Many => ".*".to_owned(),
        })
        .collect();
    if inner == ".*" {
        names::field(field, Test::Exists)
    } else {
        text(field, Pattern::Regex(format!("(?is)^{inner}$")))
    }
}
