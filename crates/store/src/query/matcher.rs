//! A query made ready to be asked of one record after the other.

use std::borrow::Cow;

use base::Timestamp;
use model::{Format, Level, Marks, RecordId};

use super::value::{TextTest, ValueTest};
use super::{Pattern, Query, Test, time};
use crate::StoreError;

/// A record as the matcher looks at it. What is costly to get ([`RecordView::field`]) is asked for last.
pub trait RecordView {
    /// Its bytes, without the newline at its end.
    fn line(&self) -> &[u8];
    /// Its identity.
    fn id(&self) -> RecordId;
    /// When it happened.
    fn time(&self) -> Timestamp;
    /// How serious it is.
    fn level(&self) -> Level;
    /// The format in which it parsed.
    fn format(&self) -> Format;
    /// What else is to be known.
    fn marks(&self) -> Marks;
    /// What it was collected with.
    fn stream(&self) -> &str;
    /// The machine it comes from.
    fn host(&self) -> &str;
    /// The path of its file.
    fn path(&self) -> &str;
    /// The value of a parsed field.
    fn field(&self, name: &str) -> Option<Cow<'_, [u8]>>;
}

/// What every record has besides parsed fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fixed {
    /// How serious.
    Level,
    /// When.
    Time,
    /// Collected with what.
    Stream,
    /// Which machine.
    Host,
    /// Which file.
    File,
    /// Which source, as text.
    Source,
    /// Which generation of it.
    Generation,
    /// Where in it.
    Offset,
    /// The whole identity, as text.
    Id,
    /// How it parsed.
    Format,
    /// Its marks.
    Mark,
}

impl Fixed {
    /// All of them with their names. `path` is not among them: it may be a parsed field.
    pub const ALL: [(&'static str, Self); 11] = [
        ("level", Self::Level),
        ("time", Self::Time),
        ("stream", Self::Stream),
        ("host", Self::Host),
        ("file", Self::File),
        ("source", Self::Source),
        ("generation", Self::Generation),
        ("offset", Self::Offset),
        ("id", Self::Id),
        ("format", Self::Format),
        ("mark", Self::Mark),
    ];

    /// By its name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, fixed)| *fixed)
    }
}

/// The value that a record has under a name, as facets and histograms count it; `None` where it has none. A level that
/// is not known is the value `unknown`, which a query finds as that; `time` and `mark` are no values to count.
pub fn value_of<'a, V: RecordView + ?Sized>(record: &'a V, name: &str) -> Option<Cow<'a, [u8]>> {
    let owned = |text: String| Some(Cow::Owned(text.into_bytes()));
    match Fixed::from_name(name) {
        None => record.field(name).or_else(|| (name == "path").then(|| Cow::Borrowed(record.path().as_bytes()))),
        Some(Fixed::Level) => Some(Cow::Borrowed(record.level().name().as_bytes())),
        Some(Fixed::Format) => Some(Cow::Borrowed(record.format().name().as_bytes())),
        Some(Fixed::Stream) => Some(Cow::Borrowed(record.stream().as_bytes())),
        Some(Fixed::Host) => Some(Cow::Borrowed(record.host().as_bytes())),
        Some(Fixed::File) => Some(Cow::Borrowed(record.path().as_bytes())),
        Some(Fixed::Source) => owned(record.id().key.source.to_string()),
        Some(Fixed::Generation) => owned(record.id().key.generation.to_string()),
        Some(Fixed::Offset) => owned(record.id().offset.to_string()),
        Some(Fixed::Id) => owned(record.id().to_string()),
        Some(Fixed::Time | Fixed::Mark) => None,
    }
}

/// A node of a compiled query. Engines may look at it to answer parts of it in their own way.
#[derive(Clone, Debug)]
pub enum Node {
    /// Every record.
    All,
    /// All of them, the cheap ones first.
    And(Vec<Node>),
    /// Any of them, the cheap ones first.
    Or(Vec<Node>),
    /// Not this.
    Not(Box<Node>),
    /// The line.
    Line(TextTest),
    /// Something that every record has.
    Fixed(FixedTest),
    /// A parsed field.
    Field {
        /// Its name.
        name: String,
        /// The test of its value.
        test: ValueTest,
        /// What decides where the record has no such field.
        otherwise: Otherwise,
    },
}

