//! The keys at the top of the file.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::key::{Key, Kind, Section, Shape};
use crate::reader::Reader;

pub(crate) const SECTION: Section = Section {
    name: "",
    shape: Shape::One,
    doc: "The machine and its one HTTP port.",
    required: &[],
    keys: &[
        Key::new("host", Kind::Text, "", "Name of this machine in records; the host name by default."),
        Key::new(
            "data",
            Kind::Text,
            "",
            "The folder of all embedded engines and caches; $XDG_DATA_HOME/logdrive or ~/.local/share/logdrive by default.",
        ),
        Key::new("listen", Kind::Text, "127.0.0.1:7700", "Address and port of page, API, metrics and health."),
        Key::new("insecure", Kind::Bool, "false", "Allows listening beyond loopback without login."),
    ],
};

/// The resolved keys of the top.
pub(crate) struct Root {
    pub host: String,
    pub data: PathBuf,
    pub listen: SocketAddr,
    pub insecure: bool,
}

pub(crate) fn resolve(reader: &mut Reader<'_>, host: &str, data: &str) -> Root {
    let root = Root {
        host: reader.or("host", host, |text| match text.trim() {
            "" => Err("the name of the machine must not be empty".to_owned()),
            name => Ok(name.to_owned()),
        }),
        data: reader.path("data", data),
        insecure: reader.bool("insecure"),
        listen: reader.parse("listen", address),
    };
    if !root.listen.ip().is_loopback() && !root.insecure {
        reader.wrong(
            "listen",
            format!(
                "{} can be reached from other machines and asks for no login; listen on 127.0.0.1:{}, or allow it with \
                 --insecure (insecure = true)",
                root.listen,
                root.listen.port()
            ),
        );
    }
    root
}

/// `127.0.0.1:7700`, `[::1]:7700`, `localhost:7700`.
fn address(text: &str) -> Result<SocketAddr, String> {
    let text = text.trim();
    let plain = match text.strip_prefix("localhost:") {
        Some(port) => format!("127.0.0.1:{port}"),
        None => text.to_owned(),
    };
    plain
        .parse()
        .map_err(|_| format!("'{text}' is not an address; write an IP address and a port, like 127.0.0.1:7700"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        assert_eq!(address("localhost:80").unwrap().to_string(), "127.0.0.1:80");
        assert_eq!(address("[::1]:7700").unwrap().to_string(), "[::1]:7700");
        for text in ["", "7700", "example.org:7700", "127.0.0.1", "127.0.0.1:99999"] {
            assert!(address(text).is_err(), "{text}");
        }
    }
}
