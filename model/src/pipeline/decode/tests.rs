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
