//! Schema drift: how two schemas become one, and whether a policy lets a new one in.

use crate::{
    pipeline::DriftPolicy,
    table::{Column, DataType, Schema},
};

/// What a policy says to a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It is let in; the dataset's schema is now this one. Equal to the recorded one if nothing changed.
    Admit(Schema),
    /// It is not let in; the text says what differs, a difference after another.
    Reject(String),
}

/// Whether a dataset whose schema so far is `recorded` takes data with the schema `seen`.
pub fn admit(policy: DriftPolicy, recorded: Option<&Schema>, seen: &Schema) -> Admission {
    let Some(recorded) = recorded else { return Admission::Admit(seen.clone()) };
    match policy {
        DriftPolicy::Evolve => Admission::Admit(merge(recorded, seen)),
        DriftPolicy::Freeze | DriftPolicy::Quarantine => {
            let differences = differences(recorded, seen);
            if differences.is_empty() { Admission::Admit(recorded.clone()) } else { Admission::Reject(differences.join("; ")) }
        }
    }
}

/// The schema that holds the rows of both: the columns of `first` in order, then the new ones of
/// `second`; a column in both gets the narrowest type that holds both.
pub fn merge(first: &Schema, second: &Schema) -> Schema {
    Schema { columns: merge_columns(&first.columns, &second.columns) }
}

fn merge_columns(first: &[Column], second: &[Column]) -> Vec<Column> {
    let mut merged: Vec<Column> = first.to_vec();
    for column in second {
        match merged.iter_mut().find(|known| known.name == column.name) {
            Some(known) => known.data_type = widen(&known.data_type, &column.data_type),
            None => merged.push(column.clone()),
        }
    }
    merged
}

/// The narrowest type that holds the values of both; text if there is nothing narrower.
pub fn widen(a: &DataType, b: &DataType) -> DataType {
    use DataType::{Date, Decimal, Float, Int, List, Null, String, Struct, Timestamp, UInt};
    match (a, b) {
        (a, b) if a == b => a.clone(),
        (Null, other) | (other, Null) => other.clone(),
        (Int(x), Int(y)) => Int(*x.max(y)),
        (UInt(x), UInt(y)) => UInt(*x.max(y)),
        (Int(signed), UInt(unsigned)) | (UInt(unsigned), Int(signed)) => match unsigned {
            64.. => Float(64),
            bits => Int((*signed).max(bits * 2)),
        },
        (Float(x), Float(y)) => Float(*x.max(y)),
        (Float(float), Int(bits) | UInt(bits)) | (Int(bits) | UInt(bits), Float(float)) => Float(if *bits > 16 { 64 } else { *float }),
        (Decimal { .. }, Float(_) | Int(_) | UInt(_)) | (Float(_) | Int(_) | UInt(_), Decimal { .. }) => Float(64),
        (Decimal { precision: p, scale: s }, Decimal { precision: q, scale: t }) => {
            let scale = *s.max(t);
            let whole = p.saturating_sub(*s).max(q.saturating_sub(*t));
            Decimal { precision: whole.saturating_add(scale).min(38), scale }
        }
        (Date, Timestamp(zone)) | (Timestamp(zone), Date) => Timestamp(zone.clone()),
        (List(x), List(y)) => List(Box::new(widen(x, y))),
        (Struct(x), Struct(y)) => Struct(merge_columns(x, y)),
        _ => String,
    }
}

/// What `seen` has that `recorded` has not, and the other way round, for people.
pub fn differences(recorded: &Schema, seen: &Schema) -> Vec<String> {
    let added = seen.columns.iter().filter(|column| recorded.column(&column.name).is_none());
    let added = added.map(|column| format!("column \"{}\" ({}) is new", column.name, column.data_type));
    let missing = recorded.columns.iter().filter(|column| seen.column(&column.name).is_none());
    let missing = missing.map(|column| format!("column \"{}\" ({}) is missing", column.name, column.data_type));
    let changed = seen.columns.iter().filter_map(|column| {
        let known = recorded.column(&column.name)?;
        // A file whose column is empty tells nothing about the column's type.
        let same = widen(&known.data_type, &column.data_type) == known.data_type && compatible(&known.data_type, &column.data_type);
        (!same).then(|| format!("column \"{}\" is {} where {} is expected", column.name, column.data_type, known.data_type))
    });
    added.chain(missing).chain(changed).collect()
}

/// Whether a value of type `seen` is a value of type `recorded` as it stands.
fn compatible(recorded: &DataType, seen: &DataType) -> bool {
    *seen == DataType::Null || std::mem::discriminant(recorded) == std::mem::discriminant(seen)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_type() -> impl Strategy<Value = DataType> {
        let leaf = prop_oneof![
            Just(DataType::Null),
            Just(DataType::Boolean),
            prop_oneof![Just(8_u8), Just(16), Just(32), Just(64)].prop_map(DataType::Int),
            prop_oneof![Just(8_u8), Just(16), Just(32), Just(64)].prop_map(DataType::UInt),
            prop_oneof![Just(32_u8), Just(64)].prop_map(DataType::Float),
            Just(DataType::String),
            Just(DataType::Date),
            Just(DataType::Timestamp(None)),
        ];
        leaf.prop_recursive(2, 6, 3, |inner| inner.prop_map(|item| DataType::List(Box::new(item))))
    }

    fn any_schema() -> impl Strategy<Value = Schema> {
        proptest::collection::btree_map("[a-e]", any_type(), 0..5).prop_map(|columns| columns.into_iter().collect())
    }

    proptest! {
        #[test]
        fn widening_is_symmetric_and_settles(a in any_type(), b in any_type()) {
            let wide = widen(&a, &b);
            prop_assert_eq!(&wide, &widen(&b, &a));
            prop_assert_eq!(&widen(&wide, &a), &wide);
            prop_assert_eq!(&widen(&wide, &b), &wide);
        }

        #[test]
        fn evolving_takes_every_schema_and_keeps_every_column(a in any_schema(), b in any_schema()) {
            let Admission::Admit(merged) = admit(DriftPolicy::Evolve, Some(&a), &b) else { return Err(TestCaseError::fail("rejected")) };
            for column in a.columns.iter().chain(&b.columns) {
                prop_assert!(merged.column(&column.name).is_some());
            }
            prop_assert_eq!(merge(&merged, &b), merged);
        }

        #[test]
        fn a_frozen_schema_takes_itself_and_never_changes(a in any_schema(), b in any_schema()) {
            prop_assert_eq!(admit(DriftPolicy::Freeze, Some(&a), &a), Admission::Admit(a.clone()));
            if let Admission::Admit(after) = admit(DriftPolicy::Freeze, Some(&a), &b) {
                prop_assert_eq!(after, a);
            }
        }
    }

    #[test]
    fn a_rejection_names_every_difference() {
        let recorded: Schema = [("a", DataType::Int(64)), ("b", DataType::String)].into_iter().collect();
        let seen: Schema = [("a", DataType::String), ("c", DataType::Date)].into_iter().collect();
        let Admission::Reject(text) = admit(DriftPolicy::Quarantine, Some(&recorded), &seen) else { unreachable!("let in") };
        assert_eq!(text, "column \"c\" (date) is new; column \"b\" (string) is missing; column \"a\" is string where int64 is expected");
    }
}
