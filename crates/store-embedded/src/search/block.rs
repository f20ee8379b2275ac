//! Some rows that are looked at together: a page of a part, or a batch of the head.

use std::borrow::Cow;
use std::rc::Rc;

use base::Timestamp;
use model::RecordId;
use store::StoreError;
use store::query::{FixedTest, ValueTest};

/// Which rows of a block are still in question, one `bool` a row: simple, and quick because it becomes vector code.
pub(super) type Mask = [bool];

/// Whether no row is left.
pub(super) fn is_empty(mask: &Mask) -> bool {
    !mask.contains(&true)
}

/// How many rows are left.
pub(super) fn count(mask: &Mask) -> usize {
    mask.iter().map(|row| usize::from(*row)).sum()
}

/// The rows that are left.
pub(super) fn rows(mask: &Mask) -> impl DoubleEndedIterator<Item = usize> {
    mask.iter().enumerate().filter(|(_, row)| **row).map(|(row, _)| row)
}

/// The lines of a block.
#[derive(Clone, Copy)]
pub(super) struct LinesRef<'a> {
    /// Holds all lines, in order, with other bytes between them.
    pub data: &'a [u8],
    /// Where each stands.
    pub ranges: &'a [(u32, u32)],
}

impl<'a> LinesRef<'a> {
    pub fn line(&self, row: usize) -> &'a [u8] {
        let (start, end) = self.ranges[row];
        &self.data[start as usize..end as usize]
    }
}

/// Which rows have a parsed field, and where the test of its value comes out right.
pub(super) enum Passes<'a> {
    /// No row has it.
    Absent,
    /// A code per row; 0 is "absent". For each code whether it passes.
    Coded(Cow<'a, [u32]>, Rc<[bool]>),
    /// To be asked row by row.
    InLines,
}

/// The values of a field or column, to be counted.
pub(super) enum Labels<'a> {
    /// A code per row, and a label per code; `None` is "absent".
    Coded(Cow<'a, [u32]>, Rc<[Option<Rc<str>>]>),
    /// To be asked row by row.
    PerRow,
}

/// Some rows that are looked at together. `test` and `key` of a test go together: the key is the same whenever the
/// test is, within one question.
pub(super) trait Block {
    fn rows(&self) -> usize;

    /// Times between which all its times lie, known without reading them.
    fn bounds(&self) -> (Timestamp, Timestamp);

    /// Reads the times, where they are not known yet.
    fn read_times(&self) -> Result<(), StoreError>;

    /// The time of a row, after [`Block::read_times`].
    fn time(&self, row: usize) -> Timestamp;

    fn id(&self, row: usize) -> Result<RecordId, StoreError>;
    fn lines(&self) -> Result<LinesRef<'_>, StoreError>;

    /// Whether all tokens of a text may be in the lines, as far as that is known without them.
    fn may_hold(&self, text: &[u8]) -> Result<bool, StoreError>;

    /// Whether values may not stand verbatim in their lines.
    fn has_text(&self) -> bool;

    /// Leaves the rows that pass.
    fn narrow_fixed(&self, test: &FixedTest, key: usize, mask: &mut Mask) -> Result<(), StoreError>;

    /// Leaves the rows whose file's path passes.
    fn narrow_path(&self, test: &ValueTest, key: usize, mask: &mut Mask) -> Result<(), StoreError>;

    fn passes(&self, name: &str, test: &ValueTest, key: usize) -> Result<Passes<'_>, StoreError>;

    /// The value of a parsed field that is asked for row by row.
    fn value(&self, row: usize, name: &str) -> Result<Option<Cow<'_, [u8]>>, StoreError>;

    /// The values under a name as [`store::query::value_of`] gives them.
    fn labels(&self, name: &str) -> Result<Labels<'_>, StoreError>;

    /// The value of a row under a name, where labels are asked for row by row.
    fn label(&self, row: usize, name: &str) -> Result<Option<Cow<'_, [u8]>>, StoreError>;
}

/// Leaves the rows whose code passes.
pub(super) fn narrow_codes(codes: &[u32], passes: &[bool], mask: &mut Mask) {
    for (row, code) in mask.iter_mut().zip(codes) {
        *row &= passes.get(*code as usize).copied().unwrap_or(false);
    }
}
