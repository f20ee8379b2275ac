//! The columns of a part as Parquet knows them.

use std::sync::Arc;

use parquet::basic::{LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::errors::ParquetError;
use parquet::schema::types::{Type, TypePtr};

use super::index::FIXED;

/// What stands before the name of a parsed field in the name of its column.
pub(crate) const FIELD_PREFIX: &str = "f_";

/// Whether a fixed dictionary column holds numbers.
pub(crate) fn is_number(fixed: usize) -> bool {
    matches!(FIXED[fixed], "generation" | "marks" | "newline")
}

/// The schema of a part with these parsed fields: `time`, the [`FIXED`] columns, `offset`, `fields` (what cannot be read
/// back from the line, as JSON), the parsed fields, `line`.
///
/// A field's values are bytes of lines, which need not be UTF-8; only where all of them are do we call them a string.
pub(crate) fn schema<'a>(fields: impl Iterator<Item = (&'a str, bool)>) -> Result<TypePtr, ParquetError> {
    let mut columns =
        vec![column("time", Physical::INT64, Some(LogicalType::timestamp(true, TimeUnit::MICROS)), false)?];
    for (n, name) in FIXED.iter().enumerate() {
        columns.push(match is_number(n) {
            true => column(name, Physical::INT32, None, false)?,
            false => column(name, Physical::BYTE_ARRAY, Some(LogicalType::String), false)?,
        });
    }
    columns.push(column("offset", Physical::INT64, None, false)?);
    columns.push(column("fields", Physical::BYTE_ARRAY, Some(LogicalType::String), true)?);
    for (name, is_text) in fields {
        let logical = is_text.then_some(LogicalType::String);
        columns.push(column(&format!("{FIELD_PREFIX}{name}"), Physical::BYTE_ARRAY, logical, true)?);
    }
    columns.push(column("line", Physical::BYTE_ARRAY, None, false)?);
    Ok(Arc::new(Type::group_type_builder("record").with_fields(columns).build()?))
}

fn column(
    name: &str,
    physical: Physical,
    logical: Option<LogicalType>,
    nullable: bool,
) -> Result<TypePtr, ParquetError> {
    let repetition = if nullable { Repetition::OPTIONAL } else { Repetition::REQUIRED };
    let builder = Type::primitive_type_builder(name, physical).with_repetition(repetition);
    Ok(Arc::new(builder.with_logical_type(logical).build()?))
}
