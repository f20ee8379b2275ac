//! Clauses of the server's query language, and what is known of a query in them: a clause that every match fulfils,
//! and one that nothing but matches fulfils. Where both are the same, the server can answer by itself.

use serde_json::{Value, json};

/// A condition, as the server understands it.
#[derive(Clone, Debug, PartialEq)]
pub enum Clause {
    /// Every record.
    All,
    /// None.
    Nothing,
    /// These.
    Is(Value),
}

impl Clause {
    /// All of them.
    pub fn and(list: impl IntoIterator<Item = Self>) -> Self {
        let mut parts = Vec::new();
        for clause in list {
            match clause {
                Self::All => {}
                Self::Nothing => return Self::Nothing,
                Self::Is(value) => parts.push(value),
            }
        }
        match parts.len() {
            0 => Self::All,
            1 => Self::Is(parts.remove(0)),
            _ => Self::Is(json!({"bool": {"filter": parts}})),
        }
    }

    /// Any of them.
    pub fn or(list: impl IntoIterator<Item = Self>) -> Self {
        let mut parts = Vec::new();
        for clause in list {
            match clause {
                Self::All => return Self::All,
                Self::Nothing => {}
                Self::Is(value) => parts.push(value),
            }
        }
        match parts.len() {
            0 => Self::Nothing,
            1 => Self::Is(parts.remove(0)),
            _ => Self::Is(json!({"bool": {"should": parts, "minimum_should_match": 1}})),
        }
    }

    /// None of it.
    #[must_use]
    pub fn not(self) -> Self {
        match self {
            Self::All => Self::Nothing,
            Self::Nothing => Self::All,
            Self::Is(value) => Self::Is(json!({"bool": {"must_not": [value]}})),
        }
    }

    /// As the body of a request has it.
    pub fn to_json(&self) -> Value {
        match self {
            Self::All => json!({"match_all": {}}),
            Self::Nothing => json!({"match_none": {}}),
            Self::Is(value) => json!({"bool": {"filter": [value]}}),
        }
    }

    /// A field has exactly this value.
    pub fn term(field: &str, value: impl Into<Value>) -> Self {
        Self::Is(json!({"term": {field: {"value": value.into()}}}))
    }

    /// A field has one of these values.
    pub fn terms(field: &str, values: Vec<&str>) -> Self {
        if values.is_empty() { Self::Nothing } else { Self::Is(json!({"terms": {field: values}})) }
    }

    /// A field has a value.
    pub fn exists(field: &str) -> Self {
        Self::Is(json!({"exists": {"field": field}}))
    }
}

/// What is known of a query.
#[derive(Clone, Debug, PartialEq)]
pub struct Bounds {
    /// Every match fulfils it.
    pub upper: Clause,
    /// Whatever fulfils it is a match.
    pub lower: Clause,
}

impl Bounds {
    /// The clause says it all.
    pub fn exact(clause: Clause) -> Self {
        Self { upper: clause.clone(), lower: clause }
    }

    /// Nothing else matches, but not all of it has to.
    pub const fn at_most(clause: Clause) -> Self {
        Self { upper: clause, lower: Clause::Nothing }
    }

    /// All of them.
    pub fn and(list: impl IntoIterator<Item = Self>) -> Self {
        let (upper, lower): (Vec<_>, Vec<_>) = list.into_iter().map(|one| (one.upper, one.lower)).unzip();
        Self { upper: Clause::and(upper), lower: Clause::and(lower) }
    }

    /// Any of them.
    pub fn or(list: impl IntoIterator<Item = Self>) -> Self {
        let (upper, lower): (Vec<_>, Vec<_>) = list.into_iter().map(|one| (one.upper, one.lower)).unzip();
        Self { upper: Clause::or(upper), lower: Clause::or(lower) }
    }

    /// Not it.
    #[must_use]
    pub fn not(self) -> Self {
        Self { upper: self.lower.not(), lower: self.upper.not() }
    }

    /// Of what fulfils `upper`, that of which it must be looked at whether it matches.
    pub fn doubtful(&self) -> Clause {
        if self.upper == self.lower {
            Clause::Nothing
        } else {
            Clause::and([self.upper.clone(), self.lower.clone().not()])
        }
    }
}
