//! The lines of a bulk: an action, and the document behind it.

use serde_json::Value;

use crate::query::kind_of;
use crate::{EsError, index, info};

/// Longest id, in bytes, as in Elasticsearch.
const ID_MAX: usize = 512;

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// The document is new, or a repeat of the same.
    Index,
    /// The document is new.
    Create,
    /// Refused: lines are kept as they are.
    Update,
    /// Refused likewise.
    Delete,
}

impl Op {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Index => "index",
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

/// An action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// What is to be done.
    pub op: Op,
    /// Where.
    pub index: String,
    /// Under which id.
    pub id: Option<String>,
}

/// An action with its document, or why there is none.
#[derive(Debug)]
pub struct Item<'a> {
    /// The action.
    pub action: Action,
    /// The document, as it came.
    pub document: Result<&'a [u8], EsError>,
}

/// Reads a bulk. What is wrong with one document is the result of that one; what makes the lines hard to tell apart is
/// an error of the whole.
///
/// # Errors
/// `illegal_argument_exception`; `content_too_long_exception` beyond `max` documents.
pub fn read<'a>(body: &'a [u8], default: &str, max: usize) -> Result<Vec<Item<'a>>, EsError> {
    if body.is_empty() {
        return Err(EsError::parsing("request body is required"));
    }
    let Some(body) = body.strip_suffix(b"\n") else {
        return Err(EsError::illegal("The bulk request must be terminated by a newline [\\n]"));
    };
    let mut lines = body.split(|byte| *byte == b'\n').enumerate().map(|(n, line)| (n + 1, line.trim_ascii()));
    let mut items = Vec::new();
    while let Some((number, line)) = lines.next() {
        if line.is_empty() {
            continue;
        }
        if items.len() == max {
            return Err(EsError::too_large(format!("a bulk has at most {max} documents; send less at a time")));
        }
        let (action, wrong) = action(line, number, default)?;
        let document = match action.op {
            Op::Delete => None,
            _ => lines.next().map(|(_, line)| line),
        };
        let document = match (action.op, document, wrong) {
            (Op::Delete, ..) => Err(EsError::unsupported("[delete]: lines are kept until retention removes them; it")),
            (_, None, _) => {
                return Err(EsError::illegal(format!("the document of the action on line [{number}] is missing")));
            }
            (Op::Update, ..) => Err(EsError::unsupported("[update]: lines are kept as they were written; it")),
            (.., Some(error)) => Err(error),
            (_, Some(document), None) => Ok(document),
        };
        items.push(Item { action, document });
    }
    if items.is_empty() {
        return Err(EsError::parsing("request body is required"));
    }
    Ok(items)
}

/// An action, and what is wrong with it alone.
fn action(line: &[u8], number: usize, default: &str) -> Result<(Action, Option<EsError>), EsError> {
    let malformed = |what: &str| EsError::illegal(format!("Malformed action/metadata line [{number}], {what}"));
    let value: Value =
        serde_json::from_slice(line).map_err(|error| malformed(&format!("expected an object: {error}")))?;
    let Some((name, meta)) = value.as_object().filter(|map| map.len() == 1).and_then(|map| map.iter().next()) else {
        return Err(malformed("expected an object with one action"));
    };
    let op = match name.as_str() {
        "index" => Op::Index,
        "create" => Op::Create,
        "update" => Op::Update,
        "delete" => Op::Delete,
        other => {
            return Err(malformed(&format!("expected one of [create, delete, index, update] but found [{other}]")));
        }
    };
    let Some(meta) = meta.as_object() else {
        return Err(malformed(&format!("expected an object of metadata, found {}", kind_of(meta))));
    };
    let text = |name: &str| match meta.get(name) {
        Some(Value::String(text)) => Some(text.clone()),
        Some(Value::Number(number)) => Some(number.to_string()),
        _ => None,
    };
    let named = text("_index").unwrap_or_else(|| default.to_owned());
    let id = text("_id").filter(|id| !id.is_empty());
    let mut wrong = index::check(&named).err();
    if named.is_empty() {
        return Err(EsError::illegal(format!("Validation Failed: 1: index is missing (line [{number}]);")));
    }
    if id.as_ref().is_some_and(|id| id.len() > ID_MAX) {
        wrong = Some(EsError::illegal(format!("id is too long, must be no longer than {ID_MAX} bytes")));
    }
    for (key, value) in meta {
        match key.as_str() {
            "_index" | "_id" => {}
            // Where a document is placed decides nothing here, and types have no meaning any more.
            "routing" | "_routing" | "_type" | "dynamic_templates" => {}
            "pipeline" if value.is_null() || value == "" || value == "_none" => {}
            "pipeline" => wrong = Some(info::not_kept("/_ingest/pipeline")),
            "require_alias" | "require_data_stream" if value != &Value::Bool(true) => {}
            "require_data_stream" => {}
            "retry_on_conflict" if matches!(op, Op::Update) => {}
            other => wrong = Some(EsError::unsupported(format!("[{other}] of an action"))),
        }
    }
    Ok((Action { op, index: named, id }, wrong))
}
