//! Mistakes in files with the exact words, precedence, and what must agree with what.

mod engines;

use std::path::Path;

use crate::document::Environment;
use crate::*;

fn inputs(folder: &Path, file: Option<&str>) -> Inputs {
    let path = folder.join("logdrive.toml");
    if let Some(text) = file {
        std::fs::write(&path, text).unwrap();
    }
    Inputs {
        file: file.map(|_| path),
        env: Environment::new(),
        flags: Vec::new(),
        up: UpPaths::default(),
        host: "box".to_owned(),
        data: "/data".into(),
        folder: folder.into(),
    }
}

/// What is said of a file, without its folder.
fn said(text: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let prefix = format!("{}/", folder.path().display());
    match load(&inputs(folder.path(), Some(text))) {
        Ok(_) => Vec::new(),
        Err(error) => error.lines().iter().map(|line| line.replacen(&prefix, "", 1)).collect(),
    }
}

#[test]
fn mistakes_have_a_place_a_key_and_a_fix() {
    let stream = "[[stream]]\nname = \"web\"\npaths = [\"/a\"]\n";
    for (text, want) in [
        (
            format!("{stream}  exlude = []\n"),
            "logdrive.toml:4:3: unknown key 'exlude' in [[stream]]; did you mean 'exclude'?",
        ),
        (
            "datta = \"x\"".to_owned(),
            "logdrive.toml:1:1: unknown key 'datta' in the top of the file; did you mean 'data'?",
        ),
        (
            "[quue]\nurl = 1".to_owned(),
            "logdrive.toml:1:2: unknown key 'quue' in the top of the file; did you mean 'queue'?",
        ),
        (
            "[queue]\nblock_bytes = \"1KiB\"".to_owned(),
            "logdrive.toml:2:1: unknown key 'block_bytes' in [queue]; it belongs to [agent]",
        ),
        (
            "[queue]\nretention_age = 5".to_owned(),
            "logdrive.toml:2:17: retention_age: expected a duration in quotes, like \"15m\", found a whole number",
        ),
        ("insecure = \"yes\"".to_owned(), "logdrive.toml:1:12: insecure: expected true or false, found a text"),
        ("queue = 5".to_owned(), "logdrive.toml:1:1: 'queue' is a table; write [queue] on a line of its own"),
        ("[stream]\nname = \"a\"".to_owned(), "logdrive.toml:1:2: there may be several of 'stream'; write [[stream]]"),
        (
            "[agent]\nblock_bytes = \"12 stones\"".to_owned(),
            "logdrive.toml:2:15: block_bytes: '12 stones' is not a size; write a number and a unit, like 512B, 64KiB, 300MB or \
             2GiB",
        ),
        (
            "[agent]\nblock_bytes = 7".to_owned(),
            "logdrive.toml:2:15: block_bytes: 7B is out of bounds; write 4KiB to 64MiB",
        ),
        (
            "[queue]\npartitions = 0".to_owned(),
            "logdrive.toml:2:14: partitions: '0' is out of bounds; write a whole number from 1 to 1024",
        ),
        (
            "[queue]\ncompression = \"snappy\"".to_owned(),
            "logdrive.toml:2:15: compression: 'snappy' is none of \"none\", \"lz4\", \"zstd\"",
        ),
        (
            "[[stream]]\nname = \"web\"\npaths = [\"/a\",\n  \"/b/[x\"]".to_owned(),
            "logdrive.toml:4:3: paths: bad glob '/b/[x' at character 4: unclosed character class; missing ']'",
        ),
        (
            format!("{stream}drop = ['ok', 'a(b']"),
            "logdrive.toml:4:15: drop: bad regular expression 'a(b' at character 2: unclosed group",
        ),
        (format!("{stream}parse = \"jsonn\""), "logdrive.toml:4:9: parse: 'jsonn' is no format; did you mean 'json'?"),
        (
            format!("{stream}timezone = \"CET\""),
            "logdrive.toml:4:12: timezone: 'CET' is no time zone; write UTC, local or an offset like +02:00",
        ),
        (
            format!("{stream}{stream}"),
            "logdrive.toml:5:8: name: there are two streams 'web'; give one of them another name",
        ),
        ("[[stream]]\npaths = \"/a\"".to_owned(), "logdrive.toml:1:1: a stream needs a name; add name = \"web\", say"),
        (
            "\n[[stream]]\nname = \"a\"".to_owned(),
            "logdrive.toml:2:1: stream 'a' follows nothing; add paths = [\"/var/log/app/*.log\"], say",
        ),
        (
            "[[stream]]\nname = \"A b\"\npaths = \"/a\"".to_owned(),
            "logdrive.toml:2:8: name: 'A b' is no name; use lower-case letters, digits, '_' and '-', like 'a-b'",
        ),
        (
            "data = \"${NO_SUCH}/x\"".to_owned(),
            "logdrive.toml:1:8: environment variable NO_SUCH is not set; set it, or write $${NO_SUCH} for the text itself",
        ),
        (
            "listen = \"0.0.0.0:7700\"".to_owned(),
            "logdrive.toml:1:10: listen: 0.0.0.0:7700 can be reached from other machines and asks for no login; listen on \
             127.0.0.1:7700, or allow it with --insecure (insecure = true)",
        ),
        (
            "[queue]\nurl = \"kafka://\"".to_owned(),
            "logdrive.toml:2:7: url: 'kafka://' is no engine; write file:///folder, http://host:7700 or \
             kafka://host:9092",
        ),
        ("host = ".to_owned(), "logdrive.toml:1:8: string values must be quoted, expected literal string"),
        ("a = 1\na = 2".to_owned(), "logdrive.toml:2:1: duplicate key"),
    ] {
        assert_eq!(said(&text), [want], "{text}");
    }
}

