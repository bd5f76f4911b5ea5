//! What is to be worked out from each batch: statistics in sections of one filter and one grouping,
//! with names resolved and types checked.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use polars::prelude::*;

use super::expressions::{columns_of, is_of_one_row};
use crate::{
    data::{named, sql},
    stats::{Measure, Predicate, Statistic, StatisticError, states::Room},
};

/// How many threads share memory that is limited: as many parts of it are reckoned with on every machine.
pub(crate) const FEW_THREADS: usize = 8;

/// All sections, and the columns that they need.
pub(crate) struct Plan {
    pub(crate) sections: Vec<Section>,
    pub(crate) columns: Vec<PlSmallStr>,
    /// How many threads may work on it.
    pub(crate) threads: usize,
}

/// Statistics of the same rows.
#[derive(Default)]
pub(crate) struct Section {
    pub(crate) filter: Option<Expr>,
    pub(crate) group_by: Vec<PlSmallStr>,
    pub(crate) targets: Vec<Target>,
    pub(crate) predicates: Vec<Predicate>,
    pub(crate) tasks: Vec<Task>,
    /// The dataset's columns that any of this needs.
    pub(crate) columns: Vec<PlSmallStr>,
}

/// A column, or a field of one.
#[derive(Clone, PartialEq)]
pub(crate) struct Target {
    pub(crate) root: PlSmallStr,
    /// Fields below it.
    pub(crate) path: Vec<PlSmallStr>,
    pub(crate) data_type: DataType,
}

/// One statistic: its place among those that were asked for, and what it is of.
pub(crate) struct Task {
    pub(crate) statistic: usize,
    pub(crate) work: Work,
}

/// Measures with places of targets and predicates instead of names.
#[derive(Clone, Debug)]
pub(crate) enum Work {
    Rows,
    Complete(usize),
    Extremes(usize),
    Moments(usize),
    CoMoments(usize, usize),
    Lengths(usize),
    Matches(usize),
    Keys(Vec<usize>),
    Quantiles(usize, Kept),
    Top(usize),
    Distinct(usize),
    /// Of whole numbers, or of any.
    Histogram(usize, bool),
    Classes(usize, Vec<f64>),
    Types(usize),
}

/// How many values a statistic may keep, and how many all threads have seen: if there are more, none of them keeps all.
#[derive(Clone, Debug, Default)]
pub(crate) struct Kept {
    pub(crate) room: Room,
    seen: Arc<AtomicU64>,
}

impl Kept {
    /// Tells of more values; whether there are too many to keep all.
    pub(crate) fn is_exceeded_by(&self, more: usize) -> bool {
        let seen = self.seen.fetch_add(more as u64, Ordering::Relaxed) + more as u64;
        self.room != Room::default() && seen > self.room.exact as u64
    }
}

/// What chooses the rows of a statistic: its filter, the columns that must not be null, and its groups.
type Rows<'a> = (Option<&'a str>, &'a [String], &'a [String]);

/// The columns that are not null in the rows which a measure is of.
fn present(measure: &Measure) -> &[String] {
    if let Measure::WholeKeys(columns) = measure { columns } else { &[] }
}

impl Plan {
    /// A plan of these statistics, and the errors of those that can't be measured.
    pub(crate) fn new(schema: &Schema, statistics: &[(usize, &Statistic)]) -> (Plan, Vec<(usize, StatisticError)>) {
        let mut places: HashMap<Rows<'_>, Result<usize, StatisticError>> = HashMap::new();
        let mut plan = Plan { sections: Vec::new(), columns: Vec::new(), threads: usize::MAX };
        let mut errors = Vec::new();
        for (index, statistic) in statistics {
            let key = (statistic.filter.as_deref(), present(&statistic.measure), statistic.group_by.as_slice());
            let place = places.entry(key).or_insert_with(|| {
                let section = Section::new(schema, statistic)?;
                plan.sections.push(section);
                Ok(plan.sections.len() - 1)
            });
            let added = place.clone().and_then(|place| match plan.sections.get_mut(place) {
                Some(section) => section.add(schema, *index, &statistic.measure),
                None => Ok(()),
            });
            errors.extend(added.err().map(|error| (*index, error)));
        }
        plan.sections.retain(|section| !section.tasks.is_empty());
        plan.sections.iter_mut().for_each(|section| section.columns = section.needed(schema));
        let needed: BTreeSet<&PlSmallStr> = plan.sections.iter().flat_map(|section| &section.columns).collect();
        plan.columns = schema.iter_names().filter(|name| needed.contains(name)).cloned().collect();
        (plan, errors)
    }
}

