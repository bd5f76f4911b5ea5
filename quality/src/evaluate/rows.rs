//! What rules say of each row.
//!
//! Each part's test gives a column of states; a function then puts the states of a row together as the operators
//! say. So the frame has few columns more than rules, and nothing but the tests themselves stops it from streaming.

mod lists;

use polars::prelude::{DataType, Expr, LazyFrame, as_struct, lit, when};

use self::lists::{Lists, State};
use super::judgement::{Judged, combine};
use super::rules::share::run;
use super::scope::named;
use super::tree::{Leaf, Tree};
use super::{CompositeEvaluation, Fault, FilteredRows, Options, Outcome, Plan, RowTest, RowsError, RuleResult};
use crate::data::Dataset;
use crate::language::ast::{Level, Node};

/// How names of our own columns begin.
pub(crate) const MARK: &str = "__lakegate_";

/// A part's test of rows.
struct Test {
    test: RowTest,
    filter: Option<Expr>,
}

/// What can be said of rows by a rule.
#[derive(Clone)]
pub(super) enum RowRule {
    /// Nothing.
    Silent,
    /// It is in error, so no row holds.
    Error(String),
    /// By its parts.
    Tested(Tree),
}

/// What rules say of each row.
pub(crate) struct Rows {
    data: Dataset,
    columns: Vec<String>,
    options: Options,
    tests: Vec<Option<Test>>,
    rules: Vec<RowRule>,
    texts: Vec<String>,
    warns: Vec<bool>,
    broken: Vec<bool>,
    ineligible: Vec<Vec<String>>,
}

impl Rows {
    /// Of plans, which are used up.
    pub(crate) fn new(
        (whole, data): (&Dataset, &Dataset),
        options: Options,
        nodes: &[Node],
        trees: &[Tree],
        leaves: &[Leaf],
        plans: Vec<Result<Plan, Fault>>,
        judged: &[Judged],
    ) -> Rows {
        let scope_filter = |leaf: &Leaf| {
            let filter = leaf.rule.filter.as_ref()?;
            crate::data::sql::predicate(&filter.value, whole.schema()).ok()
        };
        let mut tests: Vec<Option<Test>> =
            leaves.iter().zip(plans).map(|(leaf, plan)| Some(Test { test: plan.ok()?.rows?, filter: scope_filter(leaf) })).collect();
        let error = |leaf: usize| {
            let (judged, leaf) = (judged.get(leaf)?, leaves.get(leaf)?);
            let rows = leaf.rule.kind.spec().row_level && !leaf.analyzer;
            (judged.outcome == Outcome::Error && rows).then(|| judged.reason.clone().unwrap_or_default())
        };
        let by_rows = options.composites == CompositeEvaluation::Row;
        if by_rows {
            let composites = trees.iter().filter(|tree| !matches!(tree, Tree::Leaf(_)));
            composites.for_each(|tree| tree.each(&mut |leaf| settle_part(&mut tests, judged, leaf)));
        }
        let tested = |leaf: usize| tests.get(leaf).is_some_and(Option::is_some);
        let part = |leaf: usize| {
            let ratio = |leaf: &Leaf| leaf.rule.threshold.is_some() || leaf.rule.mostly.is_some() || leaf.rule.kind.spec().excluded;
            let test = tests.get(leaf).and_then(Option::as_ref);
            let told = test.map_or_else(|| by_rows && error(leaf).is_some(), |test| test.test.in_composites);
            told && !leaves.get(leaf).is_some_and(ratio)
        };
        let rules = trees.iter().map(|tree| {
            let mut errors = Vec::new();
            tree.each(&mut |leaf| errors.extend(error(leaf)));
            match tree {
                tree if by_rows && !matches!(tree, Tree::Leaf(_)) && tree.all(&part) => RowRule::Tested(tree.clone()),
                // It holds without the part that is in error, of whose rows nothing is known.
                tree if !errors.is_empty() && !by_rows && combine(tree, judged).0 == Outcome::Passed => RowRule::Silent,
                _ if !errors.is_empty() => RowRule::Error(errors.join(" ")),
                Tree::Leaf(leaf) if tested(*leaf) => RowRule::Tested(tree.clone()),
                Tree::Leaf(_) => RowRule::Silent,
                tree if tree.all(&part) => RowRule::Tested(tree.clone()),
                _ => RowRule::Silent,
            }
        });
        let ineligible = trees.iter().map(|tree| {
            let mut names = Vec::new();
            tree.each(&mut |leaf| names.extend(leaves.get(leaf).filter(|_| !part(leaf)).map(|leaf| leaf.rule.to_string())));
            names
        });
        let text = |node: &Node| if options.rows_with_labels { node.to_string() } else { without_labels(node).to_string() };
        Rows {
            data: data.clone(),
            columns: whole.schema().iter_names().map(ToString::to_string).collect(),
            options,
            rules: rules.collect(),
            ineligible: ineligible.collect(),
            texts: nodes.iter().map(text).collect(),
            warns: vec![false; trees.len()],
            broken: vec![true; trees.len()],
            tests,
        }
    }

