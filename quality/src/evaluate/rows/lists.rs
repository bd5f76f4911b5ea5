//! The states of a row's parts, put together as rules say.

use std::sync::Arc;

use polars::prelude::{
    BooleanChunked, Column, DataType, Expr, Field, IntoColumn, IntoSeries, ListBuilderTrait, ListStringChunkedBuilder, NamedFrom,
    PolarsResult, Series, StringChunked, StructChunked, UInt8Chunked,
};

use super::super::tree::Tree;
use super::{MARK, RowRule};

/// The columns of row outcomes.
pub(super) const OUTCOMES: [&str; 4] =
    ["DataQualityRulesPass", "DataQualityRulesFail", "DataQualityRulesSkip", "DataQualityEvaluationResult"];

/// The columns of reasons.
pub(super) const REASONS: [&str; 2] = ["rule", "reason"];

/// What a part says of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Passed,
    Failed,
    Skipped,
}

impl State {
    /// In a column.
    pub(super) fn code(self) -> u8 {
        match self {
            State::Passed => 0,
            State::Failed => 1,
            State::Skipped => 2,
        }
    }

    fn of(code: Option<u8>) -> State {
        match code {
            Some(0) => State::Passed,
            Some(2) => State::Skipped,
            _ => State::Failed,
        }
    }
}

/// Rules in the order of the file, and how a row's states become lists of them.
#[derive(Clone)]
pub(super) struct Lists {
    pub(super) rules: Vec<(String, RowRule)>,
    pub(super) warns: Vec<bool>,
    /// Each leaf's words around what a reason shows.
    pub(super) words: Vec<(String, String)>,
}

/// The states of all parts in a batch of rows.
struct Batch {
    states: Vec<Option<UInt8Chunked>>,
    shown: Vec<Option<StringChunked>>,
    rows: usize,
}

impl Batch {
    fn of(column: &Column, leaves: usize) -> PolarsResult<Batch> {
        let fields = column.struct_()?.fields_as_series();
        let find = |name: String| fields.iter().find(|field| field.name().as_str() == name);
        let states = (0..leaves).map(|leaf| find(format!("{MARK}state{leaf}")).map(|field| field.u8().cloned()).transpose());
        let shown = (0..leaves).map(|leaf| find(format!("{MARK}shown{leaf}")).map(|field| field.str().cloned()).transpose());
        Ok(Batch { states: states.collect::<PolarsResult<_>>()?, shown: shown.collect::<PolarsResult<_>>()?, rows: column.len() })
    }

    fn state(&self, leaf: usize, row: usize) -> State {
        State::of(self.states.get(leaf).and_then(Option::as_ref).and_then(|states| states.get(row)))
    }

    fn tree(&self, tree: &Tree, row: usize) -> State {
        let (parts, decisive, other) = match tree {
            Tree::Leaf(leaf) => return self.state(*leaf, row),
            Tree::All(parts) => (parts, State::Failed, State::Passed),
            Tree::Any(parts) => (parts, State::Passed, State::Failed),
        };
        let states: Vec<State> = parts.iter().map(|part| self.tree(part, row)).collect();
        [decisive, other].into_iter().find(|state| states.contains(state)).unwrap_or(State::Skipped)
    }

    fn rule(&self, rule: &RowRule, row: usize) -> State {
        match rule {
            RowRule::Silent => State::Skipped,
            RowRule::Error(_) => State::Failed,
            RowRule::Tested(tree) => self.tree(tree, row),
        }
    }
}

impl Lists {
    fn fails(&self, batch: &Batch, row: usize) -> bool {
        self.rules.iter().zip(&self.warns).any(|((_, rule), warns)| !warns && batch.rule(rule, row) == State::Failed)
    }

    /// Whether a row breaks a rule that does more than warn.
    pub(super) fn failed(&self, inputs: Expr) -> Expr {
        let lists = Arc::new(self.clone());
        inputs.map(
            move |column| {
                let batch = Batch::of(&column, lists.words.len())?;
                let failed: BooleanChunked = (0..batch.rows).map(|row| Some(lists.fails(&batch, row))).collect();
                Ok(failed.with_name(column.name().clone()).into_column())
            },
            |_, field| Ok(Field::new(field.name().clone(), DataType::Boolean)),
        )
    }

