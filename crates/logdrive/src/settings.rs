//! What the settings of this process are made of: flags, environment, the file, and what the machine says of itself.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use config::{Flag, Inputs, UpPaths};

use crate::cli::NodeArgs;
use crate::failure::Failure;
use crate::terminal;

/// The file that is taken where nobody names one.
const DEFAULT_FILE: &str = "logdrive.toml";
const FILE_VARIABLE: &str = "LOGDRIVE_CONFIG";

/// What the machine and the environment say.
pub(crate) fn machine() -> Result<Inputs, Failure> {
    let env: BTreeMap<String, String> =
        std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?))).collect();
    let folder = std::env::current_dir().map_err(|error| {
        Failure::Failed(format!("cannot tell the current folder: {error}; change to a folder that exists"))
    })?;
    let data = default_data(&env);
    Ok(Inputs { file: None, flags: Vec::new(), up: UpPaths::default(), host: host(), data, folder, env })
}

/// With the flags of a role.
pub(crate) fn of_node(args: &NodeArgs) -> Result<Inputs, Failure> {
    let mut inputs = machine()?;
    config::strange_variables(&inputs.env).iter().for_each(|strange| terminal::note(strange));
    let named = args.config.clone().or_else(|| inputs.env.get(FILE_VARIABLE).map(PathBuf::from));
    inputs.file = named.or_else(|| inputs.folder.join(DEFAULT_FILE).is_file().then(|| PathBuf::from(DEFAULT_FILE)));
    let mut flag = |name: &'static str, key: &'static str, value: Option<&String>| {
        inputs.flags.extend(value.map(|value| Flag { name, key, value: value.clone() }));
    };
    flag("--data", "data", args.data.as_ref());
    flag("--listen", "listen", args.listen.as_ref());
    flag("--insecure", "insecure", args.insecure.then(|| "true".to_owned()).as_ref());
    Ok(inputs)
}

/// The machine's name, as records carry it.
pub(crate) fn host() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    if name.trim().is_empty() { "localhost".to_owned() } else { name }
}

fn default_data(env: &BTreeMap<String, String>) -> PathBuf {
    let absolute = |name: &str| env.get(name).map(Path::new).filter(|path| path.is_absolute());
    match (absolute("XDG_DATA_HOME"), absolute("HOME")) {
        (Some(data), _) => data.join("logdrive"),
        (None, Some(home)) => home.join(".local/share/logdrive"),
        (None, None) => PathBuf::from("/var/lib/logdrive"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_where_the_desktop_says() {
        let env = |pairs: &[(&str, &str)]| {
            let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            default_data(&pairs.collect()).display().to_string()
        };
        assert_eq!(env(&[("XDG_DATA_HOME", "/x"), ("HOME", "/h")]), "/x/logdrive");
        assert_eq!(env(&[("XDG_DATA_HOME", "rel"), ("HOME", "/h")]), "/h/.local/share/logdrive");
        assert_eq!(env(&[]), "/var/lib/logdrive");
    }
}
