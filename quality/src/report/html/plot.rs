//! Plots as SVG, drawn for a width of 360 and scaled by whoever shows them.

use std::fmt;

use crate::{
    evaluate::Point,
    report::{
        document::Bin,
        escape::Text,
        number::{counted, measured, percent},
    },
};

const WIDTH: f64 = 360.0;
const HEIGHT: f64 = 140.0;
const LEFT: f64 = 4.0;
const RIGHT: f64 = 10.0;
const TOP: f64 = 18.0;
const BOTTOM: f64 = 20.0;
/// Room between a line of values and the days below it.
const DEPTH: f64 = 14.0;
/// Points are marked one by one up to so many.
const MARKED: usize = 60;

/// The place of a value between the ends of an axis.
fn scaled(value: f64, (low, high): (f64, f64), (from, to): (f64, f64)) -> f64 {
    // Halves first: the whole range may be wider than a number can be.
    let (half, range) = (value / 2.0 - low / 2.0, high / 2.0 - low / 2.0);
    if range > 0.0 { from + (to - from) * (half / range) } else { f64::midpoint(from, to) }
}

/// Values over time; the last is this run's.
pub(super) fn line(f: &mut fmt::Formatter<'_>, name: &str, points: &[Point]) -> fmt::Result {
    let (Some(first), Some((last, earlier))) = (points.first(), points.split_last()) else { return Ok(()) };
    let low = points.iter().map(|point| point.value).fold(f64::INFINITY, f64::min);
    let high = points.iter().map(|point| point.value).fold(f64::NEG_INFINITY, f64::max);
    let (top, bottom) = (TOP + 6.0, HEIGHT - BOTTOM - DEPTH);
    // A run, a step: how much time lies between runs says nothing of the data.
    #[expect(clippy::cast_precision_loss, reason = "a place on the screen")]
    let x = |run: usize| scaled(run as f64, (0.0, (points.len() - 1) as f64), (LEFT + 4.0, WIDTH - RIGHT));
    let y = |value: f64| scaled(value, (low, high), (bottom, top));
    let label = format!(
        "{name}: {} in this run; between {} and {} in {} since {}",
        measured(last.value),
        measured(low),
        measured(high),
        counted(points.len() as u64, "run"),
        day(first)
    );
    begin(f, &label)?;
    // Lowest and highest value; one line if they are the same.
    let ends = if low < high { vec![(high, top, -5.0), (low, bottom, 12.0)] } else { vec![(low, y(low), -5.0)] };
    for (value, at, above) in ends {
        writeln!(f, "<line class=\"grid\" x1=\"0\" x2=\"{WIDTH}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>")?;
        writeln!(f, "<text class=\"tick\" x=\"0\" y=\"{:.1}\">{}</text>", at + above, measured(value))?;
    }
    let mut values: Vec<f64> = earlier.iter().map(|point| point.value).collect();
    values.sort_by(f64::total_cmp);
    if let Some(median) = values.get(values.len() / 2) {
        let at = y(*median);
        writeln!(f, "<line class=\"median\" x1=\"0\" x2=\"{WIDTH}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>")?;
    }
    f.write_str("<polyline class=\"trend\" points=\"")?;
    for (run, point) in points.iter().enumerate() {
        write!(f, "{:.1},{:.1} ", x(run), y(point.value))?;
    }
    writeln!(f, "\"/>")?;
    if points.len() <= MARKED {
        for (run, point) in earlier.iter().enumerate() {
            marked(f, "point", 2.2, x(run), y(point.value), point)?;
        }
    }
    marked(f, "point last", 4.0, x(earlier.len()), y(last.value), last)?;
    writeln!(f, "<text class=\"tick\" x=\"0\" y=\"{:.1}\">{}</text>", HEIGHT - 3.0, day(first))?;
    writeln!(f, "<text class=\"tick end\" x=\"{WIDTH}\" y=\"{:.1}\">{}</text>\n</svg>", HEIGHT - 3.0, day(last))
}