    /// Says which rules warn only, which are broken, and which are in error after all.
    pub(crate) fn settle(&mut self, results: &[RuleResult]) {
        for (rule, result) in self.rules.iter_mut().zip(results) {
            if result.outcome == Outcome::Error && matches!(rule, RowRule::Tested(Tree::All(_) | Tree::Any(_))) {
                *rule = RowRule::Error(result.reason.clone().unwrap_or_default());
            }
        }
        self.warns = results.iter().map(|result| result.level == Level::Warn).collect();
        self.broken = results.iter().map(|result| result.outcome != Outcome::Passed).collect();
    }

    /// Judges a rule that is put together row by row. A part that has no measure holds in no row; if one of them is in
    /// error the rule is, unless all rows hold without it.
    pub(crate) fn judge(&self, rule: usize, judged: &[Judged]) -> Result<(Outcome, Option<String>), Fault> {
        let tree = match self.rules.get(rule) {
            Some(RowRule::Tested(tree)) => tree,
            Some(RowRule::Error(reason)) => return Ok((Outcome::Error, Some(reason.clone()))),
            _ => {
                let names = self.ineligible.get(rule).map(|names| names.join(", ")).unwrap_or_default();
                return Ok((Outcome::Error, Some(format!("It can't be evaluated row by row, because of {names}."))));
            }
        };
        let lacks = |leaf: usize| judged.get(leaf).is_some_and(|judged| judged.fault.is_some());
        if !tree.holds(&|leaf| !lacks(leaf)) {
            // So it does in no row, and be there none.
            return Ok(combine(tree, judged));
        }
        let mut errors = Vec::new();
        let in_error = |leaf: usize| judged.get(leaf).filter(|judged| judged.outcome == Outcome::Error);
        tree.each(&mut |leaf| errors.extend(in_error(leaf).and_then(|judged| judged.reason.clone())));
        let errors = (!errors.is_empty()).then(|| errors.join(" "));
        Ok(match (self.count_failed(rule, tree)?, errors) {
            (0, errors) => (Outcome::Passed, errors),
            (_, Some(errors)) => (Outcome::Error, Some(errors)),
            (failed, None) => (Outcome::Failed, Some(format!("{failed} rows do not hold."))),
        })
    }

    fn count_failed(&self, rule: usize, tree: &Tree) -> Result<u64, Fault> {
        let lists = self.lists(|at| at == rule);
        let mut leaves = Vec::new();
        tree.each(&mut |leaf| leaves.push(leaf));
        let frame = self.states(&leaves, false).map_err(|RowsError::Data(error)| Fault::from(error))?;
        let frame = frame.select([lists.failed(self.inputs(&leaves, false)).sum().cast(DataType::UInt64).alias("failed")]);
        Ok(run(frame)?.column("failed")?.u64()?.get(0).unwrap_or(0))
    }

    /// The dataset's rows with what rules say of them.
    pub(super) fn outcomes(&self) -> Result<LazyFrame, RowsError> {
        let leaves = self.leaves(|_| true);
        let lists = self.lists(|_| true);
        let out = format!("{MARK}out");
        let frame = self.states(&leaves, false)?.with_column(lists.outcomes(self.inputs(&leaves, false)).alias(out.as_str()));
        let added = lists::OUTCOMES.map(|name| named(&out).struct_().field_by_name(name));
        let columns = self.columns.iter().filter(|name| !lists::OUTCOMES.contains(&name.as_str())).map(|name| named(name));
        Ok(frame.select(columns.chain(added).collect::<Vec<_>>()))
    }

    /// The rows that break a rule, with rules and reasons, or those that break none.
    ///
    /// With a name, failing rows have their number in a column of this name, after the lists, counted from 1.
    pub(super) fn split(&self, failing: bool, number: Option<&str>) -> Result<LazyFrame, RowsError> {
        let counts = |at: usize| {
            let of = |flags: &[bool]| flags.get(at).copied().unwrap_or(false);
            of(&self.broken) && !of(&self.warns)
        };
        let leaves = self.leaves(counts);
        let lists = self.lists(counts);
        let (out, failed) = (format!("{MARK}out"), format!("{MARK}failed"));
        let mut frame = self.states(&leaves, failing)?;
        if let Some(number) = number {
            frame = frame.with_row_index(number, Some(1));
        }
        let inputs = self.inputs(&leaves, failing);
        let frame = frame.with_column(lists.failed(inputs.clone()).alias(failed.as_str()));
        let columns: Vec<Expr> = self.columns.iter().map(|name| named(name)).collect();
        if !failing {
            return Ok(frame.filter(named(&failed).not()).select(columns));
        }
        let frame = frame.filter(named(&failed)).with_column(lists.reasons(inputs).alias(out.as_str()));
        let added = lists::REASONS.map(|name| {
            let mut free = name.to_owned();
            while self.columns.contains(&free) {
                free.push('_');
            }
            named(&out).struct_().field_by_name(name).alias(free)
        });
        Ok(frame.select(columns.into_iter().chain(added).chain(number.map(named)).collect::<Vec<_>>()))
    }

