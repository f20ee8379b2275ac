//! The new file, with what changes in meaning at its top.

use std::fmt::Write as _;

use config::PathKind;

use super::Converted;
use super::find::{Database, Entry, Found};

/// A `[[stream]]`.
#[derive(Debug)]
struct Stream {
    name: String,
    paths: Vec<String>,
    topic: Option<String>,
}

pub(super) fn write(found: &Found, sources: &[String]) -> Converted {
    let mut notes = Vec::new();
    let mut body = String::new();
    let topic = main_topic(found);
    queue(found, topic.as_deref(), &mut body, &mut notes);
    search(found, &mut body, &mut notes);
    metrics(found, &mut body, &mut notes);
    for stream in streams(&found.entries, &mut notes) {
        let _ = write!(body, "\n[[stream]]\nname = {}\npaths = [", quoted(&stream.name));
        let paths: Vec<String> = stream.paths.iter().map(|path| quoted(path)).collect();
        let _ = writeln!(body, "{}]", paths.join(", "));
        if let (Some(own), false) = (&stream.topic, found.brokers.is_empty())
            && stream.topic != topic
        {
            let _ = writeln!(body, "topic = {}", quoted(own));
        }
    }
    notes.extend(meaning(found));
    if found.etcd.is_some() {
        notes.push("etcd is not used: the list of files is this file, on each machine".to_owned());
    }
    if !found.left.is_empty() {
        notes.push(format!("not taken over: {}", found.left.join(", ")));
    }
    let mut text = format!("# Made by 'logdrive convert' of {}.\n#\n", one_line(&sources.join(", ")));
    for note in &notes {
        let _ = writeln!(text, "# - {}", one_line(note));
    }
    text.push_str(&body);
    Converted { text, notes }
}

/// What an old collector does otherwise, whatever its file says.
fn meaning(found: &Found) -> Vec<String> {
    let mut notes = vec![
        "an old collector starts at the end of each file and forgets how far it was; logdrive reads a file from its beginning, \
         and goes on where it was after a restart: add start = \"end\" to a stream to leave out what is there now"
            .to_owned(),
        "lines that belong together (a stack trace) become one record; add multiline = \"off\" to a stream to keep a record a \
         line"
            .to_owned(),
    ];
    if !found.brokers.is_empty() {
        let acks = found.kafka.iter().any(|(key, _)| *key == "acks");
        let acks = if acks { "" } else { ", acks = \"all\"" };
        notes.push(format!(
            "messages carry headers (id, host, path, stream) and the key of their file, whose lines stay in one partition, in \
             order{acks}; partitioner = \"random\" spreads them"
        ));
    }
    notes
}

/// The topic of `[kafka]`: what the old file says, or else the one that most files go to.
fn main_topic(found: &Found) -> Option<String> {
    let own: Vec<&String> = found.entries.iter().filter_map(|entry| entry.topic.as_ref()).collect();
    let most = own.iter().max_by_key(|topic| own.iter().filter(|other| other == topic).count());
    found.topic.clone().or_else(|| most.map(|topic| (*topic).clone()))
}

fn queue(found: &Found, topic: Option<&str>, out: &mut String, notes: &mut Vec<String>) {
    if found.brokers.is_empty() {
        if topic.is_some() {
            notes.push(
                "no address of Kafka was found: lines go into the embedded queue, and topics are left out".to_owned(),
            );
        }
        return;
    }
    let _ = writeln!(out, "\n[queue]\nurl = {}", quoted(&format!("kafka://{}", found.brokers.join(","))));
    out.push_str("\n[kafka]\n");
    if let Some(topic) = topic {
        let _ = writeln!(out, "topic = {}", quoted(topic));
    }
    let has = |name: &str| found.kafka.iter().any(|(key, _)| *key == name);
    let login = has("username") && has("password");
    for (key, value) in last_of_each(&found.kafka) {
        if login || !matches!(key, "username" | "password" | "sasl") {
            let _ = writeln!(out, "{key} = {}", quoted(value));
        }
    }
    if login {
        if !has("sasl") {
            out.push_str("sasl = \"plain\"\n");
            notes.push("[kafka] sasl = \"plain\" is a guess; it may be scram-sha-256 or scram-sha-512".to_owned());
        }
        secret("[kafka] password", notes);
    }
    if found.kafka.iter().any(|(key, value)| *key == "acks" && value != "all") {
        notes.push("[kafka] acks is as it was: lines are lost when a broker is; acks = \"all\" keeps them".to_owned());
    }
}

