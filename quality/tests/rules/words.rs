//! Reasons, as a person reads them.

use polars::prelude::*;

use super::*;

#[test]
fn reasons_say_what_to_do() {
    let frame = df!("email" => [Some("a@b.co"), None, Some("x"), Some("x")], "n" => [1, 2, 3, 40]).unwrap();
    for (rule, wanted) in [
        ("Completeness \"email\" > 0.9", "Value: 0.75 does not meet the constraint requirement! 1 of 4 values are null; expected > 0.9."),
        ("IsComplete \"email\"", "Value: 0.75 does not meet the constraint requirement! 1 of 4 values are null; expected all."),
        ("IsComplete \"emial\"", "Column \"emial\" does not exist in the dataset; did you mean \"email\"?"),
        (
            "IsUnique \"email\"",
            "Value: 0.3333333333333333 does not meet the constraint requirement! 1 of 2 keys occur more than once, in 2 of 3 rows; expected all.",
        ),
        ("ColumnValues \"n\" < 10", "Value: 40 does not meet the constraint requirement! The maximum of \"n\" is 40; expected < 10."),
        (
            "ColumnValues \"n\" in [1, 2]",
            "Value: 0.5 does not meet the constraint requirement! 2 of 4 rows do not hold \"n\" in [1,2]; expected all.",
        ),
        ("RowCount > 10", "Value: 4 does not meet the constraint requirement! Expected > 10."),
        ("RowCount > avg(last(3)) + 10", "Value: 4 does not meet the constraint requirement! Expected > 10."),
        ("Mean \"n\" < 2", "Value: 11.5 does not meet the constraint requirement! Expected < 2."),
        ("ColumnCount = 3", "Value: 2 does not meet the constraint requirement! Expected = 3."),
    ] {
        assert_eq!(one(&frame, rule).reason.as_deref(), Some(wanted), "{rule}");
    }
}