#[test]
fn all_mistakes_are_told_in_the_order_of_the_file() {
    let text = "\"ü\" = 1\nlisten = \"x\"\n[store]\nhead_age = \"1 fortnight\"\n[agent]\nfoo = 1\n";
    let said = said(text);
    let places: Vec<&str> = said.iter().filter_map(|line| line.split(": ").next()).collect();
    assert_eq!(places, ["logdrive.toml:1:1", "logdrive.toml:2:10", "logdrive.toml:4:12", "logdrive.toml:6:1"]);
    let folder = tempfile::tempdir().unwrap();
    let error = load(&inputs(folder.path(), Some(text))).unwrap_err();
    assert!(error.to_string().ends_with("(and 3 more; 'logdrive validate FILE' shows all)"), "{error}");
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut inputs = inputs(folder.path(), None);
    inputs.file = Some(folder.path().join("none.toml"));
    let said = load(&inputs).unwrap_err().to_string();
    assert!(said.starts_with("cannot read configuration ") && said.contains("none.toml: No such file"), "{said}");
}

#[test]
fn flags_win_over_environment_over_file_over_defaults() {
    let folder = tempfile::tempdir().unwrap();
    let file = "listen = \"127.0.0.1:1\"\ndata = \"d1\"\n[store]\nhead_age = \"1s\"\nretention_age = \"7d\"\n";
    let mut inputs = inputs(folder.path(), Some(file));
    inputs.env.insert("LOGDRIVE_LISTEN".to_owned(), "127.0.0.1:2".to_owned());
    inputs.env.insert("LOGDRIVE_STORE_HEAD_AGE".to_owned(), "2s".to_owned());
    inputs.flags.push(Flag { name: "--listen", key: "listen", value: "127.0.0.1:3".to_owned() });
    let loaded = load(&inputs).unwrap();
    assert_eq!(loaded.config.listen.port(), 3);
    assert_eq!(loaded.config.data, folder.path().join("d1"));
    assert_eq!(loaded.config.stores[0].head_age.as_secs(), 2);
    assert_eq!(loaded.config.stores[0].url, StoreUrl::Embedded(folder.path().join("d1/store")));
    let origin = |key: &str| {
        let setting = loaded.settings.iter().find(|setting| setting.key == key).unwrap();
        setting.origin.rsplit('/').next().unwrap_or_default().to_owned()
    };
    assert_eq!(origin("listen"), "--listen");
    assert_eq!(origin("store.head_age"), "LOGDRIVE_STORE_HEAD_AGE");
    assert_eq!(origin("store.retention_age"), "logdrive.toml:5:17");
    assert_eq!(origin("agent.block_bytes"), "default");
}