/// Of several values of a key, the last one.
fn last_of_each<'a>(keys: &'a [(&'static str, String)]) -> impl Iterator<Item = (&'static str, &'a str)> {
    let last = |at: usize| !keys[at + 1..].iter().any(|(key, _)| *key == keys[at].0);
    keys.iter().enumerate().filter(move |(at, _)| last(*at)).map(|(_, (key, value))| (*key, value.as_str()))
}

fn search(found: &Found, out: &mut String, notes: &mut Vec<String>) {
    let Some(database) = found.search.as_ref().filter(|database| !database.addresses.is_empty()) else { return };
    let tls = database.addresses.iter().any(|address| address.starts_with("https://"));
    let scheme = if tls { "https" } else { "http" };
    let _ = writeln!(out, "\n[store]\nurl = {}", quoted(&format!("{scheme}://{}", hosts(database, "9200").join(","))));
    for (key, value) in last_of_each(&database.keys) {
        let value = if key == "index" { value.to_lowercase() } else { value.to_owned() };
        let _ = writeln!(out, "{key} = {}", quoted(&value));
        if matches!(key, "password" | "api_key") {
            secret(&format!("[store] {key}"), notes);
        }
    }
    notes.push("documents are indexed once each, by the id of their record, under field names of ECS".to_owned());
}

fn metrics(found: &Found, out: &mut String, notes: &mut Vec<String>) {
    let Some(database) = found.metrics.as_ref().filter(|database| !database.addresses.is_empty()) else { return };
    let two = database.keys.iter().any(|(key, _)| matches!(*key, "org" | "bucket" | "token"));
    let tls = if database.addresses[0].starts_with("https://") { "+https" } else { "" };
    let scheme = if two { "influxdb2" } else { "influxdb" };
    let hosts = hosts(database, "8086");
    let _ = writeln!(out, "\n[metrics]\nurl = {}", quoted(&format!("{scheme}{tls}://{}", hosts[0])));
    if hosts.len() > 1 {
        notes.push(format!("of several addresses of the metrics database, the first is used: {}", hosts[0]));
    }
    for (key, value) in last_of_each(&database.keys) {
        let of_two = matches!(key, "org" | "bucket" | "token");
        if of_two == two {
            let _ = writeln!(out, "{key} = {}", quoted(value));
        }
        if matches!(key, "password" | "token") && of_two == two {
            secret(&format!("[metrics] {key}"), notes);
        }
    }
    notes.push("[metrics] has only the address: what to measure of lines is written as [[metric]]; add [host_metrics] enabled = \
                true where the old one measured its machine".to_owned());
}

fn secret(key: &str, notes: &mut Vec<String>) {
    notes.push(format!(
        "{key} is written as it was: keep the file to yourself, or write \"${{NAME}}\" and set the variable"
    ));
}

/// `host:port` of each address.
fn hosts(database: &Database, port: &str) -> Vec<String> {
    let host = |address: &String| {
        let host = address.split_once("://").map_or(address.as_str(), |(_, rest)| rest);
        let host = host.split('/').next().unwrap_or_default();
        if host.contains(':') { host.to_owned() } else { format!("{host}:{port}") }
    };
    database.addresses.iter().map(host).collect()
}

/// Files of one name and topic are one stream.
fn streams(entries: &[Entry], notes: &mut Vec<String>) -> Vec<Stream> {
    let mut streams: Vec<(Stream, Option<&str>)> = Vec::new();
    for entry in entries {
        let path = path_of(&entry.path, notes);
        let given = entry.name.as_deref().or(entry.topic.as_deref());
        let same = |(stream, other): &&mut (Stream, Option<&str>)| {
            stream.topic == entry.topic && given.is_some() && *other == given
        };
        if let Some((stream, _)) = streams.iter_mut().find(same) {
            if !stream.paths.contains(&path) {
                stream.paths.push(path);
            }
            continue;
        }
        let wish = given.map_or_else(|| config::stream_name(&path, PathKind::File), config::clean_name);
        let wish = wish.trim_matches('.').to_owned();
        let taken = |name: &str| streams.iter().any(|(stream, _)| stream.name == name);
        let numbered = (2..).map(|n| format!("{wish}-{n}"));
        let name = std::iter::once(wish.clone()).chain(numbered).find(|name| !taken(name)).unwrap_or_default();
        streams.push((Stream { name, paths: vec![path], topic: entry.topic.clone() }, given));
    }
    streams.into_iter().map(|(stream, _)| stream).collect()
}

/// The path as it is followed here.
fn path_of(path: &str, notes: &mut Vec<String>) -> String {
    let mut say = |said: String| {
        if !notes.contains(&said) {
            notes.push(said);
        }
    };
    let mut path = path.replace('\\', "/");
    let dated = dates(&path);
    if dated != path {
        say(format!("'{path}' has a date in it: '{dated}' follows the files of all days"));
        path = dated;
    }
    if path.as_bytes().get(1) == Some(&b':') {
        say(format!("'{path}' is a path of Windows; logdrive follows files on Linux"));
    } else if let Some(rest) = path.strip_prefix("~/") {
        path = format!("${{HOME}}/{rest}");
    } else if !path.starts_with('/') {
        say(format!(
            "'{path}' was meant from where the old program ran; here it is meant from the folder of this file"
        ));
    }
    path
}

/// `%Y%m%d` and `YYYY-MM-DD` as `*`.
fn dates(path: &str) -> String {
    const WORDS: [&str; 10] = ["%Y", "%m", "%d", "%H", "%M", "YYYY", "yyyy", "MM", "DD", "HH"];
    let Some(start) = ["%Y", "YYYY", "yyyy"].iter().filter_map(|word| path.find(word)).min() else {
        return path.to_owned();
    };
    let mut end = start;
    loop {
        let rest = &path[end..];
        let gap = usize::from(end > start && rest.starts_with(['-', '_', '.']));
        let word = WORDS.iter().chain(["dd", "hh"].iter()).find(|word| rest[gap..].starts_with(**word));
        let Some(word) = word else { break };
        end += gap + word.len();
    }
    format!("{}*{}", &path[..start], dates(&path[end..]))
}

/// A text of TOML that stands for itself.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    // "~" became a variable above; any other such text stands for itself.
    let text = match text.strip_prefix("${HOME}/") {
        Some(rest) => format!("${{HOME}}/{}", rest.replace("${", "$${")),
        None => text.replace("${", "$${"),
    };
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
