//! A row group of a part, its columns read when they are first asked for and kept as long as the question.

use std::borrow::Cow;
use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use base::Timestamp;
use codec::FieldReader;
use model::{Format, Marks, RecordId, SourceKey};
use store::query::{Fixed, FixedTest, ValueTest, tokens};
use store::tokens::hash_token;
use store::{Hit, StoreError};

use super::block::{Block, Labels, LinesRef, Mask, Passes, narrow_codes};
use crate::part::{Codes, Column, Field, Group, Lines, OpenPart};

thread_local! {
    static READER: RefCell<FieldReader> = RefCell::new(FieldReader::new());
}

/// A row group and what was read of it.
pub(super) struct GroupView {
    open: Arc<OpenPart>,
    number: usize,
    times: OnceCell<Vec<i64>>,
    offsets: OnceCell<Vec<u64>>,
    keys: OnceCell<(Vec<SourceKey>, Vec<u32>)>,
    formats: OnceCell<Vec<Format>>,
    overflow: OnceCell<Option<Codes>>,
    columns: [OnceCell<Codes>; 9],
    fields: RefCell<HashMap<Box<str>, Rc<Field>>>,
    passes: RefCell<HashMap<usize, Rc<[bool]>>>,
    tokens: RefCell<HashMap<u64, Rc<[bool]>>>,
    labels: RefCell<HashMap<Box<str>, Rc<GroupLabels>>>,
}

/// The values of a group under a name, to be counted.
enum GroupLabels {
    Coded(Vec<u32>, Rc<[Option<Rc<str>>]>),
    PerRow,
}

fn get_or_read<T>(cell: &OnceCell<T>, read: impl FnOnce() -> Result<T, StoreError>) -> Result<&T, StoreError> {
    if let Some(value) = cell.get() {
        return Ok(value);
    }
    let value = read()?;
    Ok(cell.get_or_init(|| value))
}

fn text(value: &[u8]) -> Rc<str> {
    String::from_utf8_lossy(value).into()
}

impl GroupView {
    pub fn new(open: &Arc<OpenPart>, number: usize) -> Self {
        Self {
            open: open.clone(),
            number,
            times: OnceCell::new(),
            offsets: OnceCell::new(),
            keys: OnceCell::new(),
            formats: OnceCell::new(),
            overflow: OnceCell::new(),
            columns: Default::default(),
            fields: RefCell::default(),
            passes: RefCell::default(),
            tokens: RefCell::default(),
            labels: RefCell::default(),
        }
    }

    pub fn group(&self) -> &Group {
        &self.open.groups()[self.number]
    }

    /// In microseconds, one a row.
    pub fn times(&self) -> Result<&[i64], StoreError> {
        get_or_read(&self.times, || self.open.times(self.number)).map(Vec::as_slice)
    }

    pub fn offsets(&self) -> Result<&[u64], StoreError> {
        get_or_read(&self.offsets, || self.open.offsets(self.number)).map(Vec::as_slice)
    }

    pub fn keys(&self) -> Result<&(Vec<SourceKey>, Vec<u32>), StoreError> {
        get_or_read(&self.keys, || self.open.keys(self.number))
    }

    pub fn id(&self, row: usize) -> Result<RecordId, StoreError> {
        let (keys, numbers) = self.keys()?;
        Ok(RecordId { key: keys[numbers[row] as usize], offset: self.offsets()?[row] })
    }

    fn formats(&self) -> Result<&[Format], StoreError> {
        get_or_read(&self.formats, || self.open.formats(self.number)).map(Vec::as_slice)
    }

    fn overflow(&self) -> Result<Option<&Codes>, StoreError> {
        get_or_read(&self.overflow, || self.open.overflow(self.number)).map(Option::as_ref)
    }

    fn column(&self, column: Column) -> Result<&Codes, StoreError> {
        get_or_read(&self.columns[column as usize], || self.open.codes(self.number, column))
    }

    fn column_text(&self, column: Column, row: usize) -> Result<String, StoreError> {
        Ok(String::from_utf8_lossy(self.column(column)?.of_row(row).unwrap_or_default()).into_owned())
    }

