//! What a server says of each document of a bulk, and what that means.

use serde::Deserialize;

use crate::http::{blocked, one_line};

/// What became of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is in the index now.
    Created,
    /// It was there already.
    Held,
    /// Not now: the same may succeed later. With what the server said.
    Later(Wait, String),
    /// The index takes no more names of fields: without them it may be taken.
    TooManyFields(String),
    /// Never. With what the server said.
    Refused(String),
}

/// Why not now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// It has too much to do.
    Busy,
    /// It fails.
    Failing,
    /// It fails over this document: where others are taken, that will not change.
    Broken,
    /// Somebody has to change something there.
    Forbidden,
}

/// The answer to a bulk.
#[derive(Debug, Deserialize)]
struct Response<'a> {
    #[serde(borrow, default)]
    items: Vec<Entry<'a>>,
}

#[derive(Debug, Deserialize)]
struct Entry<'a> {
    #[serde(borrow)]
    create: Outcome<'a>,
}

#[derive(Debug, Deserialize)]
struct Outcome<'a> {
    #[serde(default)]
    status: u16,
    #[serde(borrow)]
    error: Option<Trouble<'a>>,
}

#[derive(Debug, Deserialize)]
struct Trouble<'a> {
    #[serde(rename = "type", default)]
    kind: std::borrow::Cow<'a, str>,
    #[serde(default)]
    reason: Option<std::borrow::Cow<'a, str>>,
    #[serde(borrow)]
    caused_by: Option<Box<Trouble<'a>>>,
}

/// The part of the answer that is asked for.
pub const FILTER: &str = "filter_path=errors,items.create.status,items.create.error";

/// Whether the answer says that everything was created. It says so before it comes to the single documents.
pub fn all_created(answer: &[u8]) -> bool {
    let head = &answer[..answer.len().min(128)];
    let errors = b"\"errors\":";
    let at = head.windows(errors.len()).position(|window| window == errors);
    at.is_some_and(|at| head[at + errors.len()..].starts_with(b"false"))
}

/// A verdict for each of `count` documents; `None` where the answer is no answer to them.
pub fn verdicts(answer: &[u8], count: usize) -> Option<Vec<Verdict>> {
    if all_created(answer) {
        return Some(vec![Verdict::Created; count]);
    }
    let response: Response<'_> = serde_json::from_slice(answer).ok()?;
    let verdicts: Vec<_> = response.items.iter().map(|entry| verdict(&entry.create)).collect();
    (verdicts.len() == count).then_some(verdicts)
}

fn verdict(outcome: &Outcome<'_>) -> Verdict {
    let Some(error) = &outcome.error else {
        return if outcome.status < 300 {
            Verdict::Created
        } else {
            Verdict::Refused(format!("HTTP {}", outcome.status))
        };
    };
    if outcome.status == 409 {
        return Verdict::Held;
    }
    let said = said(error);
    match (&*error.kind, outcome.status) {
        ("cluster_block_exception", _) => Verdict::Later(Wait::Busy, blocked(&said)),
        (_, 429) => Verdict::Later(Wait::Busy, said),
        (_, 500) => Verdict::Later(Wait::Broken, said),
        (_, 501..) => Verdict::Later(Wait::Failing, said),
        ("index_closed_exception", _) => Verdict::Later(Wait::Forbidden, format!("{said}; open the index")),
        (_, 401 | 403) => Verdict::Later(Wait::Forbidden, format!("{said}; give the user's role that right")),
        ("validation_exception", _) if said.contains("shards") => {
            Verdict::Later(Wait::Forbidden, format!("{said}; delete old indices or raise cluster.max_shards_per_node"))
        }
        ("index_not_found_exception", _) => {
            Verdict::Later(Wait::Forbidden, format!("{said}; allow action.auto_create_index for it"))
        }
        ("illegal_argument_exception", _) if said.contains("Limit of total fields") => Verdict::TooManyFields(said),
        ("illegal_argument_exception", _) if said.contains("alias") || said.contains("data stream") => {
            Verdict::Later(Wait::Forbidden, said)
        }
        _ => Verdict::Refused(said),
    }
}

fn said(error: &Trouble<'_>) -> String {
    let mut text = format!("{}: {}", error.kind, error.reason.as_deref().unwrap_or_default());
    if let Some(cause) = &error.caused_by {
        text = format!("{text}: {}", cause.reason.as_deref().unwrap_or(&cause.kind));
    }
    one_line(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_tells_whether_all_is_well() {
        assert!(all_created(br#"{"took":3,"errors":false,"items":[{"create":{"status":201}}]}"#));
        assert!(!all_created(br#"{"took":3,"errors":true,"items":[{"create":{"status":201}}]}"#));
        assert!(!all_created(b""));
        assert!(!all_created(br#"{"error":{"reason":"\"errors\":false"}}"#));
    }

    #[test]
    fn each_document_gets_its_verdict() {
        let answer = br#"{"errors":true,"items":[
            {"create":{"status":201}},
            {"create":{"status":409,"error":{"type":"version_conflict_engine_exception","reason":"[4]: version conflict"}}},
            {"create":{"status":429,"error":{"type":"rejected_execution_exception","reason":"rejected execution of coordinating operation"}}},
            {"create":{"status":503,"error":{"type":"unavailable_shards_exception","reason":"primary shard is not active"}}},
            {"create":{"status":429,"error":{"type":"cluster_block_exception","reason":"disk usage exceeded flood-stage watermark"}}},
            {"create":{"status":403,"error":{"type":"cluster_block_exception","reason":"index [x] blocked by: [FORBIDDEN/8/index write (api)];"}}},
            {"create":{"status":400,"error":{"type":"index_closed_exception","reason":"closed"}}},
            {"create":{"status":403,"error":{"type":"security_exception","reason":"no permissions"}}},
            {"create":{"status":400,"error":{"type":"validation_exception","reason":"this action would add [2] total shards, but this cluster currently has [1000]/[1000] maximum shards open;"}}},
            {"create":{"status":400,"error":{"type":"illegal_argument_exception","reason":"Limit of total fields [4000] has been exceeded"}}},
            {"create":{"status":400,"error":{"type":"mapper_parsing_exception","reason":"failed to parse field [message] of type [long]","caused_by":{"type":"illegal_argument_exception","reason":"For input string: \"x\""}}}}
        ]}"#;
        let found = verdicts(answer, 11).unwrap();
        assert_eq!(found[..2], [Verdict::Created, Verdict::Held]);
        let waits: Vec<_> = found[2..9]
            .iter()
            .map(|verdict| match verdict {
                Verdict::Later(wait, said) if !said.is_empty() => *wait,
                other => panic!("{other:?}"),
            })
            .collect();
        use Wait::{Busy, Failing, Forbidden};
        assert_eq!(waits, [Busy, Failing, Busy, Busy, Forbidden, Forbidden, Forbidden]);
        assert!(matches!(&found[9], Verdict::TooManyFields(_)));
        assert!(
            matches!(&found[10], Verdict::Refused(said) if said.contains("mapper_parsing_exception") && said.contains("For input string"))
        );
        assert_eq!(verdicts(answer, 10), None, "as many verdicts as documents");
        assert_eq!(verdicts(b"<html>", 1), None);
    }
}