fn marked(f: &mut fmt::Formatter<'_>, class: &str, radius: f64, x: f64, y: f64, point: &Point) -> fmt::Result {
    let when = point.at.strftime("%Y-%m-%d %H:%M");
    writeln!(
        f,
        "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius}\"><title>{when}: {}</title></circle>",
        measured(point.value)
    )
}

fn day(point: &Point) -> String {
    point.at.strftime("%Y-%m-%d").to_string()
}

/// How often values fall into each bin.
pub(super) fn histogram(f: &mut fmt::Formatter<'_>, name: &str, bins: &[Bin]) -> fmt::Result {
    let (Some(first), Some(last)) = (bins.first(), bins.last()) else { return Ok(()) };
    let all: u64 = bins.iter().map(|bin| bin.count).sum();
    let most = bins.iter().map(|bin| bin.count).max().unwrap_or(0);
    let (low, high) = (end(first, false), end(last, true));
    begin(f, &format!("Histogram of {name}: {} between {low} and {high}", counted(all, "value")))?;
    let bottom = HEIGHT - BOTTOM;
    for bin in bins {
        bar(f, bin, (first.low, last.high), most, all)?;
    }
    writeln!(f, "<line class=\"axis\" x1=\"0\" x2=\"{WIDTH}\" y1=\"{bottom}\" y2=\"{bottom}\"/>")?;
    writeln!(f, "<text class=\"tick\" x=\"0\" y=\"{:.1}\">{}</text>", HEIGHT - 4.0, Text(&low))?;
    writeln!(f, "<text class=\"tick end\" x=\"{WIDTH}\" y=\"{:.1}\">{}</text>\n</svg>", HEIGHT - 4.0, Text(&high))
}

#[expect(clippy::cast_precision_loss, reason = "a place on the screen")]
fn bar(f: &mut fmt::Formatter<'_>, bin: &Bin, ends: (f64, f64), most: u64, all: u64) -> fmt::Result {
    if bin.count == 0 {
        return Ok(());
    }
    let (from, to) =
        if ends.0 < ends.1 { (scaled(bin.low, ends, (0.0, WIDTH)), scaled(bin.high, ends, (0.0, WIDTH))) } else { (120.0, 240.0) };
    let room = HEIGHT - BOTTOM - 8.0;
    // What is there is seen, however little it is.
    let height = (room * bin.count as f64 / most as f64).max(1.5);
    let (y, width) = (HEIGHT - BOTTOM - height, (to - from - 1.5).max(1.0));
    let share = percent(bin.count as f64 / all as f64);
    let title = format!("{} to {}: {} ({share})", end(bin, false), end(bin, true), counted(bin.count, "value"));
    writeln!(
        f,
        "<rect class=\"bin\" x=\"{from:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"><title>{}</title></rect>",
        Text(&title)
    )
}

/// An end of a bin as it is shown.
fn end(bin: &Bin, is_high: bool) -> String {
    match (&bin.shown, is_high) {
        (Some((low, _)), false) => low.clone(),
        (Some((_, high)), true) => high.clone(),
        (None, false) => measured(bin.low),
        (None, true) => measured(bin.high),
    }
}

fn begin(f: &mut fmt::Formatter<'_>, label: &str) -> fmt::Result {
    writeln!(f, "<svg class=\"plot\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">", Text(label))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_stay_on_the_plot() {
        assert_eq!(scaled(5.0, (0.0, 10.0), (0.0, 100.0)), 50.0);
        assert_eq!(scaled(3.0, (3.0, 3.0), (10.0, 20.0)), 15.0);
        assert_eq!(scaled(0.0, (f64::MIN, f64::MAX), (0.0, 100.0)), 50.0);
        assert_eq!(scaled(f64::MAX, (f64::MIN, f64::MAX), (0.0, 100.0)), 100.0);
    }
}
