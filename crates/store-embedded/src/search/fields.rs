//! Which fields the records of a scope have.

use std::collections::BTreeMap;

use store::{FieldInfo, Scope, StoreError};

use super::block::{Block, count, is_empty, rows};
use super::budget::Budget;
use super::eval::{in_range, narrow};
use super::scan::{Place, Places, Plan};
use crate::Snapshot;

/// Records of a page that stand for all of it.
const SAMPLE: usize = 128;

/// How many records have each field, and whether it is a column.
#[derive(Default)]
struct Known(BTreeMap<String, (f64, bool)>);

impl Known {
    fn add(&mut self, name: &str, records: f64, column: bool) {
        if let Some(known) = self.0.get_mut(name) {
            known.0 += records;
            known.1 |= column;
        } else {
            self.0.insert(name.to_owned(), (records, column));
        }
    }
}

/// See [`store::Reader::fields`]. What a row group knows of its fields is taken from it where all its records are in
/// the scope; otherwise a sample of those that match is read.
pub(crate) fn fields(snapshot: &Snapshot, scope: &Scope, budget: &Budget) -> Result<Vec<FieldInfo>, StoreError> {
    scope.check()?;
    let plan = Plan::new(&scope.query, scope.range)?;
    let mut places = Places::new(snapshot, &plan);
    let mut known = Known::default();
    while let Some(place) = places.pop().filter(|_| !budget.is_spent()) {
        match place {
            Place::Part(part) => places.open_part(&part, &plan)?,
            Place::Group(_, open, number) => {
                let group = &open.groups()[number];
                if plan.matcher.is_all() && plan.covers(group.min_time, group.max_time) {
                    for field in &group.fields {
                        if let Some(name) = open.field_names().get(field.name as usize) {
                            known.add(name, f64::from(field.present), field.coded.is_some());
                        }
                    }
                } else {
                    places.open_group(&open, number, &plan)?;
                }
            }
            Place::Page(page) => {
                let sampled = sample(&page, &plan, &mut |row, stands_for| {
                    page.each_field(row, &mut |name| known.add(name, stands_for, page.is_column(name)))
                });
                places.unless_damaged(sampled)?;
            }
            Place::Batch(batch) => sample(&batch, &plan, &mut |row, stands_for| {
                batch.batch.fields(row).for_each(|(name, _)| known.add(name, stands_for, false));
                Ok(())
            })?,
        }
    }
    let info = |(name, (records, column)): (String, (f64, bool))| {
        let records = records.round() as u64;
        FieldInfo { name, records, column }
    };
    let mut fields: Vec<FieldInfo> = known.0.into_iter().map(info).filter(|field| field.records > 0).collect();
    fields.sort_by(|a, b| b.records.cmp(&a.records).then_with(|| a.name.cmp(&b.name)));
    Ok(fields)
}

/// Visits some of the rows of a block that match, each with how many it stands for.
fn sample<B: Block>(
    block: &B,
    plan: &Plan,
    visit: &mut dyn FnMut(usize, f64) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut mask = in_range(block, plan)?;
    if is_empty(&mask) {
        return Ok(());
    }
    narrow(plan.matcher.root(), block, &mut mask)?;
    let matching = count(&mask);
    let step = matching.div_ceil(SAMPLE).max(1);
    let stands_for = matching as f64 / matching.div_ceil(step).max(1) as f64;
    rows(&mask).step_by(step).try_for_each(|row| visit(row, stands_for))
}
