use model::{Generation, Partition, Place, QueueId, SourceId, SourceKey};
use proptest::prelude::*;

use super::*;

fn key(n: u64) -> SourceKey {
    SourceKey::new(SourceId(u128::from(n) << 64 | 5), Generation(n as u32 % 3))
}

fn change(n: u64) -> Change {
    let name = SourceName { stream: "web".into(), host: "h".into(), path: format!("/ä/{n}").into() };
    let mut source = SourceChange { name: n.is_multiple_of(2).then_some(name), ..SourceChange::of(key(n % 7)) };
    source.stored.insert(n * 10, n * 10 + 10);
    source.dead_letter.insert(n, n + 1);
    let mut cursors = model::Cursors::start_of(QueueId(3));
    cursors.pass(Place { partition: Partition(n as u32 % 4), offset: n });
    let part = PartMeta { id: n, day: -5, rows: n, sources: Box::from(*b"xyz"), ..PartMeta::default() };
    Change {
        next_part: n,
        cursors: Some(cursors),
        fields: vec![format!("f{n}").into()],
        sources: vec![source],
        added: vec![PartMeta { fields: Box::from([(1, 2, true)]), ..part }],
        removed: if n > 3 { vec![n - 3] } else { Vec::new() },
    }
}

#[test]
fn a_state_survives_reopening_and_any_cut_of_its_last_change() {
    let dir = tempfile::tempdir().unwrap();
    let (mut manifest, mut state) = Manifest::open(dir.path()).unwrap();
    let mut states = vec![state.clone()];
    let mut ends = vec![manifest.len];
    for n in 1..20 {
        manifest.commit(&change(n), || unreachable!("it is not outgrown yet")).unwrap();
        state.apply(change(n));
        states.push(state.clone());
        ends.push(manifest.len);
    }
    let path = dir.path().join(NAME);
    let whole = std::fs::read(&path).unwrap();
    for len in ends[0]..=ends[19] {
        std::fs::write(&path, &whole[..len as usize]).unwrap();
        let (reopened, found) = Manifest::open(dir.path()).unwrap();
        let durable = ends.partition_point(|end| *end <= len) - 1;
        assert_eq!(found, states[durable], "cut at {len}");
        assert_eq!(reopened.len, ends[durable]);
    }
}

#[test]
fn a_change_after_a_cut_is_read_again() {
    let dir = tempfile::tempdir().unwrap();
    let (mut manifest, mut state) = Manifest::open(dir.path()).unwrap();
    manifest.commit(&change(1), State::default).unwrap();
    state.apply(change(1));
    let path = dir.path().join(NAME);
    let mut torn = std::fs::read(&path).unwrap();
    torn.extend_from_slice(&[200, 0, 0, 0, 1, 2, 3]);
    std::fs::write(&path, torn).unwrap();
    let (mut manifest, _) = Manifest::open(dir.path()).unwrap();
    manifest.commit(&change(2), State::default).unwrap();
    state.apply(change(2));
    assert_eq!(Manifest::open(dir.path()).unwrap().1, state);
}

#[test]
fn what_is_damaged_in_its_middle_or_newer_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (mut manifest, _) = Manifest::open(dir.path()).unwrap();
    (1..4).for_each(|n| manifest.commit(&change(n), State::default).unwrap());
    let path = dir.path().join(NAME);
    let whole = std::fs::read(&path).unwrap();
    for at in [0, 20, 60, whole.len() / 2] {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x40;
        std::fs::write(&path, damaged).unwrap();
        let found = Manifest::open(dir.path()).err();
        assert!(matches!(found, Some(StoreError::Corrupt { .. })), "byte {at}: {found:?}");
    }
    let mut newer = whole;
    newer[4] = 9;
    std::fs::write(&path, newer).unwrap();
    assert!(matches!(Manifest::open(dir.path()), Err(StoreError::Version { found: 9, known: 1, .. })));
}

#[test]
fn it_is_replaced_when_changes_outgrow_the_checkpoint() {
    let dir = tempfile::tempdir().unwrap();
    let (mut manifest, mut state) = Manifest::open(dir.path()).unwrap();
    let mut path = change(2);
    path.fields.clear();
    if let Some(name) = &mut path.sources[0].name {
        name.path = "x".repeat(100_000).into();
    }
    let (mut biggest, mut replaced) = (0, 0);
    for _ in 0..50 {
        let before = (state.clone(), manifest.len);
        manifest.commit(&path, || before.0).unwrap();
        state.apply(path.clone());
        biggest = biggest.max(manifest.len);
        replaced += u32::from(manifest.len < before.1);
    }
    assert!(biggest < 2 * CHANGES_BYTES_MAX && replaced > 2, "{biggest} bytes, replaced {replaced} times");
    assert_eq!(Manifest::open(dir.path()).unwrap().1, state);
}

proptest! {
    #[test]
    fn never_panics_on_rubbish(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = wire::decode(&bytes);
        let _ = unpack_sources(&bytes);
        let _ = read(&bytes, Path::new("m"));
    }
}
