//! What a rule is planned in: its dataset, its context, and the words it gets wrong.

use std::fmt::Write as _;

use jiff::tz::TimeZone;
use polars::prelude::{DataType, Expr, Schema};

use super::condition::Numbers;
use super::predicate::dates::Moment;
use super::{Context, Fault, Want, past};
pub(crate) use crate::data::named;
use crate::data::{self, DataError, Dataset};
use crate::language::Ruleset;
use crate::language::ast::{Comparison, Condition, Date, Node, Number, Rule, Tag, TagValue, TextCondition};
use crate::language::eval::{self, Clock};
use crate::stats::{Measure, Statistic};

/// What a rule is planned in.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'a> {
    /// The rule; an analyzer is a rule without condition.
    pub(crate) rule: &'a Rule,
    /// Whether it is an analyzer.
    pub(crate) analyzer: bool,
    /// Where it is among all parts of all rules; names of its own are made of it.
    pub(crate) index: usize,
    /// The dataset, with the fields of structs that rules name as columns.
    pub(crate) data: &'a Dataset,
    /// The dataset as it is.
    pub(crate) whole: &'a Dataset,
    /// References, history and time.
    pub(crate) context: &'a Context,
    /// The name of the series that it is held against. Without one it is held against no past.
    pub(crate) past: Option<&'a str>,
    /// The alias of the dataset, if the ruleset gives one beside `primary`.
    pub(crate) primary: Option<&'a str>,
}