/// The columns that a statistic reads.
pub(crate) fn columns_of_statistic(schema: &Schema, statistic: &Statistic) -> Result<Vec<PlSmallStr>, StatisticError> {
    let mut section = Section::new(schema, statistic)?;
    section.add(schema, 0, &statistic.measure)?;
    Ok(section.needed(schema))
}

impl Plan {
    /// Lets all statistics that keep values together keep so many bytes of them, on [`FEW_THREADS`] at most, so that
    /// what is kept does not depend on the machine.
    pub(crate) fn limit_values(&mut self, bytes: u64) {
        self.threads = FEW_THREADS;
        let works = || self.sections.iter().flat_map(|section| &section.tasks).map(|task| &task.work);
        let keeping = works().filter(|work| matches!(work, Work::Quantiles(..))).count() as u64;
        let room = Room::of(bytes.checked_div(keeping).unwrap_or(bytes), FEW_THREADS);
        for task in self.sections.iter_mut().flat_map(|section| &mut section.tasks) {
            if let Work::Quantiles(_, kept) = &mut task.work {
                kept.room = room;
            }
        }
    }
}

impl Section {
    fn new(schema: &Schema, statistic: &Statistic) -> Result<Section, StatisticError> {
        let filter = statistic.filter.as_deref().map(|text| sql::predicate(text, schema)).transpose();
        let filter = filter.map_err(StatisticError::Filter)?;
        let present = present(&statistic.measure).iter().map(|column| named(column).is_not_null());
        let filter = filter.into_iter().chain(present).reduce(Expr::and);
        for column in &statistic.group_by {
            if !schema.contains(column) {
                return Err(StatisticError::NoColumn(column.clone()));
            }
        }
        let group_by = statistic.group_by.iter().map(|column| column.as_str().into()).collect();
        Ok(Section { filter, group_by, ..Section::default() })
    }

    fn add(&mut self, schema: &Schema, statistic: usize, measure: &Measure) -> Result<(), StatisticError> {
        let work = match measure {
            Measure::Rows => Work::Rows,
            Measure::Complete(column) => Work::Complete(self.target(schema, column, any)?),
            Measure::Extremes(column) => Work::Extremes(self.target(schema, column, ordered)?),
            Measure::Moments(column) => Work::Moments(self.target(schema, column, numeric)?),
            Measure::CoMoments(left, right) => Work::CoMoments(self.target(schema, left, numeric)?, self.target(schema, right, numeric)?),
            Measure::Lengths(column) => Work::Lengths(self.target(schema, column, text)?),
            Measure::Matches(predicate) => Work::Matches(self.predicate(schema, predicate)?),
            Measure::Frequencies(columns) | Measure::WholeKeys(columns) => {
                let sorted: BTreeSet<&String> = columns.iter().collect();
                let targets = sorted.into_iter().map(|column| self.target(schema, column, any));
                Work::Keys(targets.collect::<Result<_, _>>()?)
            }
            Measure::Quantiles(column) => Work::Quantiles(self.target(schema, column, ordered)?, Kept::default()),
            Measure::TopValues(column) => Work::Top(self.target(schema, column, any)?),
            Measure::ApproximateDistinct(column) => Work::Distinct(self.target(schema, column, any)?),
            Measure::Histogram(column) => {
                let place = self.target(schema, column, numeric)?;
                Work::Histogram(place, self.targets.get(place).is_some_and(|target| target.data_type.is_integer()))
            }
            Measure::Classes(column, edges) => Work::Classes(self.target(schema, column, numeric)?, edges.values()),
            Measure::Types(column) => Work::Types(self.target(schema, column, any)?),
        };
        self.tasks.push(Task { statistic, work });
        Ok(())
    }

    fn target(&mut self, schema: &Schema, name: &str, needed: Needed) -> Result<usize, StatisticError> {
        let target = Target::resolve(schema, name)?;
        if let Some(needed) = needed(&target.data_type) {
            return Err(StatisticError::WrongType { column: name.to_owned(), data_type: target.data_type.to_string(), needed });
        }
        if let Some(place) = self.targets.iter().position(|known| *known == target) {
            return Ok(place);
        }
        self.targets.push(target);
        Ok(self.targets.len() - 1)
    }