#[test]
fn a_mistake_outside_the_file_names_its_place_too() {
    let folder = tempfile::tempdir().unwrap();
    let mut inputs = inputs(folder.path(), None);
    inputs.env.insert("LOGDRIVE_LISTEN".to_owned(), "here".to_owned());
    inputs.flags.push(Flag { name: "--retain", key: "store.retention_age", value: "long".to_owned() });
    let said = load(&inputs).unwrap_err().lines();
    assert!(said[0].starts_with("LOGDRIVE_LISTEN: 'here' is not an address"), "{said:?}");
    assert!(said[1].starts_with("--retain: 'long' is not a duration"), "{said:?}");
}

#[test]
fn a_slip_in_a_variable_is_noticed() {
    let names = ["LOGDRIVE_STORE_HEAD_AGGE", "LOGDRIVE_LISTEN", "LOGDRIVE_SERVER", "LOGDRIVE_TEST_SEED", "HOME"];
    let env = names.map(|name| (name.to_owned(), String::new())).into();
    assert_eq!(
        strange_variables(&env),
        ["environment variable LOGDRIVE_STORE_HEAD_AGGE means nothing here; did you mean LOGDRIVE_STORE_HEAD_AGE?"]
    );
}

#[test]
fn a_stream_with_everything() {
    let folder = tempfile::tempdir().unwrap();
    let file = r#"
        [[stream]]
        name = "web"
        paths = ["logs/*.log", "/x/${DIR}"]
        exclude = ["*.tmp", "logs/old/*"]
        parse = "access"
        multiline = "off"
        timezone = "+02:00"
        drop = ['GET /health']
        start = "end"
    "#;
    let mut inputs = inputs(folder.path(), Some(file));
    inputs.env.insert("DIR".to_owned(), "y".to_owned());
    let stream = load(&inputs).unwrap().config.streams.remove(0);
    let at = |name: &str| folder.path().join(name).display().to_string();
    assert_eq!(stream.paths, [at("logs/*.log"), "/x/y".to_owned()]);
    assert_eq!(stream.exclude, ["*.tmp".to_owned(), at("logs/old/*")]);
    assert_eq!((stream.parse, stream.multiline), (ParseChoice::Only(model::Format::Access), Multiline::Off));
    assert_eq!((stream.utc_offset_secs, stream.start), (Some(7200), Start::End));
    assert_eq!(stream.drop, ["GET /health"]);
    assert_eq!(stream.revision, revision_of(&stream));
}

#[test]
fn paths_of_the_command_line_take_the_place_of_the_files_streams() {
    let folder = tempfile::tempdir().unwrap();
    let mut inputs = inputs(folder.path(), Some("[[stream]]\nname = \"web\"\npaths = [\"/a\"]\n"));
    inputs.up.fallback = Some(folder.path().into());
    inputs.up.exclude = vec!["*.bak".to_owned()];
    let names = |inputs: &Inputs| -> Vec<String> {
        load(inputs).unwrap().config.streams.into_iter().map(|stream| stream.name).collect()
    };
    assert_eq!(names(&inputs), ["web"]);
    inputs.up.paths = vec!["-".to_owned()];
    assert_eq!(names(&inputs), ["stdin"]);
    assert_eq!(load(&inputs).unwrap().config.streams[0].exclude, ["*.bak"]);
    inputs.up.exclude = vec!["[".to_owned()];
    assert!(load(&inputs).unwrap_err().to_string().contains("bad glob '['"));
}

#[test]
fn declared_defaults_are_those_of_the_resolved_types() {
    let folder = tempfile::tempdir().unwrap();
    let config = load(&inputs(folder.path(), None)).unwrap().config;
    assert_eq!(format!("{config:#?}"), format!("{:#?}", Config::new("box", "/data")));
}

#[test]
fn the_schema_in_the_docs_is_the_one_that_is_generated() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/logdrive.schema.json");
    if std::env::var_os("LOGDRIVE_REGENERATE").is_some() {
        std::fs::write(&path, schema()).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == schema(), "write it anew: cargo run -- schema > docs/logdrive.schema.json");
}

