//! Pipeline files and what is said about them.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::pipeline::{
    BatchTrigger, ColumnType, Crawl, CsvOptions, Engine, Format, Input, Job, Operation, Output, Publish, RetryPolicy, Schedule, Sql, Step,
    Transform, TransformWork, Trigger, Zone,
};

pub(super) struct Files;

impl ProjectFiles for Files {
    fn read(&self, path: &str) -> Result<String, FileProblem> {
        match path {
            "transforms/clean.sql" => Ok("SELECT * FROM input".into()),
            "transforms/monthly.sql" => Ok("SELECT 1 AS n FROM input".into()),
            "quality/monthly.dqdl" => Ok("Rules = [ RowCount > 0 ]\n".into()),
            "transforms/empty.sql" => Ok(" \n".into()),
            "transforms/latin1.sql" => Err(FileProblem::Unreadable("it is not UTF-8".into())),
            _ => Err(FileProblem::Missing),
        }
    }

    fn files_ending(&self, end: &str) -> Vec<String> {
        let known: Vec<String> = vec!["transforms/clean.sql".into(), "transforms/monthly.sql".into(), "quality/monthly.dqdl".into()];
        known.into_iter().filter(|file| file.ends_with(end)).collect()
    }
}

pub(super) const GOOD: &str = r#"team: nyc
dataset: flights
routes:
  - { prefix: inbox/, suffix: .flights.csv }
drift: freeze
stages:
  - name: clean
    trigger: object
    input:
      format: csv
      columns: { tailnum: string }
      csv: { delimiter: "\t", header: false, null_values: ["NA", ""], quote: none }
    steps:
      - transform: { sql: ./transforms/clean.sql, references: { airlines: nyc.airlines }, timeout: 30m }
      - transform:
          steps:
            - select: [a, b]
            - rename: { a: c }
            - cast: { c: int64 }
            - filter: c > 1
            - derive: { z: c + 1, d: z * 2 }
            - deduplicate: [c]
            - drop_nulls
    output: { zone: stage, format: parquet }
    retry: { attempts: 5, backoff: 2s }
  - name: monthly
    trigger: { batch: { every: 5m, min_objects: 2, max_objects: 500, max_bytes: 64MB, max_wait: 15m, quiet: 30s } }
    steps:
      - job:
          engine: worker
          sql: |
            SELECT month, count(*) AS flights
            FROM input GROUP BY month
          timeout: 1h
      - publish: { database: nyc, table: flights_monthly, partition_by: [month] }
    output: { zone: analytics }
"#;

fn good() -> Pipeline {
    let operations = vec![
        Operation::Select(vec!["a".into(), "b".into()]),
        Operation::Rename([("a".into(), "c".into())].into()),
        Operation::Cast([("c".into(), ColumnType::Int64)].into()),
        Operation::Filter("c > 1".into()),
        Operation::Derive(vec![("z".into(), "c + 1".into()), ("d".into(), "z * 2".into())]),
        Operation::Deduplicate(vec!["c".into()]),
        Operation::DropNulls(vec![]),
    ];
    let clean = Stage {
        name: "clean".into(),
        trigger: Trigger::Object,
        input: Input {
            format: Some(Format::Csv),
            columns: [("tailnum".into(), ColumnType::String)].into(),
            csv: CsvOptions { delimiter: '\t', header: false, null_values: vec!["NA".into(), String::new()], quote: None },
        },
        steps: vec![
            Step::Transform(Transform {
                work: TransformWork::Sql(Sql { text: "SELECT * FROM input".into(), file: Some("transforms/clean.sql".into()) }),
                references: [("airlines".into(), TableId::new("nyc", "airlines"))].into(),
                timeout: Duration::from_secs(1800),
            }),
            Step::Transform(Transform {
                work: TransformWork::Operations(operations),
                references: [].into(),
                timeout: crate::pipeline::DEFAULT_TRANSFORM_TIMEOUT,
            }),
        ],
        output: Output { zone: Zone::Stage },
        retry: RetryPolicy { attempts: 5, backoff: Duration::from_secs(2) },
        queue: None,
    };
    let monthly = Stage {
        name: "monthly".into(),
        trigger: Trigger::Batch(BatchTrigger {
            schedule: Schedule::Every(Duration::from_secs(300)),
            min_objects: 2,
            max_objects: 500,
            max_bytes: Some(64_000_000),
            max_wait: Some(Duration::from_secs(900)),
            quiet: Some(Duration::from_secs(30)),
        }),
        input: Input::default(),
        steps: vec![
            Step::Job(Job {
                engine: Engine::Worker,
                sql: Sql { text: "SELECT month, count(*) AS flights\nFROM input GROUP BY month".into(), file: None },
                references: [].into(),
                timeout: Duration::from_secs(3600),
            }),
            Step::Publish(Publish {
                table: TableId::new("nyc", "flights_monthly"),
                partition_by: vec!["month".into()],
                lf_tags: [].into(),
            }),
        ],
        output: Output { zone: Zone::Analytics },
        retry: RetryPolicy::default(),
        queue: None,
    };
    Pipeline {
        dataset: DatasetId::new("nyc", "flights"),
        routes: vec![Route { prefix: "inbox/".into(), suffix: ".flights.csv".into() }],
        drift: DriftPolicy::Freeze,
        stages: vec![clean, monthly],
    }
}

