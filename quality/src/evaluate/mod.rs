//! Rules to outcomes.
//!
//! Each rule is planned on its own: what it needs measured, how it is judged, and its test of a single row. What
//! all plans want is measured together; then each is judged on its own, so an error in one is its outcome and
//! nobody else's. `rules/` has a file for each family of rules, `predicate/` the conditions on values.

pub mod formats;
pub mod history;
pub mod outcome;

mod ahead;
mod condition;
mod context;
mod evaluated;
mod fault;
mod found;
mod groups;
mod judge;
mod judgement;
mod looks_back;
mod numbers_json;
mod past;
mod plan;
mod predicate;
mod rows;
mod rules;
mod scope;
mod tree;
mod unread;

use std::collections::BTreeMap;

pub use ahead::{Known, check_sql};
pub use context::{CompositeEvaluation, Context, FilteredRows, Options};
pub use evaluated::{Evaluated, RowsError};
pub use history::{History, Point};
pub use looks_back::looks_back;
pub use outcome::{AnalyzerResult, Evaluation, Outcome, RuleResult};

pub(crate) use fault::Fault;
pub(crate) use found::{Found, Measurements};
pub(crate) use plan::{Plan, RowTest, Verdict, Want};
pub(crate) use scope::Scope;

use self::fault::guarded;
use self::groups::Series;
use self::judgement::{Judged, combine};
use self::rows::Rows;
use self::tree::{Leaf, Tree};
use self::unread::Unread;
use crate::data::Dataset;
use crate::language::Ruleset;
use crate::language::ast::{Label, Level};
use crate::stats::{self, Measure, Statistic};

/// Evaluates a ruleset on a dataset. It does not fail: what can't be evaluated is an outcome of its rule. But if the
/// data could not be read, which [`Evaluated::unread`] tells, nothing was evaluated.
pub fn evaluate(ruleset: &Ruleset, data: &Dataset, context: &Context) -> Evaluated {
    let whole = data;
    let Planned { data, trees, leaves, rules, plans, fault } = Planned::new(ruleset, whole, context);
    let measurements = measure(&data, context, &leaves, &plans);
    let found = Found::whole(&data, &measurements);
    let judge = |(index, (leaf, plan)): (usize, (&Leaf, &Result<Plan, Fault>))| {
        let again = |past: Option<&str>| leaf.plan_with(index, (whole, &data), context, ruleset.primary.as_deref(), past);
        Judged::of(leaf, plan.as_ref(), &found, &Series { history: context.history.as_ref(), plan: &again })
    };
    let judged: Vec<Judged> = leaves.iter().zip(&plans).enumerate().map(judge).collect();
    let mut unread = Unread::new(whole, context);
    fault.iter().chain(judged.iter().filter_map(|judged| judged.fault.as_ref())).for_each(|fault| unread.note(fault));
    let rows = found.rows(&all_rows()).map_err(|fault| unread.note(&fault)).unwrap_or_default();
    let statistics = judged.iter().flat_map(|judged| judged.values.iter().cloned()).collect();
    let mut tests = Rows::new((whole, &data), context.options, &ruleset.rules, &trees, &leaves, plans, &judged);
    let results: Vec<RuleResult> = ruleset
        .rules
        .iter()
        .zip(&trees)
        .enumerate()
        .map(|(at, (node, tree))| {
            let (outcome, reason) = match tree {
                Tree::Leaf(_) => combine(tree, &judged),
                _ if context.options.composites == CompositeEvaluation::Row => tests.judge(at, &judged).unwrap_or_else(|fault| {
                    unread.note(&fault);
                    (Outcome::Error, Some(fault.to_string()))
                }),
                _ => combine(tree, &judged),
            };
            let mut metrics = BTreeMap::new();
            tree.each(&mut |leaf| metrics.extend(judged.get(leaf).into_iter().flat_map(|judged| judged.metrics.clone())));
            let level = if tree.all(&|leaf| leaves.get(leaf).is_some_and(|leaf| leaf.rule.level == Level::Warn)) {
                Level::Warn
            } else {
                Level::Error
            };
            RuleResult {
                rule: node.to_string(),
                outcome,
                reason,
                metrics,
                labels: labels(&ruleset.default_labels, tree::labels(node)),
                level,
            }
        })
        .collect();
    tests.settle(&results);
    let analyzers = ruleset
        .analyzers
        .iter()
        .zip(judged.into_iter().skip(rules))
        .map(|(analyzer, judged)| AnalyzerResult { analyzer: analyzer.to_string(), metrics: judged.metrics, reason: judged.reason })
        .collect();
    let evaluation = Evaluation { outcome: verdict(&results), score: score(&results), rows, rules: results, analyzers, statistics };
    let datasets = std::iter::once(whole).chain(context.references.values()).cloned().collect();
    Evaluated::new(evaluation, tests, datasets, unread.settle())
}