#[test]
fn every_declared_key_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = "[[stream]]\nname = \"s\"\npaths = [\"/a\"]\n[[metric]]\nname = \"m\"\n";
    let loaded = load(&inputs(folder.path(), Some(file))).unwrap();
    for section in crate::sections::ALL {
        for key in section.keys {
            let full = match section.name {
                "" => key.name.to_owned(),
                "stream" => format!("stream.s.{}", key.name),
                "metric" => format!("metric.m.{}", key.name),
                name => format!("{name}.{}", key.name),
            };
            assert!(loaded.settings.iter().any(|setting| setting.key == full), "{full} is declared but never read");
        }
    }
}

#[test]
fn the_reference_names_every_key_with_its_default() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    let text = std::fs::read_to_string(path).unwrap();
    for section in crate::sections::ALL {
        let title =
            if section.name.is_empty() { "## At the top".to_owned() } else { format!("## `{}`", section.title()) };
        let part = text.split(&format!("{title}\n")).nth(1).and_then(|rest| rest.split("\n## ").next());
        let part = part.unwrap_or_else(|| panic!("docs/configuration.md has no '{title}'"));
        for key in section.keys {
            let row = match key.default {
                "" => format!("| `{}` |", key.name),
                default => format!("| `{}` | `{default}` |", key.name),
            };
            assert!(part.contains(&row), "docs/configuration.md lacks, under '{title}': {row}");
        }
    }
}

#[test]
fn streams_beside_the_configuration_follow_its_rules() {
    let config = Config::new("h", "/data");
    let text = "[[stream]]\nname = \"a\"\npaths = [\"/var/log/a\", \"/srv/$${x}\"]\nparse = \"json\"\n";
    let (streams, settings) = crate::streams_of("streams.toml", text, &config).unwrap();
    assert_eq!((streams.len(), &streams[0].paths[1]), (1, &"/srv/${x}".to_owned()));
    assert_ne!(streams[0].revision.0, 0);
    let paths = settings.iter().find(|setting| setting.key == "stream.a.paths").unwrap();
    assert_eq!(paths.origin, "streams.toml:3:9");
    for (text, says) in [
        ("data = \"/x\"", "streams.toml:1:8: only [[stream]] may stand here"),
        ("[queue]\nsync = \"10ms\"", "streams.toml:2:"),
        ("[[store]]\nname = \"x\"\n", "streams.toml:1:1: only [[stream]]"),
        ("[[stream]]\nname = \"a\"\npaths = [\"/${HOME}\"]", "HOME"),
        ("[[stream]]\nname = \"a\"\npaths = [\"/a\"]\nstores = [\"archive\"]", "no store 'archive'"),
        ("[[stream]]\nname = \"A b\"\npaths = [\"/a\"]", "like 'a-b'"),
        ("[[stream]]\nname = \"a\"\npaths = [\"/a\"]\nparse = \"jsn\"", "did you mean 'json'"),
    ] {
        let wrong = crate::streams_of("streams.toml", text, &config).unwrap_err().to_string();
        assert!(wrong.contains(says), "{text}: {wrong}");
    }
}

#[test]
fn a_machine_is_measured_where_nobody_elses_engines_are_written_to() {
    let folder = tempfile::tempdir().unwrap();
    let enabled = |text: &str| {
        let loaded = load(&inputs(folder.path(), Some(text))).unwrap();
        let shown = loaded.settings.iter().find(|setting| setting.key == "host_metrics.enabled").unwrap().clone();
        assert_eq!(shown.value, loaded.config.host_metrics.enabled.to_string());
        (loaded.config.host_metrics.enabled, shown.origin == "default")
    };
    for (text, is) in [
        ("", (true, true)),
        ("[metrics]\nurl = \"influxdb://h:8086\"", (false, true)),
        ("[queue]\nurl = \"http://h:7700\"", (false, true)),
        ("[queue]\nurl = \"kafka://h:9092\"\n[host_metrics]\nenabled = true", (true, false)),
        ("[host_metrics]\nenabled = false", (false, false)),
    ] {
        assert_eq!(enabled(text), is, "{text}");
    }
}
