//! A file as a tree, whichever of the three forms it has.

use std::path::Path;

use serde_json::Value;

use super::ini;
use crate::failure::Failure;

/// No such file is longer than this.
const BYTES_MAX: u64 = 4 << 20;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Ini,
    Json,
    Yaml,
}

pub(super) fn read(path: &Path) -> Result<Value, Failure> {
    let shown = path.display();
    let failed = |reason: String| Failure::Failed(format!("cannot read {shown}: {reason}"));
    let length = std::fs::metadata(path).map_err(|error| failed(error.to_string()))?.len();
    if length > BYTES_MAX {
        return Err(failed(format!("it has {length} bytes; a configuration has at most {BYTES_MAX}")));
    }
    let bytes = std::fs::read(path).map_err(|error| failed(error.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|_| failed("it is not UTF-8".to_owned()))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_ascii_lowercase();
    parse(text, form(&ending, text)).map_err(|reason| Failure::Failed(format!("{shown}{reason}")))
}

/// By the name of the file, or else by what it looks like.
fn form(ending: &str, text: &str) -> Form {
    match ending {
        "ini" => Form::Ini,
        "json" => Form::Json,
        "yaml" | "yml" => Form::Yaml,
        _ if serde_json::from_str::<Value>(text).is_ok() => Form::Json,
        _ => {
            let mut lines =
                text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with(['#', ';']));
            let is_ini = |line: &str| (line.starts_with('[') && line.contains(']')) || line.contains('=');
            if lines.next().is_some_and(is_ini) { Form::Ini } else { Form::Yaml }
        }
    }
}

/// The error is what follows the file's name.
fn parse(text: &str, form: Form) -> Result<Value, String> {
    let wrong = |line: usize, column: usize, reason: String| format!(":{line}:{column}: {reason}");
    match form {
        Form::Ini => ini::read(text).map_err(|(line, reason)| wrong(line, 1, reason)),
        Form::Json => serde_json::from_str(text).map_err(|error| {
            let reason = error.to_string();
            let reason = reason.split(" at line ").next().unwrap_or_default().to_owned();
            wrong(error.line(), error.column(), format!("this is no JSON: {reason}"))
        }),
        Form::Yaml => serde_yaml_ng::from_str(text).map_err(|error| {
            let reason = error.to_string();
            let reason = reason.split(" at line ").next().unwrap_or_default().to_owned();
            let (line, column) = error.location().map_or((1, 1), |at| (at.line(), at.column()));
            wrong(line, column, format!("this is no YAML: {reason}"))
        }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_form_is_told_by_name_or_look() {
        for (ending, text, want) in [
            ("ini", "a: b", Form::Ini),
            ("conf", "# x\n[kafka]\naddr=1", Form::Ini),
            ("cfg", "kafka_addr = a:9092   # c", Form::Ini),
            ("", "[{\"path\": \"/a\"}]", Form::Json),
            ("conf", "kafka:\n  addr: a", Form::Yaml),
            ("yml", "[a]", Form::Yaml),
        ] {
            assert!(form(ending, text) == want, "{text}");
        }
    }

    #[test]
    fn mistakes_have_a_place() {
        assert_eq!(parse("a: [b", Form::Yaml).map_err(|said| said.starts_with(":2:1: this is no YAML: ")), Err(true));
        assert_eq!(parse("{\"a\": }", Form::Json), Err(":1:7: this is no JSON: expected value".to_owned()));
        assert_eq!(parse("a:\n- path: /x\n", Form::Yaml), Ok(json!({"a": [{"path": "/x"}]})));
    }
}
