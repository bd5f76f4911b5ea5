//! Rules on dates and times: values and freshness.

use polars::prelude::*;

use super::*;

fn table() -> DataFrame {
    let mut days = df!(
        "text" => [Some("2026-03-10"), Some("2026-03-09 18:00:00"), Some("soon"), None],
        "day" => [Some("2026-03-10"), Some("2026-03-01"), Some("1969-12-31"), None],
        "n" => [1, 2, 3, 4],
    )
    .unwrap();
    let date = |name: &str| col(name).cast(DataType::Date);
    let hours = Column::new("at".into(), [Some(11), Some(0), Some(-36), None]).cast(&DataType::Int64).unwrap();
    let midnight = "2026-03-10T00:00:00Z".parse::<Timestamp>().unwrap().as_millisecond();
    let at = (hours * 3_600_000_i64 + midnight).cast(&DataType::Datetime(TimeUnit::Milliseconds, None)).unwrap();
    days.with_column(at).unwrap().clone().lazy().with_column(date("day")).collect().unwrap()
}

#[test]
fn values_row_by_row() {
    let frame = table();
    for (rule, rows) in [
        ("ColumnValues \"text\" > \"2026-03-09\"", "PFFF"),
        ("ColumnValues \"text\" >= \"2026-03-09\"", "PPFF"),
        ("ColumnValues \"text\" = \"2026-03-09\"", "FPFF"),
        ("ColumnValues \"text\" != \"2026-03-09\"", "PFPP"),
        ("ColumnValues \"text\" between \"2026-03-09\" and \"2026-03-11\"", "PFFF"),
        ("ColumnValues \"text\" not between \"2026-03-10\" and \"2026-03-11\"", "PPPP"),
        ("ColumnValues \"day\" < \"1970-01-01\"", "FFPF"),
        ("ColumnValues \"day\" in [\"2026-03-10\", \"2026-03-01\"]", "PPFF"),
        ("ColumnValues \"day\" in [\"2026-03-10\", NULL]", "PFFP"),
        ("ColumnValues \"day\" not in [\"2026-03-10\"]", "FPPP"),
        ("ColumnValues \"day\" > (now() - 3 days)", "PFFF"),
        // What has no time is compared by days.
        ("ColumnValues \"day\" = now()", "PFFF"),
        ("ColumnValues \"day\" >= now()", "PFFF"),
        ("ColumnValues \"day\" < now()", "FPPF"),
        ("ColumnValues \"day\" >= (now() - 9 days)", "PPFF"),
        ("ColumnValues \"text\" = now()", "PFFF"),
        ("ColumnValues \"text\" >= (now() - 17 hours)", "PFFF"),
        ("ColumnValues \"text\" >= (now() - 19 hours)", "PPFF"),
        ("ColumnValues \"at\" = \"2026-03-10\"", "PPFF"),
        ("ColumnValues \"at\" > \"2026-03-09\"", "PPFF"),
        ("ColumnValues \"at\" > (now() - 2 hours)", "PFFF"),
        ("ColumnValues \"at\" > \"9:30 AM\"", "PFFF"),
        ("ColumnValues \"at\" <= now()", "PPPF"),
        ("ColumnValues \"at\" != NULL", "PPPF"),
    ] {
        assert_eq!(letters(&frame, rule), rows, "{rule}");
        let whole = if rows.contains('F') { FAILED } else { PASSED };
        assert_eq!(one(&frame, rule).outcome, whole, "{rule}");
    }
    check(
        &frame,
        &[
            ("ColumnValues \"n\" > \"2026-01-01\"", ERROR),
            ("ColumnValues \"day\" > 5", ERROR),
            ("ColumnValues \"day\" > \"2026-01-01\" with threshold >= 0.5", PASSED),
        ],
    );
    // 9:30 in Tokyo is half past midnight in UTC.
    assert_eq!(letters(&frame, "ColumnValues \"at\" > \"9:30 AM\" with timeZone = \"Asia/Tokyo\""), "PFFF");
    assert_eq!(letters(&frame, "ColumnValues \"at\" > \"8:30 AM\" with timeZone = \"Asia/Tokyo\""), "PPFF");
}

#[test]
fn freshness() {
    let frame = table();
    for (rule, rows) in [
        ("DataFreshness \"at\" <= 2 hours", "PFFF"),
        ("DataFreshness \"at\" < 3 days", "PPPF"),
        ("DataFreshness \"at\" between 1 days and 3 days", "FFPF"),
        ("DataFreshness \"at\" not between 1 days and 3 days", "PPFF"),
        ("DataFreshness \"text\" < 24 hours", "PPFF"),
        ("DataFreshness \"day\" > 90 minutes", "PPPF"),
        ("DataFreshness \"day\" in [12 hours]", "FFFF"),
    ] {
        assert_eq!(letters(&frame, rule), rows, "{rule}");
    }
    check(
        &frame,
        &[
            ("DataFreshness \"at\" < 3 days", FAILED),
            ("DataFreshness \"at\" < 3 days where \"at is not null\"", PASSED),
            ("DataFreshness \"at\" < 3 days with mostly >= 0.75", PASSED),
            ("DataFreshness \"n\" < 3 days", ERROR),
        ],
    );
    check(&frame.clear(), &[("DataFreshness \"at\" < 3 days", PASSED)]);
    assert_eq!(metric(&frame, "DataFreshness \"at\" < 3 days", "Column.at.DataFreshness.Compliance"), 0.75);
}

#[test]
fn ages_are_rounded_to_hundredths_of_hours() {
    // One hour and 17 seconds is 1.00 hours, one hour and 18.1 is 1.01.
    let frame = df!("t" => ["2026-03-10T11:00:13", "2026-03-10T11:00:11.9"]).unwrap();
    assert_eq!(letters(&frame, "DataFreshness \"t\" = 1 hours"), "PF");
}

#[test]
fn a_list_may_be_as_long_as_it_likes() {
    let frame = table();
    let first = jiff::civil::date(2000, 1, 1);
    let mut days: Vec<String> = (0..10_000).map(|day| format!("\"{}\"", first + jiff::Span::new().days(day))).collect();
    days.retain(|day| day != "\"2026-03-10\"");
    let listed = |column: &str, more: &str| format!("ColumnValues \"{column}\" in [{}{more}]", days.join(", "));
    for (column, more, rows) in [
        ("day", "", "FPFF"),
        ("day", ", NULL", "FPFP"),
        ("day", ", now()", "PPFF"),
        ("text", ", now()", "PPFF"),
        ("at", ", (now() - 1 hours)", "PFPF"),
        ("at", ", (now() - 2 hours)", "FFPF"),
    ] {
        assert_eq!(letters(&frame, &listed(column, more)), rows, "{column}{more}");
        let opposite: String = rows.chars().map(|letter| if letter == 'P' { 'F' } else { 'P' }).collect();
        assert_eq!(letters(&frame, &listed(column, more).replace(" in ", " not in ")), opposite, "{column}{more}");
    }
    let hours: Vec<String> = (1..10_000).map(|hour| format!("{hour} hours")).collect();
    let frame = df!("at" => [Some("2026-03-10 07:00:30"), Some("2026-03-10 07:00:00"), Some("soon"), None]).unwrap();
    let ages = format!("DataFreshness \"at\" in [{}]", hours.join(", "));
    assert_eq!(letters(&frame, &ages), "PFFF");
    assert_eq!(letters(&frame, &ages.replace(" in ", " not in ")), "FPFF");
}
