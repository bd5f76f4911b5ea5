//! What a column's profile speaks for.

use super::{
    Heuristic,
    chance::wilson,
    write::{between, compare, equal_text, is_list, one_of_numbers, one_of_texts, rule, where_present},
};
use crate::{
    language::{
        RuleType,
        ast::{Compare, Condition, Rule},
    },
    profile::{ColumnProfile, Kind, Numbers, Spread, ValueCount},
};

/// How many rows speak, and for how many more.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// Rows of the profile.
    pub rows: u64,
    /// Rows that a rule is likely to be asked of next: a smaller number lets means and deviations differ more.
    pub next: u64,
    /// How many standard deviations intervals of shares have.
    pub z: f64,
}

/// A rule, and why it is suggested.
#[derive(Clone, Debug, PartialEq)]
pub struct Proposal {
    /// The rule.
    pub rule: Rule,
    /// What in the profile speaks for it, as a sentence.
    pub why: String,
}

/// A column with a completeness up to this is not worth a rule.
const LEAST_COMPLETENESS: f64 = 0.2;
/// Categories may be seen once in this share of them.
const MOST_ONCE: f64 = 0.1;
/// The same, if the categories are to cover most rows only.
const MOST_ONCE_OF_MOST: f64 = 0.4;
/// Which share of the values categories are to cover, at least.
const COVERED: f64 = 0.9;
/// How far the number of different values may be from the number of rows, as a share of it: the error of the estimate.
const ABOUT_UNIQUE: f64 = 0.08;
/// How many standard errors a mean or a deviation may differ by.
const ERRORS: f64 = 4.0;

/// What a heuristic suggests for a column; nothing if the profile doesn't speak for it.
pub fn propose(heuristic: Heuristic, column: &ColumnProfile, sample: Sample) -> Option<Proposal> {
    if sample.rows == 0 {
        return None;
    }
    let proposed = match heuristic {
        Heuristic::CompleteIfComplete => complete(column, sample),
        Heuristic::RetainCompleteness => completeness(column, sample),
        Heuristic::RetainType => data_type(column),
        Heuristic::CategoricalRange => categories(column),
        Heuristic::FractionalCategoricalRange => most_categories(column, sample),
        Heuristic::NonNegativeNumbers => non_negative(column),
        Heuristic::UniqueIfApproximatelyUnique => unique(column, sample),
        Heuristic::HasMin => bound(column, Compare::GreaterOrEqual, |numbers| numbers.min, "least"),
        Heuristic::HasMax => bound(column, Compare::LessOrEqual, |numbers| numbers.max, "greatest"),
        Heuristic::HasMean => mean(column, sample),
        Heuristic::HasStandardDeviation => deviation(column, sample),
        Heuristic::HasMinLength => length(column, Compare::GreaterOrEqual, |shortest, _| shortest, "shortest"),
        Heuristic::HasMaxLength => length(column, Compare::LessOrEqual, |_, longest| longest, "longest"),
    };
    proposed.map(|(rule, why)| Proposal { rule, why })
}

type Proposed = Option<(Rule, String)>;

fn complete(column: &ColumnProfile, sample: Sample) -> Proposed {
    let why = || format!("All {} values are there.", sample.rows);
    (column.nulls == 0).then(|| (rule(RuleType::IsComplete, &column.name, None), why()))
}

fn completeness(column: &ColumnProfile, sample: Sample) -> Proposed {
    let present = sample.rows - column.nulls.min(sample.rows);
    if column.nulls == 0 || present as f64 / sample.rows as f64 <= LEAST_COMPLETENESS {
        return None;
    }
    let least = hundredths_below(wilson(present, sample.rows, sample.z).lower);
    let condition = Condition::Number(compare(Compare::GreaterOrEqual, least));
    let why = format!("{present} of {} values are there; chance alone may leave {least} of them.", sample.rows);
    (least > 0.0).then(|| (rule(RuleType::Completeness, &column.name, Some(condition)), why))
}