impl<'a> Scope<'a> {
    /// The columns.
    pub(crate) fn schema(&self) -> &'a Schema {
        self.data.schema()
    }

    /// A parameter, counted from 0.
    pub(crate) fn parameter(&self, index: usize) -> Result<&'a str, Fault> {
        self.rule
            .parameters
            .get(index)
            .map(|parameter| parameter.value.as_str())
            .ok_or_else(|| Fault::error(format!("{} needs more parameters.", self.rule.kind.name())))
    }

    /// All parameters.
    pub(crate) fn parameters(&self) -> Vec<String> {
        self.rule.parameters.iter().map(|parameter| parameter.value.clone()).collect()
    }

    /// The column that a parameter names, which has to be there.
    pub(crate) fn column(&self, index: usize) -> Result<(String, &'a DataType), Fault> {
        let name = self.parameter(index)?;
        Ok((name.to_owned(), column_of(self.schema(), name, "the dataset")?))
    }

    /// The columns that all parameters from one on name, which have to be there.
    pub(crate) fn columns(&self, from: usize) -> Result<Vec<String>, Fault> {
        (from..self.rule.parameters.len()).map(|index| Ok(self.column(index)?.0)).collect()
    }

    /// What is measured of the rule's rows, in its groups.
    pub(crate) fn statistic(&self, measure: Measure) -> Want {
        Want {
            source: None,
            statistic: Statistic {
                measure,
                filter: self.rule.filter.as_ref().map(|filter| filter.value.clone()),
                group_by: self.rule.group_by.iter().map(|column| column.value.clone()).collect(),
            },
        }
    }

    /// The rule's `where` as an expression.
    pub(crate) fn filter(&self) -> Result<Option<Expr>, Fault> {
        self.rule
            .filter
            .as_ref()
            .map(|filter| {
                data::sql::predicate(&filter.value, self.whole.schema())
                    .map_err(|error| Fault::error(format!("The where clause is invalid: {error}{}", after(&error.hint()))))
            })
            .transpose()
    }

    /// A reference.
    pub(crate) fn reference(&self, alias: &str, known_as: &str) -> Result<&'a Dataset, Fault> {
        self.context.references.get(alias).ok_or_else(|| {
            let known: Vec<&str> = self.context.references.keys().map(String::as_str).collect();
            let mut reason = format!("\"{alias}\" is not found in {known_as}");
            reason.push_str(&match known.as_slice() {
                [] => "; no reference is given.".to_owned(),
                known => format!("; there is {}.", quoted(known)),
            });
            Fault::Error(reason)
        })
    }

    /// The reference that a name such as `ref.column` begins with, and the rest. Both may have dots of their own: the
    /// longest reference that is given is meant, or what is before the first dot. None is a name of the dataset's own.
    pub(crate) fn source_of(&self, name: &'a str) -> Option<(&'a str, &'a str)> {
        let given = |alias: &str| self.context.references.contains_key(alias);
        let splits = || name.match_indices('.').filter_map(|(at, _)| Some((name.get(..at)?, name.get(at + 1..)?)));
        let longest = splits().rfind(|(alias, _)| given(alias));
        longest.or_else(|| splits().next().filter(|_| self.own(name) == name))
    }

    /// A column's name without the dataset's own alias before it.
    pub(crate) fn own(&self, name: &'a str) -> &'a str {
        let aliases = [Some(super::rules::PRIMARY), self.primary];
        let own = |alias: &str| !self.context.references.contains_key(alias) && !self.schema().contains(name);
        let short = aliases.into_iter().flatten().filter(|alias| own(alias)).find_map(|alias| name.strip_prefix(alias)?.strip_prefix('.'));
        short.unwrap_or(name)
    }

    /// The rule's condition on numbers, worked out.
    pub(crate) fn numbers(&self) -> Result<Option<Numbers>, Fault> {
        match &self.rule.condition {
            None => Ok(None),
            Some(Condition::Number(numbers)) => self.resolve_numbers(numbers).map(Some),
            Some(_) => Err(Fault::error(format!("{} is compared with numbers.", self.rule.kind.name()))),
        }
    }

    /// A comparison of numbers, worked out with the history of the rule.
    pub(crate) fn resolve_numbers(&self, numbers: &Comparison<Number>) -> Result<Numbers, Fault> {
        let resolved = match self.past {
            Some(statistic) => numbers.resolve(&eval::Earlier { history: self.context.history.as_ref(), statistic }),
            None => past::regardless(numbers, &eval::NoHistory),
        };
        resolved.map_err(|error| Fault::Error(error.to_string()))
    }

    /// A comparison of dates, worked out in the rule's time zone.
    pub(crate) fn dates(&self, dates: &Comparison<Date>) -> Result<Comparison<Moment>, Fault> {
        let zone = match self.text_tag("timeZone")? {
            None => TimeZone::UTC,
            Some(name) => TimeZone::get(name).map_err(|_| Fault::error(format!("\"{name}\" is no time zone; \"Europe/Berlin\" is.")))?,
        };
        let clock = Clock::new(self.context.now, zone);
        Ok(dates.map(|date| match (date, date.moment(&clock)) {
            (_, None) => Moment::Null,
            (Date::Day(..), Some(day)) => Moment::Day(day.as_microsecond()),
            (_, Some(moment)) => Moment::At(moment.as_microsecond()),
        }))
    }

    /// The rule's condition as it is written; empty for an analyzer.
    pub(crate) fn condition_text(&self) -> String {
        self.rule.condition.as_ref().map(ToString::to_string).unwrap_or_default()
    }

    /// The condition with what its variable stands for, so that predicates which differ have keys that do.
    pub(crate) fn condition_key(&self) -> String {
        let mut key = self.condition_text();
        if let Some(Condition::Text(TextCondition::In { operands, variable: Some(_), .. })) = &self.rule.condition {
            let _ = write!(key, " {operands:?}");
        }
        key
    }

    /// Whether the condition means the same at any time: it looks neither at the clock nor back.
    pub(crate) fn is_lasting(&self) -> bool {
        match &self.rule.condition {
            Some(Condition::Number(numbers)) => !past::looks_back(numbers),
            Some(Condition::Date(dates)) => dates.operands().into_iter().all(|date| matches!(date, Date::Day(..) | Date::Null)),
            Some(Condition::Duration(_)) => false,
            Some(Condition::Text(_) | Condition::Size(_)) | None => true,
        }
    }

    /// The rule's tags, so that predicates which they change have keys of their own.
    pub(crate) fn tags_text(&self) -> String {
        self.rule.tags.iter().map(|tag| format!("{} = {:?} ", tag.key, tag.value)).collect()
    }

    /// A tag.
    pub(crate) fn tag(&self, key: &str) -> Option<&'a Tag> {
        self.rule.tags.iter().find(|tag| tag.key == key)
    }

    /// A tag that is a string.
    pub(crate) fn text_tag(&self, key: &str) -> Result<Option<&'a str>, Fault> {
        match self.tag(key).map(|tag| &tag.value) {
            None => Ok(None),
            Some(TagValue::Text(text)) => Ok(Some(text)),
            Some(_) => Err(Fault::error(format!("`{key}` is a string."))),
        }
    }

    /// A tag that is `"true"` or `"false"`.
    pub(crate) fn flag(&self, key: &str) -> Result<bool, Fault> {
        match self.text_tag(key)? {
            None => Ok(false),
            Some(text) if text.eq_ignore_ascii_case("true") => Ok(true),
            Some(text) if text.eq_ignore_ascii_case("false") => Ok(false),
            Some(text) => Err(Fault::error(format!("`{key}` is \"true\" or \"false\", not \"{text}\"."))),
        }
    }

    /// The name of a column of the rule's own.
    pub(crate) fn mark(&self, what: &str) -> String {
        format!("{}{}_{what}", super::rows::MARK, self.index)
    }
}