    fn column_number(&self, column: Column, row: usize) -> Result<u32, StoreError> {
        let bytes = self.column(column)?.of_row(row).unwrap_or_default();
        Ok(bytes.first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes)))
    }

    fn field(&self, name: &str) -> Result<Rc<Field>, StoreError> {
        if let Some(field) = self.fields.borrow().get(name) {
            return Ok(field.clone());
        }
        let field = Rc::new(self.open.field(self.number, name)?);
        self.fields.borrow_mut().insert(name.into(), field.clone());
        Ok(field)
    }

    /// For each code of a dictionary whether its value passes; worked out once a group.
    fn passes(&self, key: usize, codes: &Codes, mut test: impl FnMut(&[u8]) -> bool) -> Rc<[bool]> {
        if let Some(passes) = self.passes.borrow().get(&key) {
            return passes.clone();
        }
        let passes: Rc<[bool]> = std::iter::once(false).chain(codes.values().map(&mut test)).collect();
        self.passes.borrow_mut().insert(key, passes.clone());
        passes
    }

    /// For each page whether a token may be in it.
    fn pages_with(&self, token: u64) -> Result<Rc<[bool]>, StoreError> {
        if let Some(pages) = self.tokens.borrow().get(&token) {
            return Ok(pages.clone());
        }
        let pages: Rc<[bool]> = self.open.pages_with(self.number, token)?.into();
        self.tokens.borrow_mut().insert(token, pages.clone());
        Ok(pages)
    }

    /// The line of a row. `page` keeps the page read last, for the next row is often in the same.
    pub fn line(self: &Rc<Self>, row: usize, page: &mut Option<PageBlock>) -> Result<Vec<u8>, StoreError> {
        let is_in =
            |page: &PageBlock| Rc::ptr_eq(&page.group, self) && (page.first..page.first + page.rows).contains(&row);
        let number = self.group().pages.partition_point(|page| (page.first_row + page.rows) as usize <= row);
        let block = match page.take().filter(is_in) {
            Some(block) => page.insert(block),
            None => page.insert(PageBlock::new(self, number, Timestamp::MAX)),
        };
        Ok(block.read_lines()?.line(row - block.first).to_vec())
    }

    /// The values of the group under a name.
    fn labels(&self, name: &str) -> Result<Rc<GroupLabels>, StoreError> {
        if let Some(labels) = self.labels.borrow().get(name) {
            return Ok(labels.clone());
        }
        let labels = Rc::new(self.read_labels(name)?);
        self.labels.borrow_mut().insert(name.into(), labels.clone());
        Ok(labels)
    }

    fn read_labels(&self, name: &str) -> Result<GroupLabels, StoreError> {
        let coded = |codes: &Codes, label: &dyn Fn(&[u8]) -> Option<Rc<str>>| {
            let labels = std::iter::once(None).chain(codes.values().map(label)).collect();
            GroupLabels::Coded(codes.codes.clone(), labels)
        };
        let names = |column| Ok(coded(self.column(column)?, &|value| Some(text(value))));
        let numbers = |value: &[u8]| Some(value.first_chunk().map_or(0, |n| u32::from_le_bytes(*n)).to_string().into());
        match Fixed::from_name(name) {
            Some(Fixed::Stream) => names(Column::Stream),
            Some(Fixed::Host) => names(Column::Host),
            Some(Fixed::File) => names(Column::Path),
            Some(Fixed::Source) => names(Column::Source),
            Some(Fixed::Format) => names(Column::Format),
            Some(Fixed::Generation) => Ok(coded(self.column(Column::Generation)?, &numbers)),
            Some(Fixed::Level) => names(Column::Level),
            Some(Fixed::Id | Fixed::Offset) => Ok(GroupLabels::PerRow),
            Some(Fixed::Time | Fixed::Mark) => {
                Ok(GroupLabels::Coded(vec![0; self.group().rows as usize], Rc::new([None])))
            }
            None => match (&*self.field(name)?, name) {
                (Field::InLines, _) => Ok(GroupLabels::PerRow),
                (Field::Absent, "path") => names(Column::Path),
                (Field::Absent, _) => Ok(GroupLabels::Coded(vec![0; self.group().rows as usize], Rc::new([None]))),
                (Field::Coded(codes), "path") => self.path_labels(codes),
                (Field::Coded(codes), _) => Ok(coded(codes, &|value| Some(text(value)))),
            },
        }
    }

    /// The parsed field where a record has one, the path of its file otherwise.
    fn path_labels(&self, field: &Codes) -> Result<GroupLabels, StoreError> {
        let file = self.column(Column::Path)?;
        let values = field.values().chain(file.values());
        let labels = std::iter::once(None).chain(values.map(|value| Some(text(value)))).collect();
        let known = field.values().len() as u32;
        let code = |(field, file): (&u32, &u32)| if *field == 0 { file + known } else { *field };
        Ok(GroupLabels::Coded(field.codes.iter().zip(&file.codes).map(code).collect(), labels))
    }
}

/// A page of lines of a row group.
pub(super) struct PageBlock {
    pub group: Rc<GroupView>,
    pub page: usize,
    first: usize,
    rows: usize,
    latest: Timestamp,
    lines: OnceCell<Lines>,
}