    /// The lists of rules that pass, fail and are skipped, and the outcome.
    pub(super) fn outcomes(&self, inputs: Expr) -> Expr {
        let lists = Arc::new(self.clone());
        inputs.map(
            move |column| {
                let batch = Batch::of(&column, lists.words.len())?;
                let mut builders = [builder(OUTCOMES[0], batch.rows), builder(OUTCOMES[1], batch.rows), builder(OUTCOMES[2], batch.rows)];
                let mut outcomes = Vec::with_capacity(batch.rows);
                for row in 0..batch.rows {
                    let states: Vec<State> = lists.rules.iter().map(|(_, rule)| batch.rule(rule, row)).collect();
                    for (builder, wanted) in builders.iter_mut().zip([State::Passed, State::Failed, State::Skipped]) {
                        let named =
                            lists.rules.iter().zip(&states).filter(|(_, state)| **state == wanted).map(|((text, _), _)| text.as_str());
                        builder.append_values_iter(named);
                    }
                    outcomes.push(if lists.fails(&batch, row) { "Failed" } else { "Passed" });
                }
                let mut fields: Vec<Series> = builders.iter_mut().map(|builder| builder.finish().into_series()).collect();
                fields.push(Series::new(OUTCOMES[3].into(), outcomes));
                Ok(StructChunked::from_series(column.name().clone(), batch.rows, fields.iter())?.into_column())
            },
            |_, field| {
                let list = DataType::List(Box::new(DataType::String));
                let types = [list.clone(), list.clone(), list, DataType::String];
                let fields = OUTCOMES.iter().zip(types).map(|(name, dtype)| Field::new((*name).into(), dtype)).collect();
                Ok(Field::new(field.name().clone(), DataType::Struct(fields)))
            },
        )
    }

    /// The rules that a row breaks, and why.
    pub(super) fn reasons(&self, inputs: Expr) -> Expr {
        let lists = Arc::new(self.clone());
        inputs.map(
            move |column| {
                let batch = Batch::of(&column, lists.words.len())?;
                let (mut rules, mut reasons) = (builder(REASONS[0], batch.rows), builder(REASONS[1], batch.rows));
                for row in 0..batch.rows {
                    let broken: Vec<&(String, RowRule)> =
                        lists.rules.iter().filter(|(_, rule)| batch.rule(rule, row) == State::Failed).collect();
                    rules.append_values_iter(broken.iter().map(|(text, _)| text.as_str()));
                    let why: Vec<String> = broken.iter().map(|(_, rule)| lists.reason(&batch, rule, row)).collect();
                    reasons.append_values_iter(why.iter().map(String::as_str));
                }
                let fields = [rules.finish().into_series(), reasons.finish().into_series()];
                Ok(StructChunked::from_series(column.name().clone(), batch.rows, fields.iter())?.into_column())
            },
            |_, field| {
                let list = DataType::List(Box::new(DataType::String));
                let fields = REASONS.iter().map(|name| Field::new((*name).into(), list.clone())).collect();
                Ok(Field::new(field.name().clone(), DataType::Struct(fields)))
            },
        )
    }

    fn reason(&self, batch: &Batch, rule: &RowRule, row: usize) -> String {
        let mut reasons = Vec::new();
        match rule {
            RowRule::Silent => {}
            RowRule::Error(reason) => reasons.push(reason.clone()),
            RowRule::Tested(tree) => tree.each(&mut |leaf| {
                if batch.state(leaf, row) == State::Failed {
                    let shown = batch.shown.get(leaf).and_then(Option::as_ref).and_then(|shown| shown.get(row)).unwrap_or("NULL");
                    let (before, after) = self.words.get(leaf).map(|(before, after)| (before.as_str(), after.as_str())).unwrap_or_default();
                    reasons.push(format!("{before}{shown}{after}"));
                }
            }),
        }
        reasons.join(" ")
    }
}

fn builder(name: &str, rows: usize) -> ListStringChunkedBuilder {
    ListStringChunkedBuilder::new(name.into(), rows, rows)
}
