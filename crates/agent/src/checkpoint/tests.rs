use proptest::prelude::*;

use super::*;

fn entry(n: u64) -> Entry {
    Entry {
        report: SourceReport {
            key: SourceKey::new(SourceId(u128::from(n) << 60 | 5), Generation(n as u32 % 3)),
            host: "here".into(),
            stream: "s".into(),
            path: format!("/var/log/{n}.log").into(),
            size: n * 10,
            read: n * 7,
            queued: n * 3,
            missed: vec![Missed { start: n, end: n + 5, reason: REASONS[n as usize % 4] }],
            state: if n.is_multiple_of(2) { FileState::Finished } else { FileState::Following },
            changed_at: Timestamp::from_micros(n as i64),
            file: Default::default(),
        },
        open_line: n.is_multiple_of(3).then_some(n),
        format: Format::Json,
        gave_up: n.is_multiple_of(7),
        witness: (!n.is_multiple_of(4)).then_some(Witness { len: 200, hash: n }),
        prefix: Witness { len: 1024, hash: !n },
        home: format!("/var/log/{n}.log").into(),
        inode: n,
        copy_of: n.is_multiple_of(5).then(|| SourceKey::new(SourceId(u128::from(n)), Generation(1))),
        sent: std::collections::VecDeque::new(),
    }
}

fn open(folder: &Path) -> (Checkpoints, Ledger, Timestamp) {
    let mut ledger = Ledger::default();
    let (checkpoints, loaded) = Checkpoints::open(folder, &mut ledger, Timestamp::from_micros(3)).expect("opens");
    (checkpoints, ledger, loaded)
}

#[test]
fn everything_is_there_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut checkpoints, _, loaded) = open(folder.path());
    assert_eq!(loaded, Timestamp::from_micros(3));
    let mut entries: Vec<Entry> = (0..40).map(entry).collect();
    checkpoints.append(entries.iter(), Timestamp::from_micros(5)).expect("writes");
    entries[7].report.queued = 9999;
    entries[7].home = "/elsewhere".into();
    checkpoints.append(entries[7..8].iter(), Timestamp::from_micros(6)).expect("writes");
    for _ in 0..2 {
        let (_, ledger, loaded) = open(folder.path());
        assert_eq!(loaded, Timestamp::from_micros(6));
        for entry in &entries {
            assert_eq!(ledger.get(entry.report.key), Some(entry));
        }
        assert_eq!(ledger.of_home(Path::new("/elsewhere")), [entries[7].report.key]);
        assert!(ledger.of_home(Path::new("/var/log/7.log")).is_empty());
    }
}

fn header(key: SourceKey, start: u64, end: u64) -> Arc<BatchHeader> {
    Arc::new(BatchHeader {
        key,
        start,
        end,
        line_start: start,
        lines: 1,
        records: 1,
        flags: model::BatchFlags::default(),
        codec: model::Codec::None,
        payload_len: (end - start) as u32,
        payload_crc: 7,
        format: Format::Json,
        utc_offset_secs: 0,
        read_at: Timestamp::from_micros(9),
        revision: model::Revision(1),
        stream: "s".into(),
        host: "here".into(),
        path: "/var/log/1.log".into(),
        continuations: [].as_slice().into(),
    })
}

#[test]
fn what_may_have_been_sent_is_known_until_it_is_acknowledged() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut checkpoints, ledger, _) = open(folder.path());
    let ledger = Mutex::new(ledger);
    let now = Timestamp::from_micros(5);
    let mut one = entry(1);
    one.report.queued = 100;
    let sent: Vec<_> = [(100, 150), (150, 170), (170, 300)].map(|(a, b)| header(one.report.key, a, b)).into();
    checkpoints.note_ahead(std::slice::from_ref(&one), &sent, true, (&ledger, now)).expect("writes");
    let length = fs::metadata(folder.path().join("checkpoints.log")).expect("is there").len();
    assert_eq!(checkpoints.synced(), length);
    one.report.queued = 150;
    checkpoints.append([one.clone()].iter(), now).expect("writes");
    // Twice: opening writes the file anew.
    for _ in 0..2 {
        let (_, ledger, _) = open(folder.path());
        let found = ledger.get(one.report.key).expect("is there");
        assert_eq!((found.report.queued, found.sent_end()), (150, 300));
        assert!(found.sent.iter().eq(&sent[1..]));
    }
}

#[test]
fn a_newer_version_is_refused_and_rubbish_is_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("checkpoints.log");
    fs::write(&path, [&MAGIC[..], &[9]].concat()).expect("writes");
    let refused =
        Checkpoints::open(folder.path(), &mut Ledger::default(), Timestamp::from_micros(3)).err().expect("is refused");
    assert!(refused.to_string().contains("version 9"), "{refused}");
    fs::write(&path, b"rubbish").expect("writes");
    assert_eq!(open(folder.path()).1.entries().count(), 0);
}

#[test]
fn it_is_written_anew_before_it_grows_without_bound() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut checkpoints, mut ledger, _) = open(folder.path());
    let one = entry(1);
    ledger.put(one.clone());
    let many = vec![one; 1000];
    let mut compacted = 0;
    for _ in 0..200 {
        checkpoints.append(many.iter(), Timestamp::from_micros(1)).expect("writes");
        if checkpoints.wants_compaction() {
            checkpoints.compact(&ledger, Timestamp::from_micros(1)).expect("writes");
            compacted += 1;
        }
    }
    assert!(
        compacted > 0
            && fs::metadata(folder.path().join("checkpoints.log")).expect("is there").len() < COMPACT_AT + (1 << 20)
    );
    assert_eq!(open(folder.path()).1.entries().count(), 1);
}

proptest! {
    #[test]
    fn a_tear_or_a_wrong_byte_costs_only_what_follows(cut in 0usize..4000, flip in 0usize..4000) {
        let folder = tempfile::tempdir().expect("a folder");
        let (mut checkpoints, _, _) = open(folder.path());
        let entries: Vec<Entry> = (0..30).map(entry).collect();
        checkpoints.append(entries.iter(), Timestamp::from_micros(5)).expect("writes");
        let path = folder.path().join("checkpoints.log");
        let mut bytes = fs::read(&path).expect("reads");
        bytes.truncate(bytes.len().min(cut.max(9)));
        if let Some(byte) = bytes.get_mut(flip.max(8)) { *byte ^= 0x40; }
        fs::write(&path, &bytes).expect("writes");
        let (_, ledger, _) = open(folder.path());
        let found = ledger.entries().count();
        prop_assert!(entries[..found].iter().all(|entry| ledger.get(entry.report.key) == Some(entry)));
    }
}