    /// Whether a rule says something of single rows.
    pub(super) fn tells(&self, rule: usize) -> bool {
        matches!(self.rules.get(rule), Some(RowRule::Tested(_)))
    }

    fn leaves(&self, wanted: impl Fn(usize) -> bool) -> Vec<usize> {
        let mut leaves = Vec::new();
        for (_, rule) in self.rules.iter().enumerate().filter(|(at, _)| wanted(*at)) {
            if let RowRule::Tested(tree) = rule {
                tree.each(&mut |leaf| leaves.push(leaf));
            }
        }
        leaves
    }

    fn lists(&self, wanted: impl Fn(usize) -> bool) -> Lists {
        let wanted: Vec<usize> = (0..self.rules.len()).filter(|at| wanted(*at)).collect();
        let rules = wanted.iter().filter_map(|at| Some((self.texts.get(*at)?.clone(), self.rules.get(*at)?.clone()))).collect();
        let warns = wanted.iter().map(|at| self.warns.get(*at).copied().unwrap_or(false)).collect();
        let words = self.tests.iter().map(|test| test.as_ref().map(|test| test.test.words.clone()).unwrap_or_default()).collect();
        Lists { rules, warns, words }
    }

    /// All rows with a column of states for each leaf, and one of what reasons show.
    fn states(&self, leaves: &[usize], reasons: bool) -> Result<LazyFrame, RowsError> {
        let mut frame = self.data.scan()?;
        let outside = if self.options.filtered_rows == FilteredRows::Skipped { State::Skipped } else { State::Passed };
        // A literal alone would be one row, whatever the rows are without columns.
        if self.columns.is_empty() {
            frame = frame.with_row_index(format!("{MARK}row"), None);
        }
        let mut columns = vec![lit(0_u8).alias(format!("{MARK}none"))];
        for leaf in leaves {
            let Some(Test { test, filter }) = self.tests.get(*leaf).and_then(Option::as_ref) else { continue };
            if let Some(prepare) = &test.prepare {
                frame = prepare(frame);
            }
            let told = when(test.pass.clone().fill_null(false)).then(lit(State::Passed.code())).otherwise(lit(State::Failed.code()));
            let told = match filter {
                Some(filter) => when(filter.clone().fill_null(false)).then(told).otherwise(lit(outside.code())),
                None => told,
            };
            columns.push(told.cast(DataType::UInt8).alias(format!("{MARK}state{leaf}")));
            if reasons {
                columns.push(test.shown.clone().cast(DataType::String).alias(format!("{MARK}shown{leaf}")));
            }
        }
        Ok(frame.with_columns(columns))
    }

    fn inputs(&self, leaves: &[usize], reasons: bool) -> Expr {
        let mut columns = vec![named(&format!("{MARK}none"))];
        // A part in error has no test, and holds in no row.
        let leaves = || leaves.iter().filter(|leaf| self.tests.get(**leaf).is_some_and(Option::is_some));
        columns.extend(leaves().map(|leaf| named(&format!("{MARK}state{leaf}"))));
        if reasons {
            columns.extend(leaves().map(|leaf| named(&format!("{MARK}shown{leaf}"))));
        }
        as_struct(columns)
    }
}

/// Of a part that has no measure of the dataset, what it is in each row: it does not hold.
fn settle_part(tests: &mut [Option<Test>], judged: &[Judged], leaf: usize) {
    let (Some(slot), Some(judged)) = (tests.get_mut(leaf), judged.get(leaf)) else { return };
    match (judged.outcome, &judged.fault) {
        (Outcome::Error, _) => *slot = None,
        (_, Some(_)) => slot.iter_mut().for_each(|test| test.test.pass = lit(false)),
        (_, None) => {}
    }
}

/// A rule as rows' lists name it.
fn without_labels(node: &Node) -> Node {
    match node {
        Node::Rule(rule) => {
            let mut rule = rule.clone();
            rule.labels.clear();
            Node::Rule(rule)
        }
        Node::Composite(composite) => {
            let mut composite = composite.clone();
            composite.labels.clear();
            composite.parts = composite.parts.iter().map(without_labels).collect();
            Node::Composite(composite)
        }
    }
}
