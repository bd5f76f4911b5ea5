//! `lakegate quality history`: what the audits of a stage have measured.

use std::collections::BTreeMap;

use comfy_table::{CellAlignment, Color};
use lakegate_quality::report::number::measured;
use lakegate_sdk::QualityPoint;

use super::profile::blocks;
use crate::{
    config::LogLevel,
    context::Context,
    error::Result,
    lake::with_lake,
    output::{
        Output,
        table::{Rows, cell, number},
        text::{ago, now, short_id},
    },
};

/// Audits that are listed for people.
const AUDITS: usize = 10;

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The stage, as TEAM/DATASET/STAGE.
    stage: String,
    /// Only audits by the rules of this file, as the pipeline names it.
    #[arg(long, value_name = "FILE", default_value = "", hide_default_value = true)]
    rules: String,
    /// Only statistics whose names have this in them.
    #[arg(long, value_name = "TEXT")]
    statistic: Option<String>,
    /// At most so many audits, the latest; 0 is as many as are kept.
    #[arg(long, value_name = "N", default_value_t = 30)]
    limit: u32,
}

pub(super) fn run(context: &Context, args: &Args) -> Result<()> {
    context.block_on(LogLevel::Quiet, async {
        with_lake(context, async |lake| {
            let mut points = lake.quality_history(&args.stage, &args.rules, args.limit).await?;
            if let Some(text) = &args.statistic {
                points.iter_mut().for_each(|point| point.statistics.retain(|name, _| name.contains(text.as_str())));
            }
            context.out.answer(&points, |points| text(&context.out, points))
        })
        .await
    })
}

/// Statistics with how they went, then the latest audits.
fn text(out: &Output, points: &[QualityPoint]) -> String {
    if points.is_empty() {
        return "no audits".to_owned();
    }
    let mut statistics = Rows::new(out, &["STATISTIC", "LAST", "LEAST", "GREATEST", "RUNS", "TREND"]);
    for (name, values) in series(points) {
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        let greatest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let last = values.last().copied().unwrap_or(f64::NAN);
        let right = |value: f64| cell(measured(value)).set_alignment(CellAlignment::Right);
        statistics.push([cell(name), right(last), right(least), right(greatest), number(values.len() as u64), cell(trend(&values))]);
    }
    let mut audits = Rows::new(out, &["AUDITED", "RUN", "RULES", "VERDICT", "SCORE"]);
    let now = now();
    for point in points.iter().take(AUDITS) {
        let verdict = cell(&point.verdict).fg(match point.verdict.as_str() {
            "passed" => Color::Green,
            "blocked" => Color::Red,
            _ => Color::Yellow,
        });
        audits.push([cell(ago(point.at, now)), cell(short_id(&point.run)), cell(&point.ruleset), verdict, cell(measured(point.score))]);
    }
    if statistics.is_empty() { audits.render() } else { format!("{}\n\n{}", statistics.render(), audits.render()) }
}

/// Values by statistic, the oldest first; what is no number is left out.
pub(super) fn series(points: &[QualityPoint]) -> BTreeMap<&str, Vec<f64>> {
    let mut series: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for point in points.iter().rev() {
        for (name, value) in point.statistics.iter().filter(|(_, value)| value.is_finite()) {
            series.entry(name).or_default().push(*value);
        }
    }
    series
}

/// The latest values between the least and the greatest of them, as `▁▃█▂`.
fn trend(values: &[f64]) -> String {
    let values = &values[values.len().saturating_sub(20)..];
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    // Halves, because the whole range may be more than a number can be. Nothing is less than one block high.
    let height = |value: &f64| if low < high { 1 + ((value / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0) * 700.0) as u64 / 100 } else { 4 };
    let heights: Vec<u64> = values.iter().map(height).collect();
    blocks(heights.into_iter(), 8)
}

#[cfg(test)]
mod tests {
    use lakegate_model::Timestamp;

    use super::*;

    #[test]
    fn values_are_told_from_the_oldest_to_the_newest() {
        let point = |at: i64, value: f64| QualityPoint {
            at: Timestamp(at),
            run: format!("ex-{at}"),
            ruleset: "rules.dqdl".to_owned(),
            verdict: "passed".to_owned(),
            score: 1.0,
            statistics: BTreeMap::from([("RowCount".to_owned(), value)]),
        };
        let points = [point(3, 30.0), point(2, f64::NAN), point(1, 10.0)];
        assert_eq!(series(&points), BTreeMap::from([("RowCount", vec![10.0, 30.0])]));
    }

    #[test]
    fn a_trend_is_as_high_as_its_values() {
        assert_eq!(trend(&[1.0, 4.5, 8.0]), "▁▄█");
        assert_eq!((trend(&[5.0, 5.0]), trend(&[f64::MIN, f64::MAX])), ("▄▄".to_owned(), "▁█".to_owned()));
    }
}