/// What decides where a record has no field of the name.
#[derive(Clone, Debug)]
pub enum Otherwise {
    /// It does not match.
    No,
    /// The same test of the file's path.
    FilePath,
    /// The line.
    Line(TextTest),
}

/// A test of something that every record has.
#[derive(Clone, Debug)]
pub enum FixedTest {
    /// The bit `1 << level` is set.
    Level(u8),
    /// The bit `1 << format` is set.
    Format(u16),
    /// Any of these marks is set.
    Marks(Marks),
    /// The moment is within these, both inclusive.
    Time(Timestamp, Timestamp),
    /// The text of it passes.
    Text(Fixed, ValueTest),
}

/// A compiled query.
#[derive(Clone, Debug)]
pub struct Matcher {
    root: Node,
}

impl Matcher {
    /// The compiled query.
    pub const fn root(&self) -> &Node {
        &self.root
    }

    /// Whether every record matches, whatever it is.
    pub const fn is_all(&self) -> bool {
        matches!(self.root, Node::All)
    }

    /// Whether a record matches.
    pub fn matches<V: RecordView + ?Sized>(&self, record: &V) -> bool {
        self.root.matches(record)
    }
}

impl Node {
    /// Whether a record matches.
    pub fn matches<V: RecordView + ?Sized>(&self, record: &V) -> bool {
        match self {
            Self::All => true,
            Self::And(list) => list.iter().all(|node| node.matches(record)),
            Self::Or(list) => list.iter().any(|node| node.matches(record)),
            Self::Not(node) => !node.matches(record),
            Self::Line(test) => test.is_match(record.line()),
            Self::Fixed(test) => test.matches(record),
            Self::Field { name, test, otherwise } => match record.field(name) {
                Some(value) => test.is_match(&value),
                None => otherwise.matches(test, record),
            },
        }
    }

    fn cost(&self) -> u32 {
        match self {
            Self::All | Self::Fixed(FixedTest::Level(_) | FixedTest::Format(_) | FixedTest::Marks(_)) => 0,
            Self::Fixed(FixedTest::Time(..)) => 0,
            Self::Fixed(FixedTest::Text(..)) => 1,
            Self::Line(TextTest::Literal(_)) => 2,
            Self::Line(_) => 4,
            Self::Field { .. } => 8,
            Self::Not(node) => node.cost(),
            Self::And(list) | Self::Or(list) => list.iter().map(Self::cost).max().unwrap_or(0) + 1,
        }
    }
}

impl Otherwise {
    /// What a record matches that has no such field.
    pub fn matches<V: RecordView + ?Sized>(&self, test: &ValueTest, record: &V) -> bool {
        match self {
            Self::No => false,
            Self::FilePath => test.is_match(record.path().as_bytes()),
            Self::Line(text) => text.is_match(record.line()),
        }
    }
}

impl FixedTest {
    /// Whether a record passes.
    pub fn matches<V: RecordView + ?Sized>(&self, record: &V) -> bool {
        match self {
            Self::Level(mask) => mask & 1 << record.level() as u8 != 0,
            Self::Format(mask) => mask & 1 << record.format() as u16 != 0,
            Self::Marks(marks) => record.marks().0 & marks.0 != 0,
            Self::Time(low, high) => *low <= record.time() && record.time() <= *high,
            Self::Text(fixed, test) => match fixed {
                Fixed::Stream => test.is_match(record.stream().as_bytes()),
                Fixed::Host => test.is_match(record.host().as_bytes()),
                Fixed::File => test.is_match(record.path().as_bytes()),
                Fixed::Source => test.is_match(record.id().key.source.to_string().as_bytes()),
                Fixed::Generation => test.is_match(record.id().key.generation.to_string().as_bytes()),
                Fixed::Offset => test.is_match(record.id().offset.to_string().as_bytes()),
                Fixed::Id => test.is_match(record.id().to_string().as_bytes()),
                Fixed::Level => test.is_match(record.level().name().as_bytes()),
                Fixed::Format => test.is_match(record.format().name().as_bytes()),
                Fixed::Time => test.is_match(record.time().to_string().as_bytes()),
                Fixed::Mark => false,
            },
        }
    }
}

