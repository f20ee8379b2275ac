//! Which rows of a block match: each part of a query narrows the rows that are left, the cheap parts first, so that
//! what is costly (lines, fields that have no column) is done for few rows or not at all.
//!
//! Decision: a literal is looked for in the whole block at once, between the lines too, and only where it stands is a
//! row looked up. So the cost of a row that does not match is that of its bytes in a vector search.

use std::borrow::Cow;

use store::StoreError;
use store::query::{Finder, Node, Otherwise, TextTest, ValueTest, is_edge};

use super::block::{Block, LinesRef, Mask, Passes, count, is_empty, narrow_codes};
use super::scan::Plan;

/// With so few rows left for each one in the block, lines are looked at one by one.
const FEW: usize = 32;

/// The rows within the range of a plan.
pub(super) fn in_range<B: Block>(block: &B, plan: &Plan) -> Result<Vec<bool>, StoreError> {
    block.read_times()?;
    Ok((0..block.rows()).map(|row| plan.range.contains(block.time(row))).collect())
}

/// Leaves the rows that match.
pub(super) fn narrow<B: Block>(node: &Node, block: &B, mask: &mut Mask) -> Result<(), StoreError> {
    match node {
        Node::All => {}
        Node::And(list) => {
            for node in list {
                if is_empty(mask) {
                    break;
                }
                narrow(node, block, mask)?;
            }
        }
        Node::Or(list) => {
            let mut left = mask.to_vec();
            mask.fill(false);
            for node in list {
                if is_empty(&left) {
                    break;
                }
                let mut these = left.clone();
                narrow(node, block, &mut these)?;
                for ((row, left), this) in mask.iter_mut().zip(&mut left).zip(these) {
                    *row |= this;
                    *left &= !this;
                }
            }
        }
        Node::Not(node) => {
            let mut these = mask.to_vec();
            narrow(node, block, &mut these)?;
            mask.iter_mut().zip(these).for_each(|(row, this)| *row &= !this);
        }
        Node::Line(test) => narrow_lines(test, block, mask)?,
        Node::Fixed(test) => block.narrow_fixed(test, key(test), mask)?,
        Node::Field { name, test, otherwise } => narrow_field(name, test, otherwise, block, mask)?,
    }
    Ok(())
}

/// Where a test stands in memory: its name while a question is answered.
fn key<T>(test: &T) -> usize {
    std::ptr::from_ref(test) as usize
}

fn narrow_lines<B: Block>(test: &TextTest, block: &B, mask: &mut Mask) -> Result<(), StoreError> {
    let left = count(mask);
    if left == 0 || matches!(test, TextTest::All) {
        return Ok(());
    }
    if let TextTest::Literal(finder) = test
        && !block.may_hold(finder.needle())?
    {
        mask.fill(false);
        return Ok(());
    }
    let lines = block.lines()?;
    if left * FEW > mask.len() {
        match test {
            TextTest::Literal(finder) => {
                narrow_literal(finder, true, lines, mask);
                return Ok(());
            }
            TextTest::Substring(finder) => {
                narrow_literal(finder, false, lines, mask);
                return Ok(());
            }
            TextTest::Glob(glob) => {
                if let Some(finder) = glob.prefilter() {
                    narrow_literal(finder, false, lines, mask);
                }
            }
            TextTest::All | TextTest::Regex(_) => {}
        }
    }
    for (n, row) in mask.iter_mut().enumerate().filter(|(_, row)| **row) {
        *row = test.is_match(lines.line(n));
    }
    Ok(())
}

/// Leaves the rows whose line holds a literal, as a word or anywhere.
fn narrow_literal(finder: &Finder, whole: bool, lines: LinesRef<'_>, mask: &mut Mask) {
    let len = finder.needle().len();
    let (mut at, mut row) = (0, 0);
    while let Some(found) = finder.find(lines.data, at) {
        // Rows without the literal: they are passed over quickly where it is rare, and one by one where it is not.
        let before = row;
        row += gallop(&lines.ranges[row..], found);
        mask[before..row].fill(false);
        let Some(&(start, end)) = lines.ranges.get(row) else { break };
        let (start, end) = (start as usize, end as usize);
        if found < start || found + len > end {
            at = found + 1;
            continue;
        }
        let line = &lines.data[start..end];
        if whole && !(is_edge(line, found - start) && is_edge(line, found - start + len)) {
            at = found + 1;
            continue;
        }
        (at, row) = (end, row + 1);
    }
    mask[row..].fill(false);
}

