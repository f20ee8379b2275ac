//! Calls that are made in one place only, each with what to use instead.

use super::source::{Source, words};

/// A call that is not made outside some crates.
pub struct Rule {
    /// As in the ratchet.
    pub name: &'static str,
    /// Any of these, as whole words.
    patterns: &'static [&'static str],
    /// Crates that may.
    except: &'static [&'static str],
    /// Also forbidden in tests.
    in_tests: bool,
    /// What to use instead.
    pub instead: &'static str,
}

/// Our tools: they are not the product.
const TOOLS: [&str; 3] = ["xtask", "bench", "e2e"];

/// Every rule.
pub const RULES: [Rule; 11] = [
    Rule {
        name: "spawn",
        patterns: &["tokio::spawn", "task::spawn", "task::spawn_blocking", "thread::spawn", "thread::Builder"],
        except: &["runtime", "xtask", "bench", "e2e"],
        in_tests: false,
        instead: "runtime::Supervisor, runtime::spawn_thread: whoever spawns elsewhere is not supervised",
    },
    Rule {
        name: "unbounded",
        patterns: &["unbounded_channel", "UnboundedSender", "mpsc::unbounded", "std::sync::mpsc::channel"],
        except: &[],
        in_tests: false,
        instead: "a channel with a bound (tokio::sync::mpsc::channel): every buffer has one",
    },
    Rule {
        name: "wall clock",
        patterns: &["SystemTime::now"],
        except: &["runtime", "xtask", "bench", "e2e"],
        in_tests: false,
        instead: "a base::Clock that is handed in (runtime::SystemClock is the real one)",
    },
    Rule {
        name: "clock in a pure crate",
        patterns: &["Instant::now"],
        // The rims: they wait, measure and keep deadlines.
        except: &[
            "runtime",
            "telemetry",
            "queue",
            "store",
            "queue-embedded",
            "queue-remote",
            "queue-kafka",
            "store-influxdb",
            "store-opensearch",
            "store-embedded",
            "es-api",
            "agent",
            "transfer",
            "dashboard",
            "logdrive",
            "xtask",
            "bench",
            "e2e",
        ],
        in_tests: false,
        instead: "a moment that is handed in: decisions are functions of (state, event, now)",
    },
    Rule {
        name: "print",
        patterns: &["println!", "eprintln!", "print!", "eprint!", "dbg!"],
        except: &["logdrive", "xtask", "bench", "e2e"],
        in_tests: false,
        instead: "tracing in libraries; the binary alone speaks to the terminal",
    },
    Rule {
        name: "std lock",
        patterns: &["Mutex", "RwLock", "Condvar"],
        except: &[],
        in_tests: false,
        instead: "parking_lot: no poisoning to unwrap, smaller, faster",
    },
    Rule {
        name: "unwrap",
        patterns: &[".unwrap()"],
        except: &[],
        in_tests: false,
        instead: "`?`, a default, or `expect` with the reason why it cannot fail",
    },
    Rule {
        name: "allow",
        patterns: &["#[allow(", "#![allow("],
        except: &[],
        in_tests: true,
        instead: "#[expect(…, reason = \"…\")], which ends when its reason does",
    },
    Rule {
        name: "unfinished",
        patterns: &["todo!", "unimplemented!"],
        except: &[],
        in_tests: true,
        instead: "the code, or no such path",
    },
    Rule {
        name: "environment",
        patterns: &["env::var", "env::var_os", "env::vars", "env::vars_os"],
        except: &["config", "logdrive", "telemetry", "xtask", "bench", "e2e"],
        in_tests: false,
        instead: "a setting of the config crate, which remembers where each value came from",
    },
    Rule {
        name: "exit",
        patterns: &["process::exit", "process::abort"],
        except: &["logdrive", "xtask", "bench", "e2e"],
        in_tests: false,
        instead: "an error: exit codes are decided in the binary, in one place",
    },
];

/// Lines where `source` breaks `rule`.
pub fn broken(rule: &Rule, source: &Source) -> Vec<usize> {
    if rule.except.contains(&&*source.krate) {
        return Vec::new();
    }
    let tools_may = rule.name == "std lock" && TOOLS.contains(&&*source.krate);
    let places = rule.patterns.iter().flat_map(|pattern| words(&source.code, pattern));
    let here = places.filter(|at| (rule.in_tests || !source.in_tests(*at)) && !tools_may);
    let mut lines: Vec<usize> =
        here.filter(|at| rule.name != "std lock" || of_std(&source.code, *at)).map(|at| source.line_of(at)).collect();
    lines.sort_unstable();
    lines.dedup();
    lines
}

/// Whether the name at `at` is taken from `std::sync`, alone or in braces.
fn of_std(code: &str, at: usize) -> bool {
    let before = &code[..at];
    let statement = &before[before.rfind(';').map_or(0, |end| end + 1)..];
    before.ends_with("std::sync::")
        || statement.rsplit_once("std::sync::{").is_some_and(|(_, inside)| !inside.contains('}'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(name: &str, krate: &str, text: &str) -> Vec<usize> {
        let rule = RULES.iter().find(|rule| rule.name == name).unwrap();
        broken(rule, &Source::new(&format!("crates/{krate}/src/a.rs"), text))
    }

    #[test]
    fn each_rule_finds_its_example_and_leaves_the_replacement() {
        for (name, bad, good) in [
            ("spawn", "let x =\n tokio::spawn(async {});", "supervisor.spawn(\"x\", f);"),
            ("spawn", "\nstd::thread::Builder::new()", "runtime::spawn_thread(\"x\", f)"),
            ("spawn", "\nthread::spawn(f)", "// thread::spawn(f)"),
            ("unbounded", "\nmpsc::unbounded_channel()", "mpsc::channel(8)"),
            ("wall clock", "\nSystemTime::now()", "clock.now()"),
            ("clock in a pure crate", "\nInstant::now()", "now"),
            ("print", "\nprintln!(\"\")", "info!(\"println!\")"),
            ("std lock", "\nuse std::sync::Mutex;", "use parking_lot::Mutex;"),
            ("std lock", "\nuse std::sync::{Arc, RwLock};", "use std::sync::{Arc, mpsc};\nuse x::RwLock;"),
            ("unwrap", "\nx.unwrap()", "x.unwrap_or(1)"),
            ("allow", "\n#[allow(dead_code)]", "#[expect(dead_code)]"),
            ("unfinished", "\ntodo!()", "\"todo!\""),
            ("environment", "\nstd::env::var(\"X\")", "std::env::args()"),
            ("exit", "\nstd::process::exit(1)", "std::process::ExitCode::from(1)"),
        ] {
            assert_eq!(lines(name, "codec", bad), [2], "{name}: {bad}");
            assert_eq!(lines(name, "codec", good), Vec::<usize>::new(), "{name}: {good}");
        }
        for rule in &RULES {
            assert!(!rule.instead.is_empty());
        }
    }

    #[test]
    fn tests_and_named_crates_may() {
        assert_eq!(lines("unwrap", "codec", "#[cfg(test)]\nmod tests { fn a() { x.unwrap() } }"), Vec::<usize>::new());
        assert_eq!(lines("allow", "codec", "#[cfg(test)]\nmod tests { #[allow(x)] fn a() {} }"), [2]);
        assert_eq!(lines("spawn", "runtime", "tokio::spawn(x)"), Vec::<usize>::new());
    }
}