fn data_type(column: &ColumnProfile) -> Proposed {
    if !column.inferred {
        return None;
    }
    let name = match column.kind {
        Kind::Boolean => "BOOLEAN",
        Kind::Fractional => "DOUBLE",
        Kind::Integral => {
            let fits = |numbers: &Numbers| numbers.min >= f64::from(i32::MIN) && numbers.max <= f64::from(i32::MAX);
            if column.numbers.as_ref().is_some_and(fits) { "INTEGER" } else { "LONG" }
        }
        _ => return None,
    };
    let typed = rule(RuleType::ColumnDataType, &column.name, Some(equal_text(name)));
    Some((if_present(typed, column), format!("All strings are {}.", words(column.kind))))
}

fn categories(column: &ColumnProfile) -> Proposed {
    let spread = column.values.as_ref().filter(|spread| spread.is_whole())?;
    if !is_categorical(column.kind) || once(spread)? > MOST_ONCE {
        return None;
    }
    let why = format!("All {} values are among these {}.", count(&spread.top), spread.top.len());
    Some((one_of(column, &spread.top)?, why))
}

fn most_categories(column: &ColumnProfile, sample: Sample) -> Proposed {
    let spread = column.values.as_ref().filter(|spread| spread.is_whole())?;
    if !is_categorical(column.kind) || once(spread)? > MOST_ONCE_OF_MOST {
        return None;
    }
    let all = count(&spread.top);
    let mut covered = 0;
    let enough = spread.top.iter().take_while(|value| {
        let wanted = (covered as f64) < COVERED * all as f64;
        covered += if wanted { value.count } else { 0 };
        wanted
    });
    let top = &spread.top[..enough.count()];
    if covered == all {
        return None;
    }
    let mut most = one_of(column, top)?;
    // Rows without a value are left out, or hold too: NULL is in the list.
    let without = if most.filter.is_some() { 0 } else { column.nulls };
    let least = hundredths_below(wilson(covered + without, all + without, sample.z).lower);
    most.threshold = Some(compare(Compare::GreaterOrEqual, least));
    let why = format!("{covered} of {all} values are among these {}; chance alone may leave {least} of them.", top.len());
    (least > 0.0).then_some((most, why))
}

fn non_negative(column: &ColumnProfile) -> Proposed {
    let numbers = column.numbers.as_ref().filter(|numbers| numbers.min >= 0.0)?;
    let positive = rule(RuleType::ColumnValues, &column.name, Some(Condition::Number(compare(Compare::GreaterOrEqual, 0.0))));
    Some((if_present(positive, column), format!("No number is negative; the least is {}.", numbers.min)))
}

fn unique(column: &ColumnProfile, sample: Sample) -> Proposed {
    let distinct = column.distinct.filter(|_| column.nulls == 0)?;
    let off = distinct.abs_diff(sample.rows) as f64;
    let agrees = if column.distinct_is_exact { off == 0.0 } else { off <= ABOUT_UNIQUE * sample.rows as f64 };
    let about = if column.distinct_is_exact { "" } else { "about " };
    let why = format!("There are {about}{distinct} different values in {} rows.", sample.rows);
    agrees.then(|| (rule(RuleType::IsUnique, &column.name, None), why))
}

fn bound(column: &ColumnProfile, operator: Compare, of: impl Fn(&Numbers) -> f64, which: &str) -> Proposed {
    let value = column.numbers.as_ref().map(of).filter(|value| value.is_finite())?;
    let bounded = rule(RuleType::ColumnValues, &column.name, Some(Condition::Number(compare(operator, value))));
    Some((if_present(bounded, column), format!("The {which} number is {value}.")))
}

/// Strings have no mean, even if each of them is a number: they would have to be cast first.
fn stored_numbers(column: &ColumnProfile) -> Option<&Numbers> {
    column.numbers.as_ref().filter(|_| !column.inferred)
}

fn mean(column: &ColumnProfile, sample: Sample) -> Proposed {
    let numbers = stored_numbers(column)?;
    let error = numbers.standard_deviation * shrink(column, sample);
    about(column, RuleType::Mean, numbers.mean, error, "mean")
}