/// How many of the ranges end at or before `at`.
fn gallop(ranges: &[(u32, u32)], at: usize) -> usize {
    let ends_before = |range: &(u32, u32)| range.1 as usize <= at;
    let mut step = 1;
    while step < ranges.len() && ends_before(&ranges[step]) {
        step *= 2;
    }
    let from = step / 2;
    let to = ranges.len().min(step + 1);
    from + ranges[from..to].partition_point(ends_before)
}

fn narrow_field<B: Block>(
    name: &str,
    test: &ValueTest,
    otherwise: &Otherwise,
    block: &B,
    mask: &mut Mask,
) -> Result<(), StoreError> {
    match block.passes(name, test, key(test))? {
        Passes::Absent => narrow_otherwise(test, otherwise, block, mask),
        Passes::Coded(codes, passes) => {
            let mut absent: Vec<bool> = mask.iter().zip(&*codes).map(|(row, code)| *row && *code == 0).collect();
            narrow_codes(&codes, &passes, mask);
            narrow_otherwise(test, otherwise, block, &mut absent)?;
            mask.iter_mut().zip(absent).for_each(|(row, absent)| *row |= absent);
            Ok(())
        }
        Passes::InLines => narrow_in_lines(name, test, otherwise, block, mask),
    }
}

fn narrow_otherwise<B: Block>(
    test: &ValueTest,
    otherwise: &Otherwise,
    block: &B,
    mask: &mut Mask,
) -> Result<(), StoreError> {
    match otherwise {
        Otherwise::No => mask.fill(false),
        Otherwise::FilePath => block.narrow_path(test, key(test), mask)?,
        Otherwise::Line(text) => narrow_lines(text, block, mask)?,
    }
    Ok(())
}

fn narrow_in_lines<B: Block>(
    name: &str,
    test: &ValueTest,
    otherwise: &Otherwise,
    block: &B,
    mask: &mut Mask,
) -> Result<(), StoreError> {
    // A value that stands in its line takes the text that is asked for with it.
    if !block.has_text()
        && count(mask) * FEW > mask.len()
        && let Some(finder) = literal_in(test)
    {
        let mut by_path = vec![false; mask.len()];
        if matches!(otherwise, Otherwise::FilePath) {
            by_path.copy_from_slice(mask);
            block.narrow_path(test, key(test), &mut by_path)?;
        }
        narrow_literal(&finder, false, block.lines()?, mask);
        mask.iter_mut().zip(by_path).for_each(|(row, by_path)| *row |= by_path);
    }
    let mut absent = vec![false; mask.len()];
    for row in 0..mask.len() {
        if mask[row] {
            let value = block.value(row, name)?;
            absent[row] = value.is_none();
            mask[row] = value.is_some_and(|value| test.is_match(&value));
        }
    }
    narrow_otherwise(test, otherwise, block, &mut absent)?;
    mask.iter_mut().zip(absent).for_each(|(row, absent)| *row |= absent);
    Ok(())
}

/// What stands in every value that passes, if that is known.
fn literal_in(test: &ValueTest) -> Option<Cow<'_, Finder>> {
    match test {
        ValueTest::Text(TextTest::Literal(finder) | TextTest::Substring(finder)) => Some(Cow::Borrowed(finder)),
        ValueTest::Text(TextTest::Glob(glob)) => glob.prefilter().map(Cow::Borrowed),
        // 1.5 stands in 1.50.
        ValueTest::Number(number, _) => Some(Cow::Owned(Finder::new(number.as_bytes()))),
        ValueTest::Equals(text) if !text.is_empty() => Some(Cow::Owned(Finder::new(text))),
        _ => None,
    }
}