impl PageBlock {
    /// `latest` is the latest time in it, or any later.
    pub fn new(group: &Rc<GroupView>, page: usize, latest: Timestamp) -> Self {
        let at = &group.group().pages[page];
        let (first, rows) = (at.first_row as usize, at.rows as usize);
        Self { group: group.clone(), page, first, rows, latest, lines: OnceCell::new() }
    }

    fn of<'a, T>(&self, group: &'a [T]) -> &'a [T] {
        &group[self.first..self.first + self.rows]
    }

    /// The latest time in it, or later.
    pub const fn latest(&self) -> Timestamp {
        self.latest
    }

    /// A record as an answer holds it.
    pub fn hit(&self, row: usize) -> Result<Hit, StoreError> {
        hit(&self.group, self.first + row, self.read_lines()?.line(row).to_vec())
    }

    /// Whether a parsed field is a column here.
    pub fn is_column(&self, name: &str) -> bool {
        matches!(self.group.field(name).as_deref(), Ok(Field::Coded(_)))
    }

    /// Visits the names of the parsed fields of a row.
    pub fn each_field(&self, row: usize, visit: &mut dyn FnMut(&str)) -> Result<(), StoreError> {
        match self.overflow_value(row)? {
            Some(fields) => OpenPart::overflow_fields(fields).iter().for_each(|(name, _)| visit(name)),
            None => {
                let format = self.of(self.group.formats()?)[row];
                let line = self.read_lines()?.line(row);
                READER.with_borrow_mut(|reader| reader.fields(format, line, &mut |name, _| visit(name)));
            }
        }
        Ok(())
    }

    fn read_lines(&self) -> Result<&Lines, StoreError> {
        get_or_read(&self.lines, || self.group.open.lines(&self.group.group().pages[self.page]))
    }

    fn narrow_column(
        &self,
        column: Column,
        key: usize,
        mask: &mut Mask,
        test: impl FnMut(&[u8]) -> bool,
    ) -> Result<(), StoreError> {
        let codes = self.group.column(column)?;
        let passes = self.group.passes(key, codes, test);
        narrow_codes(self.of(&codes.codes), &passes, mask);
        Ok(())
    }

    fn overflow_value(&self, row: usize) -> Result<Option<&[u8]>, StoreError> {
        Ok(self.group.overflow()?.and_then(|codes| codes.of_row(self.first + row)))
    }
}

impl Block for PageBlock {
    fn rows(&self) -> usize {
        self.rows
    }

    fn bounds(&self) -> (Timestamp, Timestamp) {
        (self.group.group().min_time, self.latest)
    }

    fn read_times(&self) -> Result<(), StoreError> {
        self.group.times().map(drop)
    }

    fn time(&self, row: usize) -> Timestamp {
        let times = self.group.times.get().map_or(&[][..], Vec::as_slice);
        times.get(self.first + row).map_or(Timestamp::MIN, |micros| Timestamp::from_micros(*micros))
    }

    fn id(&self, row: usize) -> Result<RecordId, StoreError> {
        self.group.id(self.first + row)
    }

