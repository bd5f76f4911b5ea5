//! What can be measured, named so that equal wishes are measured once.

use polars::prelude::Expr;

/// One thing to measure. Equal statistics are measured once, whoever asks.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Statistic {
    /// What.
    pub measure: Measure,
    /// `where`: SQL that chooses the rows. Rows for which it is null or false are not measured.
    pub filter: Option<String>,
    /// `group by`: measured apart for each combination of these columns' values.
    pub group_by: Vec<String>,
}

impl Statistic {
    /// Of all rows.
    pub fn of(measure: Measure) -> Statistic {
        Statistic { measure, filter: None, group_by: Vec::new() }
    }

    /// Whether its key means the same at any time, so that its state may be kept.
    pub fn is_lasting(&self) -> bool {
        !matches!(&self.measure, Measure::Matches(Predicate { lasting: false, .. }))
    }

    /// What names it in files: equal statistics have equal keys, in every version.
    pub fn key(&self) -> String {
        let (name, arguments) = self.measure.parts();
        serde_json::json!([name, arguments, self.filter, self.group_by]).to_string()
    }
}

/// What is measured, of which columns.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Measure {
    /// Rows.
    Rows,
    /// Values that are not null, and rows.
    Complete(String),
    /// Least and greatest number; dates and times as microseconds since 1970-01-01 UTC. NaN is greater than every number.
    Extremes(String),
    /// Count, sum, zeros, mean and the central moments up to the fourth, of values that are not null.
    Moments(String),
    /// Of rows in which neither is null.
    CoMoments(String, String),
    /// Shortest and longest string in characters, without nulls, and how many nulls.
    Lengths(String),
    /// Rows for which a predicate is true, and rows.
    Matches(Predicate),
    /// How often each combination of values occurs. Rows in which all columns are null are left out and counted apart. Exact.
    Frequencies(Vec<String>),
    /// The same of the rows in which none of the columns is null.
    WholeKeys(Vec<String>),
    /// The values themselves in order, for quantiles; exact as long as they fit in memory, a sketch beyond.
    Quantiles(String),
    /// The most frequent values with their counts (1,000 at most), null among them.
    TopValues(String),
    /// About how many distinct values there are (HyperLogLog).
    ApproximateDistinct(String),
    /// Numbers by ranges whose edges are multiples of a power of two; infinities and NaN are in none.
    Histogram(String),
    /// Numbers by classes between given edges.
    Classes(String, Edges),
    /// What strings look like: null, fractional, integral, boolean, other; Deequ's regular expressions.
    Types(String),
}

impl Measure {
    /// Its name and what it is of.
    fn parts(&self) -> (&'static str, Vec<&str>) {
        match self {
            Measure::Rows => ("rows", Vec::new()),
            Measure::Complete(column) => ("complete", vec![column]),
            Measure::Extremes(column) => ("extremes", vec![column]),
            Measure::Moments(column) => ("moments", vec![column]),
            Measure::CoMoments(left, right) => ("co_moments", vec![left, right]),
            Measure::Lengths(column) => ("lengths", vec![column]),
            Measure::Matches(predicate) => ("matches", vec![&predicate.key]),
            Measure::Frequencies(columns) => ("frequencies", columns.iter().map(String::as_str).collect()),
            Measure::WholeKeys(columns) => ("whole_keys", columns.iter().map(String::as_str).collect()),
            Measure::Quantiles(column) => ("quantiles", vec![column]),
            Measure::TopValues(column) => ("top_values", vec![column]),
            Measure::ApproximateDistinct(column) => ("approximate_distinct", vec![column]),
            Measure::Histogram(column) => ("histogram", vec![column]),
            Measure::Classes(column, edges) => ("classes", vec![column, &edges.0]),
            Measure::Types(column) => ("types", vec![column]),
        }
    }
}

/// Edges between classes of numbers, in order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Edges(String);

impl Edges {
    /// Of these numbers.
    pub fn of(edges: &[f64]) -> Edges {
        let mut edges: Vec<f64> = edges.to_vec();
        edges.sort_unstable_by(f64::total_cmp);
        Edges(edges.iter().map(|edge| format!("{edge:?}")).collect::<Vec<_>>().join(" "))
    }

    /// The numbers.
    pub fn values(&self) -> Vec<f64> {
        // A number is spelled with as many digits as it needs to be read again.
        self.0.split_whitespace().filter_map(|edge| edge.parse().ok()).collect()
    }
}

/// A condition on each row.
#[derive(Clone, Debug)]
pub struct Predicate {
    /// What it says, in a canonical spelling: predicates with equal keys are equal.
    pub key: String,
    /// It as an expression; null counts as false.
    pub expr: Expr,
    /// The column, if the outcome depends on nothing but this column's value: it is then asked
    /// once for each distinct value of a dictionary.
    pub column: Option<String>,
    /// Whether the key means the same at any time: nothing in it depends on the clock or on what was
    /// measured earlier. Only then a state of it is of use later.
    pub lasting: bool,
}

impl PartialEq for Predicate {
    fn eq(&self, other: &Predicate) -> bool {
        self.key == other.key
    }
}

impl Eq for Predicate {}

impl std::hash::Hash for Predicate {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.key.hash(state);
    }
}