#[test]
fn a_good_file_is_the_pipeline_it_says() {
    let (read, found) = decode("p.yaml", GOOD, &Files);
    assert_eq!(found, []);
    assert_eq!(read.pipeline, Some(good()));
    assert_eq!(
        read.publishes.iter().map(|mention| (mention.table.to_string(), mention.stage)).collect::<Vec<_>>(),
        [("nyc.flights_monthly".into(), 1)]
    );
    assert_eq!(read.references.iter().map(|mention| (mention.place.line, mention.place.column)).collect::<Vec<_>>(), [(14, 75)]);
}

#[test]
fn a_table_is_tagged_and_a_crawler_is_waited_for_as_the_file_says() {
    let step = |publish: &str| {
        let text = GOOD.replace("{ database: nyc, table: flights_monthly, partition_by: [month] }", publish);
        let (read, found) = decode("p.yaml", &text, &Files);
        assert_eq!(found, [], "{publish}");
        let crawlers: Vec<String> = read.crawlers.into_iter().map(|mention| mention.crawler).collect();
        let stage = read.pipeline.unwrap().stages.pop().unwrap();
        assert!(read.complete && stage.is_staged(DriftPolicy::Evolve), "{publish}");
        (stage.steps.into_iter().next_back().unwrap(), crawlers)
    };
    let table = TableId::new("nyc", "flights");
    let lf_tags = [("domain".to_owned(), "sales".to_owned()), ("pii".to_owned(), "no".to_owned())].into();
    let published = step("{ database: nyc, table: flights, lf_tags: { Domain: Sales, pii: no } }");
    assert_eq!(published, (Step::Publish(Publish { table, partition_by: vec![], lf_tags }), vec![]));
    let crawl = |timeout| (Step::Crawl(Crawl { crawler: "the nyc one".into(), timeout }), vec!["the nyc one".to_owned()]);
    assert_eq!(step("{ crawler: the nyc one }"), crawl(crate::pipeline::DEFAULT_CRAWL_TIMEOUT));
    assert_eq!(step("{ crawler: the nyc one, timeout: 20m }"), crawl(Duration::from_secs(1200)));
}

