//! Asks a server, by the command line and by HTTP.

use std::process::{Command, Output, Stdio};
use std::time::Duration;

use base64::Engine as _;
use serde_json::Value;

use crate::{binary, until};

/// One server.
#[derive(Clone, Debug)]
pub struct Client {
    /// `http://127.0.0.1:4711`
    pub address: String,
    agent: ureq::Agent,
}

/// A line of `search --json`.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// `source.generation`
    pub key: String,
    /// Where it begins in its file.
    pub offset: u64,
    /// Its bytes.
    pub line: Vec<u8>,
    /// The whole object.
    pub json: Value,
}

/// A line of `audit --json`.
#[derive(Clone, Debug)]
pub struct Account {
    /// `source.generation`
    pub key: String,
    /// The path.
    pub path: String,
    /// Everything is accounted for up to `size`.
    pub complete: bool,
    /// The whole object.
    pub json: Value,
}

impl Account {
    /// A number of the account.
    ///
    /// # Panics
    /// Where it has no such number.
    pub fn bytes(&self, name: &str) -> u64 {
        self.json[name].as_u64().unwrap_or_else(|| panic!("no number '{name}' in {}", self.json))
    }

    /// The ranges that are nowhere.
    pub fn gaps(&self) -> &[Value] {
        self.json["gaps"].as_array().map_or(&[], Vec::as_slice)
    }
}

/// A command of logdrive, free of the machine's settings.
pub fn logdrive(args: &[&str]) -> Command {
    let mut command = Command::new(binary());
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("LOGDRIVE_")) {
        command.env_remove(name);
    }
    command.args(args).env("NO_COLOR", "1").stdin(Stdio::null());
    command
}

impl Client {
    /// Of a server at `http://ADDRESS:PORT`.
    pub fn new(address: &str) -> Self {
        let config =
            ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(120))).http_status_as_error(false);
        Self { address: address.to_owned(), agent: config.build().into() }
    }

    /// The body of an answer.
    ///
    /// # Errors
    /// What went wrong, or what was answered instead of success.
    pub fn get(&self, path: &str) -> Result<String, String> {
        let answer = self.agent.get(format!("{}{path}", self.address)).call().map_err(|failed| failed.to_string())?;
        let status = answer.status();
        let body = answer.into_body().read_to_string().map_err(|failed| failed.to_string())?;
        if status.is_success() { Ok(body) } else { Err(format!("{status}: {body}")) }
    }

    /// A client command, run to its end.
    ///
    /// # Panics
    /// Where it cannot be run.
    pub fn run(&self, args: &[&str]) -> Output {
        logdrive(args).args(["--server", &self.address]).output().expect("the binary runs")
    }

    /// What a client command prints, which must succeed.
    ///
    /// # Errors
    /// What it said instead.
    pub fn says(&self, args: &[&str]) -> Result<String, String> {
        let output = self.run(args);
        if !output.status.success() {
            return Err(format!("{args:?}: {}: {}", output.status, String::from_utf8_lossy(&output.stderr)));
        }
        String::from_utf8(output.stdout).map_err(|_| format!("{args:?}: not UTF-8"))
    }

    /// `search --json`
    ///
    /// # Errors
    /// What it said instead.
    pub fn search(&self, args: &[&str]) -> Result<Vec<Hit>, String> {
        let text = self.says(&[&["search", "--json"], args].concat())?;
        text.lines().map(hit).collect()
    }

    /// `search --json --all` until there are so many hits.
    pub fn hits(&self, query: &str, count: usize) -> Vec<Hit> {
        until(&format!("{count} hits of '{query}'"), || {
            let hits = self.search(&[query, "--all"])?;
            if hits.len() == count { Ok(hits) } else { Err(format!("{} hits", hits.len())) }
        })
    }

    /// `audit --json`
    ///
    /// # Errors
    /// What it said instead.
    pub fn audit(&self, of: &[&str]) -> Result<Vec<Account>, String> {
        let output = self.run(&[&["audit", "--json"], of].concat());
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        // An account that is not complete is an answer, whatever the exit code.
        if !output.status.success() && text.is_empty() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        text.lines().map(account).collect()
    }

    /// The accounts once each of them is complete and they are of `sizes` in all: (files, bytes).
    pub fn complete(&self, files: usize, bytes: u64) -> Vec<Account> {
        until(&format!("{files} files of {bytes} bytes are complete"), || {
            let accounts = self.audit(&[])?;
            let size: u64 = accounts.iter().map(|account| account.bytes("size")).sum();
            let open = accounts.iter().filter(|account| !account.complete).map(|account| account.json.to_string());
            let open: Vec<String> = open.take(3).collect();
            if accounts.len() == files && size == bytes && open.is_empty() {
                return Ok(accounts);
            }
            Err(format!("{} files of {size} bytes; not complete: {open:?}", accounts.len()))
        })
    }
}

fn hit(text: &str) -> Result<Hit, String> {
    let json: Value = serde_json::from_str(text).map_err(|failed| format!("{failed}: {text}"))?;
    let id = json["id"].as_str().ok_or_else(|| format!("no id: {text}"))?;
    let (key, offset) = id.rsplit_once('.').ok_or_else(|| format!("no id: {text}"))?;
    let line = match (json["line_base64"].as_str(), json["line"].as_str()) {
        (Some(coded), _) => {
            base64::engine::general_purpose::STANDARD.decode(coded).map_err(|failed| failed.to_string())?
        }
        (None, Some(line)) => line.as_bytes().to_vec(),
        (None, None) => return Err(format!("no line: {text}")),
    };
    let offset = offset.parse().map_err(|_| format!("no offset: {text}"))?;
    Ok(Hit { key: key.to_owned(), offset, line, json })
}

fn account(text: &str) -> Result<Account, String> {
    let json: Value = serde_json::from_str(text).map_err(|failed| format!("{failed}: {text}"))?;
    let text = |name: &str| json[name].as_str().unwrap_or_default().to_owned();
    Ok(Account {
        key: format!("{}.{}", text("source"), json["generation"]),
        path: text("path"),
        complete: json["complete"].as_bool().unwrap_or(false),
        json,
    })
}