/// A column's type, or what it may have been meant to be.
pub(crate) fn column_of<'a>(schema: &'a Schema, name: &str, of: &str) -> Result<&'a DataType, Fault> {
    schema.get(name).ok_or_else(|| {
        let mut reason = format!("Column \"{name}\" does not exist in {of}");
        match nearest(schema.iter_names().map(|name| name.as_str()), name) {
            Some(near) => {
                let _ = write!(reason, "; did you mean \"{near}\"?");
            }
            None => reason.push('.'),
        }
        Fault::Error(reason)
    })
}

/// The name most like another, if one is.
pub(crate) fn nearest<'a>(names: impl Iterator<Item = &'a str>, wanted: &str) -> Option<&'a str> {
    let lower = wanted.to_lowercase();
    names
        .map(|name| (strsim::damerau_levenshtein(&name.to_lowercase(), &lower), name))
        .filter(|(distance, _)| *distance <= 1.max(wanted.chars().count() / 3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// A hint as a reason says it.
pub(crate) fn after(hint: &str) -> String {
    if hint.is_empty() { String::new() } else { format!("; {hint}") }
}

/// Names as a reason lists them.
pub(crate) fn quoted<T: AsRef<str>>(names: &[T]) -> String {
    names.iter().map(|name| format!("\"{}\"", name.as_ref())).collect::<Vec<_>>().join(", ")
}

/// The dataset with the fields of structs that rules name (`info.street`) as columns, if any are named.
pub(crate) fn with_fields(ruleset: &Ruleset, data: &Dataset) -> Result<Option<Dataset>, DataError> {
    let mut names: Vec<&str> = ruleset.analyzers.iter().flat_map(|analyzer| &analyzer.parameters).map(|name| name.value.as_str()).collect();
    for node in &ruleset.rules {
        parameters(node, &mut names);
    }
    names.sort_unstable();
    names.dedup();
    let fields: Vec<Expr> =
        names.into_iter().filter(|name| !data.schema().contains(name)).filter_map(|name| field(data.schema(), name)).collect();
    if fields.is_empty() {
        return Ok(None);
    }
    Dataset::of_lazy(data.scan()?.with_columns(fields)).map(Some)
}

fn parameters<'a>(node: &'a Node, names: &mut Vec<&'a str>) {
    match node {
        Node::Rule(rule) => {
            names.extend(rule.parameters.iter().map(|name| name.value.as_str()));
            names.extend(rule.group_by.iter().map(|name| name.value.as_str()));
        }
        Node::Composite(composite) => composite.parts.iter().for_each(|part| parameters(part, names)),
    }
}

/// The field of a struct that a name with dots means.
fn field(schema: &Schema, name: &str) -> Option<Expr> {
    let mut parts = name.split('.');
    let first = parts.next()?;
    let (mut value, mut dtype) = (named(first), schema.get(first)?);
    for part in parts {
        let DataType::Struct(fields) = dtype else { return None };
        dtype = fields.iter().find(|field| field.name() == part)?.dtype();
        value = value.struct_().field_by_name(part);
    }
    Some(value.alias(name))
}