/// A change to the good file, and what is then said: line, column, length, message, hint.
const BROKEN: &[(&str, &str, &[&str])] = &[
    ("trigger: object", "triger: object", &["8:5+6 unknown key `triger` — did you mean `trigger`?"]),
    ("trigger: object", "trigger: obect", &["8:14+5 `trigger` must be `object` or `batch`, but is `obect` — did you mean `object`?"]),
    (
        "zone: analytics",
        "zone: raw",
        &["36:21+3 a stage can't write to the raw zone: its output would be taken for data that landed — write to `stage` or `analytics`"],
    ),
    ("format: parquet", "format: orc", &["24:36+3 `format` must be `parquet`, but is `orc`"]),
    (
        "prefix: inbox/",
        "prefix: /inbox/",
        &["4:15+7 a route's prefix starts like a key in the raw zone, without `/` or `./` — write `inbox/`, not `/inbox/`"],
    ),
    ("    output: { zone: analytics }\n", "", &["26:5+13 missing key `output`"]),
    ("drift: freeze", "drift:", &["5:1+5 `drift` must be a text, but is empty"]),
    ("drift: freeze", "drift: [freeze]", &["5:8+8 `drift` must be a text, but is a list"]),
    ("drift: freeze", "drift: never", &["5:8+5 `drift` must be `evolve`, `freeze` or `quarantine`, but is `never`"]),
    ("stages:", "stages: []\nstges:", &["6:9+2 `stages` is empty", "7:1+5 unknown key `stges` — did you mean `stages`?"]),
    (
        "    steps:\n      - job",
        "    steps: []\n    stps:\n      - job",
        &["28:12+2 `steps` is empty", "29:5+4 unknown key `stps` — did you mean `steps`?"],
    ),
    (
        "drift: freeze",
        "drift: freeze\ndrift: evolv",
        &[
            "6:1+5 duplicate key `drift` — it is already on line 5",
            "6:8+5 `drift` must be `evolve`, `freeze` or `quarantine`, but is `evolv` — did you mean `evolve`?",
        ],
    ),
    ("  - name: monthly", "  - name: clean", &["26:11+5 two stages are called `clean`"]),
    (
        "every: 5m",
        r#"cron: "0 25 * * *""#,
        &[
            "27:31+12 `0 25 * * *` is not a cron expression: Component error: Number out of bounds — five fields in UTC: minute, hour, day of month, month, day of week, such as \"0 6 * * 1\"",
        ],
    ),
    ("every: 5m", r#"cron: "0 0 30 2 *""#, &["27:31+12 `0 0 30 2 *` never comes"]),
    (
        "every: 5m",
        r#"cron: "0 0 * *""#,
        &[
            "27:31+9 `0 0 * *` is not a cron expression — five fields in UTC: minute, hour, day of month, month, day of week, such as \"0 6 * * 1\"",
        ],
    ),
    ("every: 5m", r#"every: 5m, cron: "0 0 * * *""#, &["27:36+4 both `every` and `cron`; one of them is to be given"]),
    (
        "every: 5m",
        "every: 5 parsecs",
        &["27:32+9 `every` must be a span of time, but is `5 parsecs` — write a number and ms, s, m, h or d: `90s`, `5m`, `1h30m`"],
    ),
    ("every: 5m", "every: 0s", &["27:32+2 `every` must be longer than nothing"]),
    (
        "64MB",
        "64 potatoes",
        &[
            "27:81+11 `max_bytes` must be a number of bytes above zero, but is `64 potatoes` — write a whole number and B, KB, MB, GB, TB, KiB, MiB, GiB or TiB: `64MB`, `1GiB`",
        ],
    ),
    (
        "min_objects: 2",
        r#"min_objects: "2""#,
        &["27:49+3 `min_objects` must be a whole number, but is a text in quotes — leave the quotes out"],
    ),
    ("min_objects: 2", "min_objects: [2]", &["27:49+3 `min_objects` must be a whole number, but is a list"]),
    ("min_objects: 2", "min_objects: 0", &["27:49+1 `min_objects` must be at least 1"]),
    ("min_objects: 2", "min_objects: 501", &["27:49+3 `min_objects` is 501, more than `max_objects`, 500"]),
    (
        "every: 5m, min_objects: 2, max_objects: 500, max_bytes: 64MB, max_wait: 15m, quiet: 30s",
        "every: never",
        &["27:32+5 nothing would ever seal this batch — give `max_objects`, `max_bytes`, `max_wait` or `quiet`"],
    ),
    ("dataset: flights", "dataset: fl ights", &["2:10+8 a dataset's name is made of letters, digits, `_`, `-` and `.`, but is `fl ights`"]),
    (
        "team: nyc",
        "team: _nyc",
        &["1:7+4 a team's name must not start with `.` or `_` — folders that start so are hidden or Lakegate's own"],
    ),
    ("team: nyc\n", "", &["1:1+16 missing key `team`"]),
    (
        "table: flights_monthly",
        "table: flights.monthly",
        &["35:42+15 a table's name is made of letters, digits, `_` and `-`, but is `flights.monthly`"],
    ),
    (
        "./transforms/clean.sql",
        "transform/clean.sql",
        &["14:27+19 SQL file `transform/clean.sql` does not exist — did you mean `transforms/clean.sql`?"],
    ),
    (
        "./transforms/clean.sql",
        "nosuch.sql",
        &["14:27+10 SQL file `nosuch.sql` does not exist — paths are relative to the project's folder"],
    ),
    (
        "./transforms/clean.sql",
        "../clean.sql",
        &["14:27+12 SQL file `../clean.sql` is not inside the project — paths are relative to the project's folder"],
    ),
    ("./transforms/clean.sql", "transforms/empty.sql", &["14:27+20 SQL file `transforms/empty.sql` is empty"]),
    ("./transforms/clean.sql", "transforms/latin1.sql", &["14:27+21 SQL file `transforms/latin1.sql` can't be read: it is not UTF-8"]),
    ("./transforms/clean.sql", r#"" ""#, &["14:27+3 `sql` is empty"]),
    ("drift: freeze", "drift: freeze\n\tx: y", &["6:1+1 not valid YAML: a tab in the indentation — indent with spaces"]),
    (
        "drift: freeze",
        "drift: fre: eze",
        &["5:11+1 not valid YAML: mapping values are not allowed in this context — quote a text that contains `: `"],
    ),
    ("drift: freeze", "drift: &x freeze", &["5:11+1 YAML anchors (`&name`) are not supported — write the value out"]),
    ("drift: freeze", "drift: !x freeze", &["5:11+1 YAML tags (`!name`) are not supported — quote a text that starts with `!`"]),
    (
        "drift: freeze",
        "drift: *x",
        &[
            "5:8+1 not valid YAML: while parsing node, found unknown anchor — look at the indentation, brackets and quotes here and in the lines above",
        ],
    ),
    (
        "drift: freeze",
        "drift: [freeze",
        &[
            "7:3+1 not valid YAML: \"-\" is only valid inside a block — look at the indentation, brackets and quotes here and in the lines above",
        ],
    ),
    ("drift: freeze", "{ a: b }: c", &["5:1+1 a key must be a plain text — quote a text that starts with `{` or `[`"]),
    ("drift: freeze", "---\ndrift: freeze", &["5:1+1 a second YAML document; one file holds one"]),
    (
        "engine: worker",
        "engine: glue\n          name: x\n          arguments: { a: b }",
        &["30:19+4 engine `glue` is not supported by this version of Lakegate"],
    ),
    ("engine: worker", "engine: wrker", &["30:19+5 `engine` must be `worker`, but is `wrker` — did you mean `worker`?"]),
    ("engine: worker", "name: x\n          engine: worker", &["30:11+4 `name` is not supported by this version of Lakegate"]),
    (
        "- publish:",
        "- notify: { on: [sucess], to: 'sns://a' }\n      - notify: { on: failure, to: 'sqs://a' }\n      - publish:",
        &[
            "35:24+6 this must be `success`, `failure`, `quality_failure` or `dead_letter`, but is `sucess` — did you mean `success`?",
            "36:36+9 nobody is told by a queue of SQS — write `sns://topic` and let the queue subscribe to it",
        ],
    ),
    ("sql: ./transforms/clean.sql", "rust: x", &["14:22+4 `rust` is not supported by this version of Lakegate"]),
    ("sql: ./transforms/clean.sql", "sql: a, steps: []", &["14:30+5 both `sql` and `steps`; one of them is to be given"]),
    ("sql: ./transforms/clean.sql, ", "", &["14:20+56 missing key `sql` or `steps`"]),
    ("trigger: object", "trigger: manifest", &["8:14+8 trigger `manifest` is not supported by this version of Lakegate"]),
    ("every: 5m", "manifest: x", &["27:25+8 `manifest` is not supported by this version of Lakegate"]),
    (
        "{ airlines: nyc.airlines }",
        "{ input: nyc.airlines, a-b: airlines }",
        &[
            "14:65+5 a reference can't be called `input`: that is the table the stage is given — choose another name",
            "14:86+3 SQL can't call a table `a-b` — use letters, digits and `_`, and no digit first",
            "14:91+8 a table is named `database.table`, but this is `airlines` — such as `nyc.airlines`",
        ],
    ),
    (
        "trigger: { batch: { every: 5m, min_objects: 2, max_objects: 500, max_bytes: 64MB, max_wait: 15m, quiet: 30s } }",
        "trigger: object",
        &["29:9+3 a job runs on a batch, but this stage's trigger is `object` — use `transform`, or a batch trigger"],
    ),
    (
        "    output: { zone: analytics }",
        "      - transform: { sql: SELECT 1 }\n    output: { zone: analytics }",
        &["35:9+73 `publish` must be the last step but `notify` — move it below the others"],
    ),
    (
        "    output: { zone: analytics }",
        "      - publish: { database: nyc, table: b }\n    output: { zone: analytics }",
        &["36:9+36 a stage publishes at most once"],
    ),
    (
        "database: nyc, table: flights_monthly, partition_by: [month]",
        "crawler: nyc, table: flights_monthly, partition_by: [month]",
        &[
            "35:34+5 `table` beside `crawler`: what tables there are is for the crawler to find out — name either a crawler, or a database and a table that Lakegate registers itself",
            "35:58+12 `partition_by` beside `crawler`: what tables there are is for the crawler to find out — name either a crawler, or a database and a table that Lakegate registers itself",
        ],
    ),
    ("database: nyc, table: flights_monthly, partition_by: [month]", "crawler: ' '", &["35:29+3 `crawler` is empty"]),
    (
        "database: nyc, table: flights_monthly, partition_by: [month]",
        "crawler: nyc, timeout: 0s",
        &["35:43+2 `timeout` must be longer than nothing"],
    ),
    (
        "partition_by: [month]",
        "timeout: 1h",
        &["35:59+7 `timeout` says how long a crawler is waited for, and none is named — leave it out, or name a `crawler`"],
    ),
    (
        "partition_by: [month]",
        "lf_tags: { Domain: sales, domain: x }",
        &["35:85+6 the LF-Tag `domain` is given twice: its keys know no case — leave one of them out"],
    ),
    ("partition_by: [month]", "lf_tags: { domain: '' }", &["35:78+2 `domain` is empty"]),
    ("partition_by: [month]", "lf_tags: [a]", &["35:68+3 `lf_tags` must be a mapping of `name: value`, but is a list"]),
    ("zone: stage", "zone: stage, compression: zstd", &["24:28+11 unknown key `compression` — known here: zone, format"]),
    ("- drop_nulls", "- drop_nul", &["23:15+8 this must be `deduplicate` or `drop_nulls`, but is `drop_nul` — did you mean `drop_nulls`?"]),
    ("rename: { a: c }", "rename: { a: c, b: c }", &["18:23+14 two columns would be called `c`"]),
    ("[a, b]", "[a, a]", &["17:27+1 column `a` is named twice"]),
    (
        "int64",
        "int46",
        &[
            "19:26+5 `c` must be `string`, `boolean`, `int32`, `int64`, `float32`, `float64`, `date` or `timestamp`, but is `int46` — did you mean `int64`?",
        ],
    ),
    ("- deduplicate: [c]", "- derive: {}", &["22:23+2 no column is named here"]),
    (r#""\t""#, r#"'\t'"#, &["12:25+4 one character is wanted here, but this is `\\t` — write a tab as \"\\t\", in double quotes"]),
    ("format: csv", "format: json", &["12:7+3 `csv` says how to read CSV, but `format` is another — leave one of them out"]),
    ("header: false", "header: no", &["12:39+2 `header` must be true or false, but is `no`"]),
    (r#"["NA", ""]"#, "[NA, null]", &["12:64+1 this must be a text, but is empty — a text that reads `null` or `~` is written in quotes"]),
    (
        "    trigger: { batch",
        "    input: { format: csv }\n    trigger: { batch",
        &["27:22+3 only the first stage reads what landed; this one is given the Parquet of the stage before it — leave `format` out"],
    ),
    ("attempts: 5", "attempts: 99999999999", &["25:24+11 `attempts` is too large"]),
];

fn brief(found: &[Diagnostic]) -> Vec<String> {
    let brief = |found: &Diagnostic| {
        let hint = if found.hint.is_empty() { String::new() } else { format!(" — {}", found.hint) };
        format!("{}:{}+{} {}{hint}", found.place.line, found.place.column, found.place.length, found.message)
    };
    found.iter().map(brief).collect()
}

#[test]
fn whoever_is_told_stands_anywhere_among_the_steps() {
    let text = GOOD.replace("      - publish:", "      - notify: { on: failure, to: 'sns://alerts' }\n      - publish:");
    let text = text
        .replace("[month] }\n    output", "[month] }\n      - notify: { on: [success, dead_letter], to: 'https://x.org/h' }\n    output");
    let (read, found) = decode("p.yaml", &text, &Files);
    assert!(found.is_empty(), "{found:?}");
    let pipeline = read.pipeline.unwrap();
    let told: Vec<String> = pipeline.stages[1].notices().map(|notify| notify.to.to_string()).collect();
    assert_eq!(told, ["sns://alerts", "https://x.org/h"]);
    let stored = serde_json::to_string(&pipeline).unwrap();
    assert_eq!(serde_json::from_str::<Pipeline>(&stored).unwrap(), pipeline);
}

#[test]
fn lines_may_end_as_windows_ends_them() {
    assert_eq!(decode("p.yaml", &GOOD.replace('\n', "\r\n"), &Files).0.pipeline, Some(good()));
}

#[test]
fn what_is_wrong_is_said_where_it_is() {
    expect_said(BROKEN);
}

/// Each change to the good file is complained of as is told, and makes it no pipeline.
pub(super) fn expect_said(changes: &[(&str, &str, &[&str])]) {
    for (good, broken, expected) in changes {
        assert!(GOOD.contains(good), "{good}");
        let (read, found) = decode("p.yaml", &GOOD.replacen(good, broken, 1), &Files);
        assert_eq!(brief(&found), *expected, "{broken}");
        assert_eq!(read.pipeline, None, "{broken}");
    }
}

#[test]
fn two_stages_never_write_to_one_folder_unless_it_is_one_table() {
    let stage = |name: &str, publish: &str| {
        format!("  - {{ name: {name}, trigger: object, steps: [ transform: {{ sql: SELECT 1 }}{publish} ], output: {{ zone: stage }} }}\n")
    };
    let said = |stages: [String; 2]| {
        let text = format!("team: a\ndataset: b\nstages:\n{}", stages.concat());
        brief(&decode("p.yaml", &text, &Files).1)
    };
    let table = ", publish: { database: d, table: t }";
    let parted = ", publish: { database: d, table: t, partition_by: [x] }";
    assert_eq!(said([stage("t", ""), stage("u", "")]), Vec::<String>::new());
    assert_eq!(said([stage("s", table), stage("u", table)]), Vec::<String>::new());
    assert_eq!(said([stage("t", ""), stage("u", table)]), ["5:13+1 stages `t` and `u` would both write to the folder `t`"]);
    assert_eq!(said([stage("u", table), stage("t", "")]), ["5:13+1 stages `u` and `t` would both write to the folder `t`"]);
    assert_eq!(said([stage("s", table), stage("u", parted)]).len(), 1);
}

/// A stretch of the text is taken out and something put in its place.
fn mutated() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "", " ", "\n", ":", ": ", "- ", "[", "]", "{", "}", "\"", "'", "|", ">", "&a", "*a", "!t", "#", "---", "...", "%", "?", "\t", "ü",
        "\0", ",", "~",
    ]);
    let change = (0..GOOD.len(), 0..40_usize, pieces);
    prop::collection::vec(change, 1..6).prop_map(|changes| {
        changes.into_iter().fold(GOOD.to_owned(), |text, (at, length, piece)| {
            let at = at.min(text.len());
            let chars: Vec<char> = text.chars().collect();
            let start: String = chars.iter().take(at).collect();
            let end: String = chars.iter().skip(at + length).collect();
            start + piece + &end
        })
    })
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_with_a_reason(text in mutated()) {
        let (read, found) = decode("p.yaml", &text, &Files);
        prop_assert_eq!(read.pipeline.is_none(), !found.is_empty());
        for diagnostic in found {
            prop_assert!(!diagnostic.message.is_empty());
            prop_assert!(diagnostic.place.line <= text.lines().count().max(1));
            prop_assert!(!diagnostic.to_string().is_empty());
        }
    }
}
