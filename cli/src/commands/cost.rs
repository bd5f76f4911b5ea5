//! `lakegate cost`: the requests that runs made, and what they come to by a dated table of prices.

use clap::Args;
use lakegate_model::{
    Timestamp,
    cost::{Line, PriceTable, Priced, Requests},
    time::parse_duration,
};
use lakegate_sdk::{Cost, StageCost};
use serde::Serialize;

use crate::{
    config::LogLevel,
    context::Context,
    error::Result,
    lake::with_lake,
    output::{
        Output,
        table::{Rows, cell, facts, number},
        text::now,
    },
};

#[derive(Args, Debug)]
pub(crate) struct CostArgs {
    /// Only this run: its id, or an unambiguous beginning of it.
    #[arg(conflicts_with_all = ["dataset", "team", "since"])]
    run: Option<String>,
    /// Only this dataset's or stage's.
    #[arg(long, value_name = "TEAM/DATASET[/STAGE]", conflicts_with = "team")]
    dataset: Option<String>,
    /// Only this team's.
    #[arg(long)]
    team: Option<String>,
    /// Only runs recorded since: a span such as 2h or 7d back from now.
    #[arg(long, value_name = "SPAN", value_parser = span)]
    since: Option<std::time::Duration>,
}

fn span(text: &str) -> std::result::Result<std::time::Duration, String> {
    parse_duration(text).ok_or_else(|| "give a span such as 90s, 5m, 2h or 7d".to_owned())
}

/// The answer.
#[derive(Serialize)]
struct Report {
    /// When the prices were so, and where.
    prices: PriceDate,
    /// All together.
    total: Total,
    /// By stage.
    stages: Vec<Stage>,
    /// What no run has paid for yet.
    open: Priced,
}

#[derive(Serialize)]
struct PriceDate {
    date: String,
    region: String,
}

#[derive(Serialize)]
struct Total {
    runs: u64,
    objects: u64,
    /// US dollars for one object through one stage; nothing if no object is through.
    usd_per_object: Option<f64>,
    #[serde(flatten)]
    priced: Priced,
}

#[derive(Serialize)]
struct Stage {
    stage: String,
    #[serde(flatten)]
    total: Total,
}

pub(crate) fn run(context: &Context, args: &CostArgs) -> Result<()> {
    context.block_on(LogLevel::Quiet, async {
        with_lake(context, async |lake| {
            let within = args.dataset.as_deref().or(args.team.as_deref()).unwrap_or_default();
            let since = args.since.map_or(Timestamp::default(), |span| now() - span);
            let cost = match &args.run {
                Some(run) => lake.run_cost(run).await?,
                None => lake.cost(within, since).await?,
            };
            context.out.answer(&report(&cost, &PriceTable::embedded()), |report| text(&context.out, report))
        })
        .await
    })
}

fn report(cost: &Cost, prices: &PriceTable) -> Report {
    let mut all = Requests::default();
    cost.stages.iter().for_each(|stage| all.merge(&stage.requests));
    let sum = |count: fn(&StageCost) -> u64| cost.stages.iter().map(count).sum();
    let stage =
        |stage: &StageCost| Stage { stage: stage.stage.clone(), total: total(stage.runs, stage.objects, prices.of(&stage.requests)) };
    Report {
        prices: PriceDate { date: prices.date.clone(), region: prices.region.clone() },
        total: total(sum(|stage| stage.runs), sum(|stage| stage.objects), prices.of(&all)),
        stages: cost.stages.iter().map(stage).collect(),
        open: prices.of(&cost.open),
    }
}

fn total(runs: u64, objects: u64, priced: Priced) -> Total {
    #[expect(clippy::cast_precision_loss, reason = "no lake has 2^53 objects")]
    let usd_per_object = (objects > 0).then(|| priced.usd / objects as f64);
    Total { runs, objects, usd_per_object, priced }
}

fn text(out: &Output, report: &Report) -> String {
    let total = &report.total;
    if total.priced.lines.is_empty() && report.open.lines.is_empty() {
        return "no requests: what lies on this machine costs none".to_owned();
    }
    let mut parts = vec![lines(out, &total.priced.lines, total.objects)];
    if report.stages.len() > 1 {
        let mut rows = Rows::new(out, &["STAGE", "RUNS", "OBJECTS", "USD", "USD PER OBJECT"]);
        for Stage { stage, total } in &report.stages {
            let each = total.usd_per_object.map(usd).unwrap_or_default();
            rows.push([cell(stage), number(total.runs), number(total.objects), cell(usd(total.priced.usd)), cell(each)]);
        }
        parts.push(rows.render());
    }
    let unpriced = match total.priced.unpriced {
        0 => String::new(),
        count => format!("{count} of the lines above; the table has no price for them"),
    };
    parts.push(facts(
        out,
        [
            ("total", format!("{} USD", usd(total.priced.usd))),
            ("per object and stage", total.usd_per_object.map(|each| format!("{} USD", usd(each))).unwrap_or_default()),
            ("without a price", unpriced),
            ("not on a run yet", if report.open.lines.is_empty() { String::new() } else { format!("{} USD", usd(report.open.usd)) }),
            ("prices", format!("{}, {}, before free tiers and discounts", report.prices.date, report.prices.region)),
        ],
    ));
    parts.join("\n\n")
}

fn lines(out: &Output, lines: &[Line], objects: u64) -> String {
    let mut rows = Rows::new(out, &["API", "UNIT", "AMOUNT", "PER OBJECT", "USD"]);
    for line in lines {
        let unit = match line.unit {
            lakegate_model::cost::Unit::Requests => "requests",
            lakegate_model::cost::Unit::Units => "units",
        };
        #[expect(clippy::cast_precision_loss, reason = "no lake has 2^53 objects")]
        let each = if objects > 0 { format!("{:.3}", line.amount / objects as f64) } else { String::new() };
        let price = line.usd.map_or_else(|| "?".to_owned(), usd);
        rows.push([cell(&line.meter), cell(unit), cell(format!("{:.1}", line.amount)), cell(each), cell(price)]);
    }
    rows.render()
}

/// Dollars with as many digits as tell something.
fn usd(amount: f64) -> String {
    if amount == 0.0 {
        "0".to_owned()
    } else if amount < 0.01 {
        format!("{amount:.8}")
    } else {
        format!("{amount:.2}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_total_is_the_sum_of_its_stages() {
        let stage = |name: &str, objects: u64, puts: u64| StageCost {
            stage: name.to_owned(),
            runs: 1,
            objects,
            requests: [("s3:PutObject", puts * 1_000)].into_iter().collect(),
        };
        let open: Requests = [("sqs:ReceiveMessage", 2_000)].into_iter().collect();
        let cost = Cost { stages: vec![stage("a/b/clean", 4, 200), stage("a/b/daily", 1, 600)], open };
        let report = report(&cost, &PriceTable::embedded());
        assert_eq!((report.total.runs, report.total.objects), (2, 5));
        assert!((report.total.priced.usd - 0.004).abs() < 1e-9 && (report.total.usd_per_object.unwrap() - 0.0008).abs() < 1e-9);
        assert!((report.stages[0].total.priced.usd - 0.001).abs() < 1e-9);
        assert!((report.open.usd - 0.000_000_8).abs() < 1e-12);
    }

    #[test]
    fn dollars_have_the_digits_that_tell_something() {
        assert_eq!([0.0, 0.000_008_3, 12.345].map(usd), ["0", "0.00000830", "12.35"]);
    }
}
