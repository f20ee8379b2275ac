//! How answers look to people: columns, colours where somebody looks at them, and nothing that could hurt a terminal.

mod audit;
mod escape;
mod highlight;
mod hit;
mod style;

pub(crate) use audit::audit_table;
pub(crate) use highlight::Highlights;
pub(crate) use hit::HitPrinter;
pub(crate) use style::{ColorChoice, Style};
