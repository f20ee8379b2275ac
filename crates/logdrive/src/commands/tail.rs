//! `logdrive tail STREAM|FILE`: the newest lines, then what comes in.

use crate::cli::TailArgs;
use crate::commands::search::follow_query;
use crate::failure::Failure;

pub(crate) fn run(args: &TailArgs) -> Result<(), Failure> {
    let scope = match &args.target {
        Some(target) => of_target(target, &std::env::current_dir().unwrap_or_default()),
        None => String::new(),
    };
    let query = match (&args.query, scope.as_str()) {
        (None, scope) => scope.to_owned(),
        (Some(query), "") => query.clone(),
        // The parentheses keep an OR of the query within it.
        (Some(query), scope) => format!("({query}) AND {scope}"),
    };
    follow_query(&args.client, &query, args.limit, args.store.as_deref())
}

/// The query for a stream's name or a file's path. What has a slash, or is a file here, is a path.
fn of_target(target: &str, folder: &std::path::Path) -> String {
    let is_path = target.contains('/') || folder.join(target).is_file();
    let (field, value) = match is_path {
        true => ("file", config::absolute(target, folder).unwrap_or_else(|_| target.to_owned())),
        false => ("stream", target.to_owned()),
    };
    format!("{field}:=\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_slash_makes_a_path() {
        let folder = Path::new("/nowhere");
        for (target, want) in [
            ("web", "stream:=\"web\""),
            ("/var/log/a b.log", "file:=\"/var/log/a b.log\""),
            ("./a\"b\\.log", "file:=\"/nowhere/a\\\"b\\\\.log\""),
        ] {
            let query = of_target(target, folder);
            assert_eq!(query, want);
            assert!(store::Query::parse(&query).is_ok(), "{query}");
        }
    }
}
