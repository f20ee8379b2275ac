//! nginx in front of everything: `access.log` and `error.log`.

use std::fmt::Write as _;

use super::chance::Chance;
use super::moment::Moment;
use super::request::{Ending, Request};

pub(crate) fn access(request: &Request, now: &Moment, out: &mut String) {
    // Writing to a String cannot fail, here and below.
    let _ = writeln!(
        out,
        "{} - - [{}] \"{} {} HTTP/1.1\" {} {} \"https://shop.example/\" \"{}\"",
        request.client,
        now.access(),
        request.method,
        request.path,
        request.status,
        request.bytes,
        request.agent
    );
}

pub(crate) fn error(request: &Request, now: &Moment, chance: &mut Chance, out: &mut String) {
    let (level, what) = match request.ending {
        Ending::LockTimeout => {
            ("error", "upstream timed out (110: Connection timed out) while reading response header from upstream")
        }
        Ending::Refused => ("error", "connect() failed (111: Connection refused) while connecting to upstream"),
        Ending::NotFound if request.path.starts_with("/.") => ("error", "access forbidden by rule"),
        Ending::Fine if request.bytes > 18_000 => {
            ("warn", "an upstream response is buffered to a temporary file /var/cache/nginx/proxy_temp/4/02/0000000024")
        }
        _ => return,
    };
    let _ = writeln!(
        out,
        "{} [{level}] 812#812: *{} {what}, client: {}, server: shop.example, request: \"{} {} HTTP/1.1\", upstream: \
         \"http://10.0.0.12:8080{}\", host: \"shop.example\"",
        now.nginx(),
        chance.range(1000, 99_999),
        request.client,
        request.method,
        request.path,
        request.path
    );
}
