//! What holds of every report, whatever is in it. `tests/tests/quality_report.rs` reads one as browsers do.

use std::collections::BTreeMap;

use super::{
    document::{Bin, Distribution, Report},
    html::Html,
    sample,
};
use crate::evaluate::{Evaluation, Outcome};

/// Elements that have no end.
const VOID: [&str; 4] = ["meta", "link", "input", "wbr"];

fn empty() -> Report {
    let evaluation =
        Evaluation { outcome: Outcome::Passed, score: 1.0, rows: 0, rules: Vec::new(), analyzers: Vec::new(), statistics: BTreeMap::new() };
    let full = sample::report();
    Report { evaluation, trends: BTreeMap::new(), columns: Vec::new(), failing: None, ..full }
}

/// Numbers at the ends of what there is.
fn extreme() -> Report {
    let mut report = sample::report();
    let values = [f64::NAN, f64::INFINITY, f64::MIN, f64::MAX, 0.0, -0.0];
    for (i, point) in report.trends.get_mut("RowCount").unwrap().iter_mut().enumerate() {
        point.value = values[i % values.len()];
    }
    for point in report.trends.get_mut("Mean \"dep_delay\"").unwrap() {
        *point = crate::evaluate::Point { at: report.at, value: 1.0 };
    }
    report.evaluation.score = f64::NAN;
    report.evaluation.rules[0].metrics = values.iter().enumerate().map(|(i, value)| (format!("m{i}"), *value)).collect();
    let bin = |low, high, count| Bin { low, high, shown: None, count };
    report.columns[0].distribution = Distribution::Histogram(vec![bin(f64::MIN, 0.0, u64::MAX / 2), bin(0.0, f64::MAX, 0)]);
    report.columns[1].distribution = Distribution::Histogram(vec![bin(3.0, 3.0, 1)]);
    report.columns[2].distribution = Distribution::Histogram(Vec::new());
    report.columns[3].distribution = Distribution::Values { top: Vec::new(), other: 0 };
    report.columns[4].rows = 0;
    report
}

fn reports() -> [Report; 3] {
    [sample::report(), empty(), extreme()]
}

/// The page without what is no markup: style and script.
fn markup(page: &str) -> String {
    let mut text = page.to_owned();
    for element in ["style", "script"] {
        let (begin, end) = (text.find(&format!("<{element}>")).unwrap(), text.find(&format!("</{element}>")).unwrap());
        text.replace_range(begin..end + element.len() + 3, "");
    }
    text
}

/// The tags of a page, without their brackets.
fn tags(markup: &str) -> impl Iterator<Item = &str> {
    markup.split('<').skip(1).map(|part| part.split_once('>').expect("a tag has an end").0)
}

#[test]
fn every_element_ends_where_it_should() {
    for report in reports() {
        let page = markup(&Html(&report).to_string());
        let mut open = Vec::new();
        for tag in tags(&page).filter(|tag| !tag.starts_with('!') && !tag.ends_with('/')) {
            let name = tag.trim_start_matches('/').split(' ').next().unwrap();
            match tag.starts_with('/') {
                true => assert_eq!(open.pop(), Some(name), "the end of {name}"),
                false if VOID.contains(&name) => {}
                false => open.push(name),
            }
        }
        assert!(open.is_empty(), "{open:?} has no end");
    }
}

#[test]
fn values_stay_text() {
    let report = sample::report();
    let page = markup(&Html(&report).to_string());
    for bad in ["<script", "<img", "<b>bold", "<i>of", "</table></td>"] {
        assert!(!page.contains(bad), "{bad}");
    }
    assert!(page.contains("&lt;script&gt;alert(&#39;no&#39;)&lt;/script&gt;"));
    let quotes = tags(&page).all(|tag| tag.matches('"').count() % 2 == 0);
    assert!(quotes, "an attribute is broken");
}

#[test]
fn nothing_is_loaded_from_elsewhere() {
    for report in reports() {
        let page = Html(&report).to_string();
        assert!(!include_str!("html/style.css").contains("url(") && !include_str!("html/style.css").contains("@import"));
        // The icon is in the page itself.
        for tag in tags(&markup(&page)).filter(|tag| !tag.contains("href=\"data:")) {
            let ways = ["http:", "https:", " src=", " on"];
            assert!(tag.starts_with("svg") || tag.contains("title=") || !ways.iter().any(|way| tag.contains(way)), "{tag}");
        }
        assert!(page.contains("default-src 'none'"));
    }
}

#[test]
fn plots_have_places_for_all_values() {
    for report in reports() {
        let page = markup(&Html(&report).to_string());
        for tag in tags(&page) {
            let is_text = tag.starts_with("svg") || tag.starts_with("code");
            assert!(is_text || !(tag.contains("NaN") || tag.contains("inf\"") || tag.contains("inf,")), "{tag}");
        }
    }
}

#[test]
fn a_report_says_what_it_has() {
    let page = Html(&sample::report()).to_string();
    for part in [
        "id=\"rules\"",
        "id=\"failing\"",
        "id=\"trends\"",
        "id=\"columns\"",
        "5 of 9 rules hold",
        "55.6%",
        "The first 2 of 2,515 rows that break a rule, and 1 of rules that these seldom break.",
    ] {
        assert!(page.contains(part), "{part}");
    }
    let none = Html(&empty()).to_string();
    assert!(none.contains("There are no rules.") && !none.contains("id=\"failing\"") && !none.contains("href=\"#trends\""));
}

/// The colours of the style, light and dark.
fn palettes() -> [BTreeMap<String, String>; 2] {
    let style = include_str!("html/style.css");
    let read = |text: &str| {
        let declarations = text.split('{').nth(1).unwrap().split('}').next().unwrap().split(';');
        let pairs = declarations.filter_map(|line| line.trim().strip_prefix("--")?.split_once(": #"));
        pairs.map(|(name, color)| (name.to_owned(), color.to_owned())).collect()
    };
    let dark = style.split("(prefers-color-scheme: dark)").nth(1).unwrap().split_once('{').unwrap().1;
    [read(style), read(dark)]
}

fn luminance(color: &str) -> f64 {
    let channel = |at: usize| {
        let value = f64::from(u8::from_str_radix(&color[at..at + 2], 16).unwrap()) / 255.0;
        if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * channel(0) + 0.7152 * channel(2) + 0.0722 * channel(4)
}

/// WCAG 2.2, level AA: 4.5 for text, 3 for what is drawn.
#[test]
fn colours_can_be_told_from_what_is_behind_them() {
    for palette in palettes() {
        let contrast = |one: &str, other: &str| {
            let (a, b) = (luminance(&palette[one]), luminance(&palette[other]));
            (a.max(b) + 0.05) / (a.min(b) + 0.05)
        };
        for text in ["text", "muted", "accent", "passed", "failed", "warned", "error"] {
            assert!(contrast(text, "surface") >= 4.5, "{text} on surface: {:.2}", contrast(text, "surface"));
        }
        for (text, behind) in [("text", "page"), ("muted", "page"), ("muted", "sunken"), ("accent", "page")] {
            assert!(contrast(text, behind) >= 4.5, "{text} on {behind}: {:.2}", contrast(text, behind));
        }
        assert!(contrast("data", "surface") >= 3.0, "data on surface: {:.2}", contrast("data", "surface"));
    }
}
