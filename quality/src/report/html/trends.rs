//! How statistics went over time, a plot for each.

use std::fmt;

use super::plot;
use crate::{
    evaluate::Point,
    report::{
        document::Report,
        escape::Text,
        number::{counted, measured, thousands},
    },
};

/// Most plots, and most points of one.
const PLOTS: usize = 120;
const POINTS: usize = 180;

pub(super) fn write(f: &mut fmt::Formatter<'_>, report: &Report) -> fmt::Result {
    let trends: Vec<(&String, Vec<Point>)> = report.trends.iter().map(|(name, points)| (name, all(report, name, points))).collect();
    let trends: Vec<_> = trends.into_iter().filter(|(_, points)| points.len() > 1).collect();
    if trends.is_empty() {
        return Ok(());
    }
    writeln!(f, "<section id=\"trends\">\n<div class=\"heading\"><h2>Trends</h2></div>")?;
    let (same, changing): (Vec<_>, Vec<_>) =
        trends.iter().partition(|(_, points)| points.iter().all(|point| point.value == points[0].value));
    if !changing.is_empty() {
        writeln!(
            f,
            "<p class=\"about\">What was measured in this run, and in those before it. The dashed line is the median of those before.</p>"
        )?;
        writeln!(f, "<div class=\"cards\">")?;
        for (name, points) in changing.iter().take(PLOTS) {
            card(f, name, points)?;
        }
        writeln!(f, "</div>")?;
        if changing.len() > PLOTS {
            writeln!(f, "<p class=\"about\">{} more.</p>", thousands((changing.len() - PLOTS) as u64))?;
        }
    }
    if !same.is_empty() {
        writeln!(f, "<p class=\"about\">The same in all runs:</p>\n<dl class=\"unchanged\">")?;
        for (name, points) in same {
            writeln!(f, "<div><dt><code>{}</code></dt><dd>{}</dd></div>", Text(name), measured(points[0].value))?;
        }
        writeln!(f, "</dl>")?;
    }
    writeln!(f, "</section>")
}

/// Earlier values and this one, as far as they are numbers.
fn all(report: &Report, name: &str, earlier: &[Point]) -> Vec<Point> {
    let now = report.evaluation.statistics.get(name).map(|value| Point { at: report.at, value: *value });
    let points = earlier.iter().filter(|point| point.at < report.at).copied().chain(now);
    let points: Vec<Point> = points.filter(|point| point.value.is_finite()).collect();
    points[points.len().saturating_sub(POINTS)..].to_vec()
}

fn card(f: &mut fmt::Formatter<'_>, name: &str, points: &[Point]) -> fmt::Result {
    let Some((last, earlier)) = points.split_last() else { return Ok(()) };
    writeln!(f, "<figure class=\"card\">\n<figcaption><code>{}</code>", Text(name))?;
    let change = earlier.last().map(|before| change(before.value, last.value)).unwrap_or_default();
    writeln!(f, "<span class=\"now\"><b>{}</b> <span>{change}</span></span></figcaption>", measured(last.value))?;
    plot::line(f, name, points)?;
    writeln!(f, "<p class=\"span\">{}</p>\n</figure>", counted(points.len() as u64, "run"))
}

/// How a value differs from the one before.
fn change(before: f64, now: f64) -> String {
    if before == now {
        return "as before".to_owned();
    }
    let sign = if now > before { "+" } else { "−" };
    if before == 0.0 {
        return format!("{sign}{} since the run before", measured((now - before).abs()));
    }
    let share = ((now - before) / before).abs() * 100.0;
    let share = if share < 0.1 { "under 0.1%".to_owned() } else { format!("{share:.1}%") };
    format!("{sign}{share} since the run before").replace("+under", "+ under").replace("−under", "− under")
}

#[cfg(test)]
mod tests {
    use super::change;

    #[test]
    fn changes_are_told_against_the_run_before() {
        for (before, now, text) in [
            (2.0, 2.0, "as before"),
            (2.0, 3.0, "+50.0% since the run before"),
            (2.0, 1.0, "−50.0% since the run before"),
            (-2.0, -1.0, "+50.0% since the run before"),
            (1.0, 1.0001, "+ under 0.1% since the run before"),
            (0.0, -7.0, "−7 since the run before"),
        ] {
            assert_eq!(change(before, now), text);
        }
    }
}