    fn lines(&self) -> Result<LinesRef<'_>, StoreError> {
        self.read_lines().map(|lines| LinesRef { data: &lines.bytes, ranges: &lines.ranges })
    }

    fn may_hold(&self, text: &[u8]) -> Result<bool, StoreError> {
        for token in tokens(text) {
            if !self.group.pages_with(hash_token(token))?[self.page] {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn has_text(&self) -> bool {
        self.group.group().has_text
    }

    fn narrow_fixed(&self, test: &FixedTest, key: usize, mask: &mut Mask) -> Result<(), StoreError> {
        match test {
            FixedTest::Level(levels) => {
                if self.group.group().levels & levels == 0 {
                    mask.fill(false);
                    return Ok(());
                }
                let name = |value: &[u8]| number_of(value, model::Level::ALL.map(model::Level::name));
                self.narrow_column(Column::Level, key, mask, |value| levels & 1 << name(value) != 0)
            }
            FixedTest::Format(formats) => {
                let name = |value: &[u8]| number_of(value, Format::ALL.map(Format::name));
                self.narrow_column(Column::Format, key, mask, |value| formats & 1 << name(value) != 0)
            }
            FixedTest::Marks(marks) => {
                let test = |value: &[u8]| value.first().is_some_and(|bits| bits & marks.0 != 0);
                self.narrow_column(Column::Marks, key, mask, test)
            }
            FixedTest::Time(low, high) => {
                let (low, high) = (low.as_micros(), high.as_micros());
                let times = self.of(self.group.times()?);
                mask.iter_mut().zip(times).for_each(|(row, time)| *row &= low <= *time && *time <= high);
                Ok(())
            }
            FixedTest::Text(fixed, test) => {
                let column = match fixed {
                    Fixed::Stream => Column::Stream,
                    Fixed::Host => Column::Host,
                    Fixed::File => Column::Path,
                    Fixed::Source => Column::Source,
                    Fixed::Generation => {
                        let text = |value: &[u8]| value.first_chunk().map_or(0, |n| u32::from_le_bytes(*n)).to_string();
                        let test = |value: &[u8]| test.is_match(text(value).as_bytes());
                        return self.narrow_column(Column::Generation, key, mask, test);
                    }
                    _ => {
                        for (n, row) in mask.iter_mut().enumerate().filter(|(_, row)| **row) {
                            let id = self.group.id(self.first + n)?;
                            let text = if *fixed == Fixed::Id { id.to_string() } else { id.offset.to_string() };
                            *row = test.is_match(text.as_bytes());
                        }
                        return Ok(());
                    }
                };
                self.narrow_column(column, key, mask, |value| test.is_match(value))
            }
        }
    }

    fn narrow_path(&self, test: &ValueTest, key: usize, mask: &mut Mask) -> Result<(), StoreError> {
        // The same test may be asked of a parsed field too: another key.
        self.narrow_column(Column::Path, key ^ 1, mask, |value| test.is_match(value))
    }

    fn passes(&self, name: &str, test: &ValueTest, key: usize) -> Result<Passes<'_>, StoreError> {
        let field = self.group.field(name)?;
        Ok(match &*field {
            Field::Absent => Passes::Absent,
            Field::InLines => Passes::InLines,
            Field::Coded(codes) => {
                let passes = self.group.passes(key, codes, |value| test.is_match(value));
                Passes::Coded(Cow::Owned(self.of(&codes.codes).to_vec()), passes)
            }
        })
    }

    fn value(&self, row: usize, name: &str) -> Result<Option<Cow<'_, [u8]>>, StoreError> {
        if let Some(fields) = self.overflow_value(row)? {
            let mut fields = OpenPart::overflow_fields(fields).into_iter();
            return Ok(fields.find(|(known, _)| known == name).map(|(_, value)| Cow::Owned(value)));
        }
        let (format, line) = (self.of(self.group.formats()?)[row], self.read_lines()?.line(row));
        Ok(READER.with_borrow_mut(|reader| reader.field(format, line, name)))
    }

    fn labels(&self, name: &str) -> Result<Labels<'_>, StoreError> {
        let labels = self.group.labels(name)?;
        Ok(match &*labels {
            GroupLabels::Coded(codes, names) => Labels::Coded(Cow::Owned(self.of(codes).to_vec()), names.clone()),
            GroupLabels::PerRow => Labels::PerRow,
        })
    }

    fn label(&self, row: usize, name: &str) -> Result<Option<Cow<'_, [u8]>>, StoreError> {
        Ok(match Fixed::from_name(name) {
            Some(Fixed::Offset) => Some(Cow::Owned(self.id(row)?.offset.to_string().into_bytes())),
            Some(_) => Some(Cow::Owned(self.id(row)?.to_string().into_bytes())),
            None => match self.value(row, name)? {
                None if name == "path" => self.group.column(Column::Path)?.of_row(self.first + row).map(Cow::Borrowed),
                value => value,
            },
        })
    }
}

/// The number of a level or format by its name.
fn number_of<const N: usize>(name: &[u8], names: [&str; N]) -> u32 {
    names.iter().position(|known| known.as_bytes() == name).unwrap_or(0) as u32
}

/// A record of a group as an answer holds it, with its line.
pub(super) fn hit(group: &GroupView, row: usize, line: Vec<u8>) -> Result<Hit, StoreError> {
    let format = group.formats()?[row];
    let mut fields = Vec::new();
    match group.overflow()?.and_then(|codes| codes.of_row(row)) {
        Some(overflow) => fields = OpenPart::overflow_fields(overflow),
        None => READER.with_borrow_mut(|reader| {
            reader.fields(format, &line, &mut |name, value| fields.push((name.to_owned(), value.into_owned())));
        }),
    }
    let level = group.column(Column::Level)?.of_row(row).unwrap_or_default();
    let level = model::Level::ALL.into_iter().find(|known| known.name().as_bytes() == level).unwrap_or_default();
    Ok(Hit {
        id: group.id(row)?,
        time: Timestamp::from_micros(group.times()?[row]),
        stream: group.column_text(Column::Stream, row)?,
        host: group.column_text(Column::Host, row)?,
        path: group.column_text(Column::Path, row)?,
        level,
        format,
        marks: Marks(group.column_number(Column::Marks, row)? as u8),
        size: line.len() as u32 + group.column_number(Column::Newline, row)?,
        line,
        fields,
    })
}
