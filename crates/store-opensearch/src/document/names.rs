//! Names of fields, as a mapping can hold them.

use std::borrow::Cow;

/// Bytes of a field's name, at most.
pub const NAME_BYTES_MAX: usize = 512;

/// The name of a field below `fields`; `None` where the name is too long to be one.
pub fn field_name(name: &str) -> Option<Cow<'_, str>> {
    if name.len() > NAME_BYTES_MAX {
        return None;
    }
    let plain = |c: char| !matches!(c, '.' | '/' | '%' | '*') && !c.is_control();
    if name.chars().all(plain) && !name.trim().is_empty() {
        return Some(Cow::Borrowed(name));
    }
    let blank = name.trim().is_empty();
    let mut out = String::with_capacity(name.len() + 8);
    for c in name.chars() {
        match c {
            '.' => out.push('/'),
            c if plain(c) && !blank => out.push(c),
            c => c.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| out.push_str(&format!("%{byte:02X}"))),
        }
    }
    if out.is_empty() {
        out.push('%');
    }
    Some(Cow::Owned(out))
}

/// The inverse of [`field_name`].
pub fn original_name(name: &str) -> String {
    if !name.contains(['/', '%']) {
        return name.to_owned();
    }
    let mut out = Vec::with_capacity(name.len());
    let mut bytes = name.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'/' => out.push(b'.'),
            b'%' => {
                let hex = [bytes.next(), bytes.next()].map(|digit| char::from(digit?).to_digit(16));
                if let [Some(high), Some(low)] = hex {
                    out.push((high * 16 + low) as u8);
                }
            }
            byte => out.push(byte),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// A field's name as `logdrive.raw_names` holds it.
pub fn raw_name(name: &str) -> &str {
    let mut end = name.len().min(NAME_BYTES_MAX);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    &name[..end]
}