/// Measures what a ruleset needs to know of a dataset for the context's states, without evaluating it. What
/// can't be measured is told when the rules are evaluated.
pub fn measure_states(ruleset: &Ruleset, data: &Dataset, context: &Context) {
    let planned = Planned::new(ruleset, data, context);
    measure(&planned.data, context, &planned.leaves, &planned.plans);
}

/// What a ruleset wants to know of a dataset.
struct Planned {
    /// The dataset, with fields of structs as columns where rules name some.
    data: Dataset,
    trees: Vec<Tree>,
    /// Rules, then analyzers.
    leaves: Vec<Leaf>,
    /// How many of them are rules.
    rules: usize,
    plans: Vec<Result<Plan, Fault>>,
    /// Why fields of structs could not be made columns.
    fault: Option<Fault>,
}

impl Planned {
    fn new(ruleset: &Ruleset, whole: &Dataset, context: &Context) -> Planned {
        let (data, fault) = match scope::with_fields(ruleset, whole) {
            Ok(data) => (data, None),
            Err(error) => (None, Some(Fault::from(error))),
        };
        let data = data.unwrap_or_else(|| whole.clone());
        let mut leaves = Vec::new();
        let trees = ruleset.rules.iter().map(|node| Tree::plant(node, &mut leaves)).collect();
        let rules = leaves.len();
        leaves.extend(ruleset.analyzers.iter().map(Leaf::of_analyzer));
        leaves.iter_mut().for_each(|leaf| leaf.unquote(data.schema()));
        let plan = |(index, leaf): (usize, &Leaf)| guarded(|| leaf.plan(index, (whole, &data), context, ruleset.primary.as_deref()));
        let plans = leaves.iter().enumerate().map(plan).collect();
        Planned { data, trees, leaves, rules, plans, fault }
    }
}

/// Default labels, and a rule's own over them.
fn labels(defaults: &[Label], own: &[Label]) -> BTreeMap<String, String> {
    defaults.iter().chain(own).map(|label| (label.key.clone(), label.value.clone())).collect()
}

fn verdict(results: &[RuleResult]) -> Outcome {
    if results.iter().any(|result| result.outcome == Outcome::Error) {
        Outcome::Error
    } else if results.iter().any(|result| result.outcome == Outcome::Failed && result.level == Level::Error) {
        Outcome::Failed
    } else {
        Outcome::Passed
    }
}

fn score(results: &[RuleResult]) -> f64 {
    let passed = results.iter().filter(|result| result.outcome == Outcome::Passed).count();
    judge::ratio(passed as u64, results.len() as u64)
}

/// All rows of the dataset.
fn all_rows() -> Want {
    Want { source: None, statistic: Statistic::of(Measure::Rows) }
}

/// Measures what all plans want, each dataset once.
fn measure(data: &Dataset, context: &Context, leaves: &[Leaf], plans: &[Result<Plan, Fault>]) -> Measurements {
    let mut by_source: BTreeMap<Option<String>, Vec<Statistic>> = BTreeMap::new();
    let filters = leaves.iter().zip(plans).filter(|(_, plan)| plan.is_ok()).filter_map(|(leaf, _)| leaf.filter_rows());
    let wants = plans.iter().flatten().flat_map(|plan| plan.wants.iter().cloned());
    for want in std::iter::once(all_rows()).chain(filters).chain(wants) {
        by_source.entry(want.source).or_default().push(want.statistic);
    }
    let mut measurements = Measurements::default();
    for (source, statistics) in by_source {
        let dataset = source.as_ref().map_or(Some(data), |alias| context.references.get(alias));
        let Some(dataset) = dataset else { continue };
        let states = context.states.as_ref().filter(|_| source.is_none()).and_then(|states| states.lock().ok());
        let measured = match states {
            Some(mut states) => stats::measure_with(dataset, &statistics, &mut states),
            None => stats::measure(dataset, &statistics),
        };
        measurements.insert(source, measured.map_err(Fault::from));
    }
    measurements
}
