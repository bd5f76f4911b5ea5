//! Which object a row of a task's output came from, as far as that can be known.

use super::super::{Assignment, Target, TaskInput, input::Inputs, transform};

/// Keys named for a row of which is known only that it is of one of these.
const NAMED: usize = 3;

/// Where the rows of a task's output came from.
pub(in crate::engine) struct Origins {
    /// Keys with how many rows each gave, in the order of the output's rows; none if the order is lost.
    in_order: Vec<(String, u64)>,
    /// What else can be said of all of them.
    together: String,
}

impl Origins {
    /// Of what a task has read. Which member of a batch a row came from is known as long as the stage only
    /// passes rows on; a query may do anything with them.
    pub(in crate::engine) fn of(assignment: &Assignment, inputs: &Inputs) -> Origins {
        let members = inputs.origins();
        let keeps_rows = transform::is_identity(&assignment.stage) || matches!(assignment.input, TaskInput::Rows { .. });
        let keeps_order = match &assignment.target {
            Target::File { .. } => true,
            Target::Table { partition_by, .. } => partition_by.is_empty(),
        };
        let together = match members.as_slice() {
            [(key, _)] => key.clone(),
            few if few.len() <= NAMED => few.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>().join(", "),
            many => format!("{}: {} objects", inputs.subject.0, many.len()),
        };
        Origins { in_order: if keeps_rows && keeps_order && members.len() > 1 { members } else { Vec::new() }, together }
    }

    /// The source of the row of this number in the output, and its number there.
    pub(super) fn of_row(&self, row: u64) -> (&str, u64) {
        let mut before = 0;
        for (key, rows) in &self.in_order {
            if row <= before + rows {
                return (key, row - before);
            }
            before += rows;
        }
        (&self.together, row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_found_in_the_object_it_came_from() {
        let members = [("a.csv", 2), ("b.csv", 0), ("c.csv", 3)].map(|(key, rows)| (key.to_owned(), rows));
        let origins = Origins { in_order: members.to_vec(), together: "a.csv, b.csv, c.csv".into() };
        let found: Vec<(&str, u64)> = (1..=6).map(|row| origins.of_row(row)).collect();
        let expected = [("a.csv", 1), ("a.csv", 2), ("c.csv", 1), ("c.csv", 2), ("c.csv", 3), ("a.csv, b.csv, c.csv", 6)];
        assert_eq!(found, expected);
        let lost = Origins { in_order: Vec::new(), together: "batch ba-1: 9 objects".into() };
        assert_eq!(lost.of_row(4), ("batch ba-1: 9 objects", 4));
    }
}