    fn predicate(&mut self, schema: &Schema, predicate: &Predicate) -> Result<usize, StatisticError> {
        if let Some(place) = self.predicates.iter().position(|known| known == predicate) {
            return Ok(place);
        }
        if !is_of_one_row(&predicate.expr) {
            return Err(StatisticError::Expression(format!("{} is not of one row", predicate.key)));
        }
        if let Some(missing) = columns_of(&predicate.expr).into_iter().find(|name| !schema.contains(name)) {
            return Err(StatisticError::NoColumn(missing.to_string()));
        }
        // Strings are asked once for each distinct value, for which the column must be at hand.
        if let Some(column) = &predicate.column
            && schema.get(column).is_some_and(DataType::is_string)
        {
            self.target(schema, column, any)?;
        }
        self.predicates.push(predicate.clone());
        Ok(self.predicates.len() - 1)
    }

    /// The predicates that depend on nothing but this target: their places and expressions.
    pub(super) fn predicates_of(&self, target: usize) -> (Vec<usize>, Vec<&Expr>) {
        let Some(target) = self.targets.get(target).filter(|target| target.path.is_empty()) else { return (Vec::new(), Vec::new()) };
        let own = |predicate: &&Predicate| predicate.column.as_deref() == Some(target.root.as_str());
        self.predicates
            .iter()
            .enumerate()
            .filter(|(_, predicate)| own(predicate))
            .map(|(place, predicate)| (place, &predicate.expr))
            .unzip()
    }

    fn needed(&self, schema: &Schema) -> Vec<PlSmallStr> {
        let expressions = self.filter.iter().chain(self.predicates.iter().map(|predicate| &predicate.expr));
        let mut names: BTreeSet<PlSmallStr> = expressions.flat_map(columns_of).collect();
        names.extend(self.targets.iter().map(|target| target.root.clone()).chain(self.group_by.iter().cloned()));
        names.into_iter().filter(|name| schema.contains(name)).collect()
    }
}

impl Target {
    /// The column of that name; if there is none and the name has dots, the field that it leads to.
    pub(crate) fn resolve(schema: &Schema, name: &str) -> Result<Target, StatisticError> {
        if let Some(data_type) = schema.get(name) {
            return Ok(Target { root: name.into(), path: Vec::new(), data_type: data_type.clone() });
        }
        let dots = name.match_indices('.').map(|(place, _)| place);
        let found = dots.filter_map(|dot| {
            let (root, path) = (name.get(..dot)?, name.get(dot + 1..)?);
            let (path, data_type) = field(schema.get(root)?, path)?;
            Some(Target { root: root.into(), path, data_type })
        });
        found.into_iter().next().ok_or_else(|| StatisticError::NoColumn(name.to_owned()))
    }
}

fn field(of: &DataType, name: &str) -> Option<(Vec<PlSmallStr>, DataType)> {
    let DataType::Struct(fields) = of else { return None };
    let find = |name: &str| fields.iter().find(|field| field.name().as_str() == name);
    if let Some(found) = find(name) {
        return Some((vec![found.name().clone()], found.dtype().clone()));
    }
    name.match_indices('.').find_map(|(dot, _)| {
        let found = find(name.get(..dot)?)?;
        let (mut path, data_type) = field(found.dtype(), name.get(dot + 1..)?)?;
        path.insert(0, found.name().clone());
        Some((path, data_type))
    })
}

/// What is needed instead of a type; `None` if the type will do.
type Needed = fn(&DataType) -> Option<&'static str>;

fn any(_: &DataType) -> Option<&'static str> {
    None
}

fn numeric(data_type: &DataType) -> Option<&'static str> {
    let fits = data_type.is_primitive_numeric() || data_type.is_decimal() || data_type.is_null();
    (!fits).then_some("a number")
}

fn ordered(data_type: &DataType) -> Option<&'static str> {
    if data_type.is_temporal() { None } else { numeric(data_type).map(|_| "a number, a date or a time") }
}

fn text(data_type: &DataType) -> Option<&'static str> {
    let fits = matches!(data_type, DataType::String | DataType::Null | DataType::Categorical(..) | DataType::Enum(..));
    (!fits).then_some("a string")
}