/// Makes a query ready.
///
/// # Errors
/// [`StoreError::Query`] where a query built by hand holds a regular expression, a level or a time that is none. A
/// query that was parsed always compiles.
pub fn compile(query: &Query) -> Result<Matcher, StoreError> {
    match node(query) {
        Ok(root) => Ok(Matcher { root }),
        Err(reason) => Err(StoreError::Query { at: 0, reason }),
    }
}

pub(super) fn node(query: &Query) -> Result<Node, String> {
    let all = |list: &[Query]| -> Result<Vec<Node>, String> {
        let mut nodes = list.iter().map(node).collect::<Result<Vec<_>, _>>()?;
        nodes.sort_by_key(Node::cost);
        Ok(nodes)
    };
    Ok(match query {
        Query::All => Node::All,
        Query::And(list) => Node::And(all(list)?),
        Query::Or(list) => Node::Or(all(list)?),
        Query::Not(query) => Node::Not(Box::new(node(query)?)),
        Query::Line(pattern) => match TextTest::new(pattern)? {
            TextTest::All => Node::All,
            test => Node::Line(test),
        },
        Query::Field { name, test } => match Fixed::from_name(name) {
            Some(fixed) => Node::Fixed(fixed_test(fixed, test)?),
            None => {
                let otherwise = match test {
                    _ if name == "path" => Otherwise::FilePath,
                    Test::Matches(Pattern::Text(text)) => {
                        Otherwise::Line(TextTest::new(&Pattern::Text(format!("{name}:{text}")))?)
                    }
                    _ => Otherwise::No,
                };
                Node::Field { name: name.clone(), test: ValueTest::new(test)?, otherwise }
            }
        },
    })
}

fn fixed_test(fixed: Fixed, test: &Test) -> Result<FixedTest, String> {
    Ok(match fixed {
        Fixed::Level => FixedTest::Level(level_mask(test)?),
        Fixed::Time => {
            let (low, high) = time::between(test)?;
            FixedTest::Time(low, high)
        }
        Fixed::Format => {
            let test = ValueTest::new(test)?;
            let hits = Format::ALL.iter().filter(|format| test.is_match(format.name().as_bytes()));
            FixedTest::Format(hits.fold(0, |mask, format| mask | 1 << *format as u16))
        }
        Fixed::Mark => {
            let test = ValueTest::new(test)?;
            let hits = Marks::NAMES.iter().filter(|(_, name)| test.is_match(name.as_bytes()));
            FixedTest::Marks(hits.fold(Marks::default(), |all, (mark, _)| all.with(*mark)))
        }
        fixed => FixedTest::Text(fixed, ValueTest::new(test)?),
    })
}

fn level_mask(test: &Test) -> Result<u8, String> {
    use std::ops::Bound::{Excluded, Included, Unbounded};
    let known = |level: &Level| *level != Level::Unknown;
    let bits = |levels: &mut dyn Iterator<Item = Level>| levels.fold(0u8, |mask, level| mask | 1 << level as u8);
    let all = Level::ALL.into_iter();
    Ok(match test {
        Test::Exists => bits(&mut all.filter(known)),
        Test::Equals(word) | Test::Matches(Pattern::Text(word)) => 1 << word.parse::<Level>()? as u8,
        Test::Matches(pattern) => {
            let test = TextTest::new(pattern)?;
            bits(&mut all.filter(|level| test.is_match(level.name().as_bytes())))
        }
        Test::Range { low, high } => {
            let low = low.as_ref().map(|word| word.parse::<Level>());
            let high = high.as_ref().map(|word| word.parse::<Level>());
            let (min, max) = match low {
                Included(level) => (level?, 0),
                Excluded(level) => (level?, 1),
                Unbounded => (Level::Trace, 0),
            };
            let (top, less) = match high {
                Included(level) => (level?, 0),
                Excluded(level) => (level?, 1),
                Unbounded => (Level::Fatal, 0),
            };
            let within =
                |level: &Level| *level as i32 >= min as i32 + max && *level as i32 <= top as i32 - less && known(level);
            bits(&mut all.filter(within))
        }
    })
}