fn deviation(column: &ColumnProfile, sample: Sample) -> Proposed {
    let numbers = stored_numbers(column)?;
    // The standard error of a deviation depends on how heavy the tails are.
    let tails = ((numbers.kurtosis + 2.0).max(0.0) / 4.0).sqrt();
    let error = numbers.standard_deviation * tails * shrink(column, sample);
    about(column, RuleType::StandardDeviation, numbers.standard_deviation, error, "standard deviation")
}

/// By what the deviation of single values is multiplied for the difference of two means.
fn shrink(column: &ColumnProfile, sample: Sample) -> f64 {
    let present = |rows: u64| (rows as f64 * column.completeness).max(1.0);
    (1.0 / present(sample.rows) + 1.0 / present(sample.next)).sqrt()
}

fn about(column: &ColumnProfile, kind: RuleType, value: f64, error: f64, which: &str) -> Proposed {
    if !value.is_finite() || !error.is_finite() {
        return None;
    }
    // What is summed up in another order differs in the last digits.
    let width = (ERRORS * error).max(value.abs() * 1e-9);
    let condition = if width == 0.0 { compare(Compare::Equal, value) } else { between(outwards(value, -width), outwards(value, width)) };
    let why = format!("The {which} is {value}; of other rows like these it differs by less than {ERRORS} standard errors.");
    Some((rule(kind, &column.name, Some(Condition::Number(condition))), why))
}

fn length(column: &ColumnProfile, operator: Compare, of: impl Fn(u64, u64) -> u64, which: &str) -> Proposed {
    let length = column.lengths.map(|lengths| of(lengths.min, lengths.max))?;
    let bounded = rule(RuleType::ColumnLength, &column.name, Some(Condition::Number(compare(operator, length as f64))));
    Some((if_present(bounded, column), format!("The {which} string has {length} characters.")))
}

/// A rule on values with a missing one as no offence.
fn if_present(rule: Rule, column: &ColumnProfile) -> Rule {
    if column.nulls > 0 { where_present(rule, &column.name) } else { rule }
}

fn one_of(column: &ColumnProfile, values: &[ValueCount]) -> Option<Rule> {
    let values: Vec<&str> = values.iter().map(|value| value.value.as_str()).collect();
    let null = column.nulls > 0;
    // Strings that are whole numbers are still compared as strings: "007" is not "7".
    let condition =
        if column.kind == Kind::Integral && !column.inferred { one_of_numbers(&values, null)? } else { one_of_texts(&values, null) };
    let lists = is_list(&condition);
    let listed = rule(RuleType::ColumnValues, &column.name, Some(condition));
    Some(if lists { listed } else { if_present(listed, column) })
}

fn is_categorical(kind: Kind) -> bool {
    matches!(kind, Kind::String | Kind::Integral)
}

fn count(values: &[ValueCount]) -> u64 {
    values.iter().map(|value| value.count).sum()
}

/// Which share of the different values is there once.
fn once(spread: &Spread) -> Option<f64> {
    let once = spread.top.iter().filter(|value| value.count == 1).count();
    (!spread.top.is_empty()).then(|| once as f64 / spread.top.len() as f64)
}

fn words(kind: Kind) -> &'static str {
    match kind {
        Kind::Integral => "whole numbers",
        Kind::Boolean => "true or false",
        _ => "numbers",
    }
}

/// Down to two decimals, and not below by the rounding of the product.
fn hundredths_below(share: f64) -> f64 {
    let hundredths = (share * 100.0).floor();
    let exact = if (hundredths + 1.0) / 100.0 <= share { hundredths + 1.0 } else { hundredths };
    exact / 100.0
}

/// A bound that many digits as its distance needs, rounded away from the value.
fn outwards(value: f64, distance: f64) -> f64 {
    let bound = value + distance;
    let unit = 10_f64.powf(distance.abs().log10().floor() - 2.0);
    let steps = bound / unit;
    let rounded = if distance < 0.0 { steps.floor() } else { steps.ceil() };
    // Spelled with as many decimals as the unit has, so that it is as short as it looks.
    let decimals = usize::try_from((-unit.log10().round()) as i64).unwrap_or(0);
    let spelled = format!("{:.decimals$}", rounded * unit);
    spelled.parse().ok().filter(|short: &f64| short.is_finite() && (distance < 0.0) == (*short < value)).unwrap_or(bound)
}
