//! Globs and regular expressions that do not parse, told with the place in them.

use globset::{ErrorKind, GlobBuilder};

/// Checks a glob as the agent will read it.
pub(crate) fn check_glob(glob: &str) -> Result<(), String> {
    let Err(error) = GlobBuilder::new(glob).literal_separator(true).build() else { return Ok(()) };
    let at = match error.kind() {
        ErrorKind::UnclosedClass | ErrorKind::InvalidRange(..) => glob.rfind('['),
        ErrorKind::UnclosedAlternates => glob.rfind('{'),
        ErrorKind::UnopenedAlternates => glob.find('}'),
        ErrorKind::DanglingEscape => glob.rfind('\\'),
        _ => None,
    };
    let at = at.map(|at| format!(" at character {}", glob[..at].chars().count() + 1)).unwrap_or_default();
    Err(format!("bad glob '{glob}'{at}: {}", error.kind()))
}

/// Checks a regular expression as the transfer will read it.
pub(crate) fn check_regex(regex: &str) -> Result<(), String> {
    let Err(error) = regex::bytes::Regex::new(regex) else { return Ok(()) };
    let text = error.to_string();
    // The crate draws the pattern, a line with carets under it, and "error: why" on a line of its own.
    let reason = text.lines().rev().find_map(|line| line.strip_prefix("error: ")).unwrap_or(&text).trim();
    let carets = text.lines().find(|line| !line.is_empty() && line.trim_matches([' ', '^']).is_empty());
    let at = carets.and_then(|line| line.find('^')).filter(|_| !regex.contains('\n'));
    let at = at.map(|at| format!(" at character {}", at.saturating_sub(4) + 1)).unwrap_or_default();
    Err(format!("bad regular expression '{regex}'{at}: {}", reason.replace('\n', " ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_pattern_has_a_place() {
        for (glob, want) in [
            ("/a/[b", "bad glob '/a/[b' at character 4: unclosed character class; missing ']'"),
            (
                "/ä/{b,c",
                "bad glob '/ä/{b,c' at character 4: unclosed alternate group; missing '}' (maybe escape '{' with '[{]'?)",
            ),
        ] {
            assert_eq!(check_glob(glob), Err(want.to_owned()));
        }
        for (regex, want) in [
            ("foo(bar", "bad regular expression 'foo(bar' at character 4: unclosed group"),
            (
                "a[z-b]",
                "bad regular expression 'a[z-b]' at character 3: invalid character class range, the start must be <= the end",
            ),
        ] {
            assert_eq!(check_regex(regex), Err(want.to_owned()));
        }
        assert!(check_glob("/var/log/**/*.{log,txt}").is_ok() && check_regex(r"^GET /health\b").is_ok());
        assert!(check_regex("a{1000}{1000}{1000}").unwrap_err().contains("bad regular expression"));
    }
}
