//! Files that are no text, by how they begin.
//!
//! A log may hold a stray NUL, or a line of rubbish after a crash, and must still be followed. So a file is left alone
//! only where it begins with the mark of a known binary format, or is mostly NULs, as tables of records are (`wtmp`).

/// So many first bytes are looked at.
const LOOK: usize = 1024;

/// How binary formats that live among logs begin.
const MARKS: [&[u8]; 12] = [
    b"\x7fELF",
    b"\x1f\x8b",
    b"\x28\xb5\x2f\xfd",
    b"\xfd7zXZ\0",
    b"BZh",
    b"PK\x03\x04",
    b"7z\xbc\xaf",
    b"\x04\x22\x4d\x18",
    b"\x89PNG",
    b"SQLite format 3\0",
    b"LPKSHHRH",
    b"PAR1",
];

/// Whether a file that begins with `block` is left alone when it is found in a followed folder.
pub fn looks_binary(block: &[u8]) -> bool {
    let head = &block[..block.len().min(LOOK)];
    let nuls = head.iter().filter(|byte| **byte == 0).count();
    MARKS.iter().any(|mark| head.starts_with(mark)) || nuls * 4 > head.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_with_rubbish_in_it_is_text() {
        let wtmp: Vec<u8> = [&[7, 0, 0, 0][..], b"pts/0", &[0; 380]].concat();
        let table: [(&[u8], bool); 7] = [
            (b"a plain line\n", false),
            (b"one \0 in a line\nand another\n", false),
            (b"\xff\xfe\x80 not UTF-8\n", false),
            (b"", false),
            (b"\x7fELF\x02\x01\x01", true),
            (b"\x1f\x8b\x08\0\0\0\0\0", true),
            (&wtmp, true),
        ];
        for (block, binary) in table {
            assert_eq!(looks_binary(block), binary, "{block:?}");
        }
    }
}
