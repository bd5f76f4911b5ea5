//! Settings, and pipeline files beside each other.

use std::time::Duration;

use super::*;
use crate::{
    diagnostics::Diagnostic,
    location::Location,
    pipeline::decode::{FileProblem, ProjectFiles, decode},
    project::{CatalogAddress, EventSourceAddress, LedgerAddress, Settings, Uses, Zones},
};

fn brief(found: &[Diagnostic]) -> Vec<String> {
    let brief = |found: &Diagnostic| {
        let hint = if found.hint.is_empty() { String::new() } else { format!(" — {}", found.hint) };
        format!("{}: {}{hint}", found.place, found.message)
    };
    found.iter().map(brief).collect()
}

fn settings(text: &str, environment: Option<&str>, overrides: &Overrides) -> Result<Settings, Vec<String>> {
    let source = SettingsSource { folder: "/lake house", file: "lakegate.yaml", text: Some(text), environment, overrides };
    decode_settings(source).map_err(|found| brief(&found))
}

fn refusals(text: &str) -> Vec<String> {
    settings(text, None, &Overrides::default()).err().unwrap_or_default()
}

fn zones(raw: &str, stage: &str, analytics: &str) -> Zones {
    Zones { raw: Location::of_path(raw), stage: Location::of_path(stage), analytics: Location::of_path(analytics) }
}

#[test]
fn every_key_has_a_default() {
    let expected = Settings {
        zones: zones("/lake house/lake/raw", "/lake house/lake/stage", "/lake house/lake/analytics"),
        ledger: LedgerAddress::Sqlite("/lake house/.lakegate/ledger.db".into()),
        catalog: CatalogAddress::Local("/lake house/.lakegate/catalog".into()),
        events: vec![EventSourceAddress::Watch { settle: Duration::from_millis(250) }],
        teams: Default::default(),
        lf_tags: [].into(),
        sdlf: None,
    };
    for text in ["", "# nothing\n", "{}", "events: [watch]"] {
        assert_eq!(settings(text, None, &Overrides::default()), Ok(expected.clone()), "{text}");
    }
}

#[test]
fn a_team_has_its_runs_told() {
    let text = "teams: { nyc: { notify: [ { on: [dead_letter, success], to: 'sns://alerts' }, { on: failure, to: 'https://x.org/h' } ] } }\n\
        environments: { quiet: { teams: {} } }";
    let told = |environment| {
        let settings = settings(text, environment, &Overrides::default()).unwrap();
        let told: Vec<String> = settings.teams.values().flatten().map(|notify| format!("{:?} {}", notify.on, notify.to)).collect();
        (told, settings.is_on_aws())
    };
    let all = vec!["[DeadLetter, Success] sns://alerts".to_owned(), "[Failure] https://x.org/h".to_owned()];
    assert_eq!(told(None), (all, true));
    assert_eq!(told(Some("quiet")), (Vec::new(), false));
}

#[test]
fn who_can_not_be_told_is_refused_with_who_could() {
    for (notify, expected) in [
        ("{ on: [succes], to: 'sns://a' }", "this must be `success`, `failure`, `quality_failure` or `dead_letter`, but is `succes`"),
        ("{ on: [], to: 'sns://a' }", "empty"),
        ("{ on: failure }", "missing key `to`"),
        ("{ on: failure, too: 'sns://a' }", "unknown key `too` — did you mean `to`?"),
        ("{ on: failure, to: 'sqs://a' }", "nobody is told by a queue of SQS — write `sns://topic`"),
        ("{ on: failure, to: 'http://example.org' }", "must be `https://`"),
        ("{ on: failure, to: 'mail://me' }", "`mail://me` is no destination"),
    ] {
        let found = refusals(&format!("teams: {{ nyc: {{ notify: [ {notify} ] }} }}"));
        assert!(found.iter().any(|found| found.contains(expected)), "{notify}: {found:?}");
    }
    assert!(settings("teams: { a: { notify: [ { on: failure, to: 'http://127.0.0.1:80/x' } ] } }", None, &Overrides::default()).is_ok());
}

#[test]
fn an_environments_tags_take_the_place_of_the_files() {
    let text = "lf_tags: { Domain: sales, pii: no }\nenvironments: { dev: {}, prod: { lf_tags: { domain: ops } } }\n";
    let tags = |environment| settings(text, environment, &Overrides::default()).unwrap().lf_tags.into_iter().collect::<Vec<_>>();
    let file = [("domain", "sales"), ("pii", "no")].map(|(key, value)| (key.to_owned(), value.to_owned()));
    assert_eq!(tags(None), file);
    assert_eq!(tags(Some("dev")), file);
    assert_eq!(tags(Some("prod")), [("domain".to_owned(), "ops".to_owned())]);
}

#[test]
fn what_pipelines_use_is_gathered_from_all_of_them() {
    let text = pipeline("a", &[(&[], "x"), (&[], "y")]).replace("table: x", "table: x, lf_tags: { pii: no }");
    let text = text.replace("database: d, table: y", "crawler: c");
    let used = decode("0.yaml", &text, &NoFiles).0.pipeline.unwrap();
    let uses = Uses::of(&settings("lf_tags: { domain: sales }", None, &Overrides::default()).unwrap(), [&used]);
    let set = |text: &str| [text.to_owned()].into();
    let folder = [Location::of_path("/lake house/lake/stage/t/a/s1")].into();
    let lf_tags = [("domain".to_owned(), set("sales")), ("pii".to_owned(), set("no"))].into();
    assert_eq!(uses, Uses { databases: set("d"), crawlers: [("c".to_owned(), folder)].into(), lf_tags });
}

const TWO: &str = "
zones: { raw: ../in, stage: /s/./x/, analytics: file:///a }
ledger: sqlite:l.db
events: [ { watch: { settle: 2s } } ]
environments:
  test: { zones: { raw: ./t }, ledger: sqlite:t.db, events: [] }
  prod: { zones: { raw: s3://bucket/raw, stage: s3://bucket/stage, analytics: s3://other }, events: [ sqs://queue ] }
";

#[test]
fn flags_win_over_the_environment_and_that_over_the_file() {
    let file = settings(TWO, None, &Overrides::default()).unwrap();
    assert_eq!(file.zones, zones("/in", "/s/x", "/a"));
    assert_eq!(file.events, [EventSourceAddress::Watch { settle: Duration::from_secs(2) }]);
    let test = settings(TWO, Some("test"), &Overrides::default()).unwrap();
    assert_eq!(test.zones, zones("/lake house/t", "/s/x", "/a"));
    assert_eq!((test.ledger, test.events), (LedgerAddress::Sqlite("/lake house/t.db".into()), vec![]));
    let overrides = Overrides { raw: Some("/flag".into()), ledger: Some("sqlite:/f.db".into()), ..Overrides::default() };
    let flags = settings(TWO, Some("test"), &overrides).unwrap();
    assert_eq!(flags.zones, zones("/flag", "/s/x", "/a"));
    assert_eq!(flags.ledger, LedgerAddress::Sqlite("/f.db".into()));
}

#[test]
fn what_an_environment_elsewhere_needs_is_refused_only_there() {
    let prod = settings(TWO, Some("prod"), &Overrides::default()).unwrap();
    assert_eq!(prod.zones.raw, Location::new("s3://bucket/raw"));
    assert_eq!(prod.events, [EventSourceAddress::Sqs { queue: "queue".into() }]);
    let local = Overrides { raw: Some("./here".into()), ..Overrides::default() };
    let refused = settings(TWO, Some("prod"), &local).unwrap_err();
    let mixed = "lakegate.yaml:7:49: the stage zone is s3://bucket/stage, and the raw zone is file:///lake house/here — put all zones into folders, or all on S3";
    let expected = "lakegate.yaml:7:103: the queue queue tells of objects on S3, and the raw zone is file:///lake house/here — write `watch`, or set the raw zone to `s3://bucket/prefix`";
    assert_eq!(refused, [mixed, expected]);
    let unknown = settings(TWO, Some("prd"), &Overrides::default()).unwrap_err();
    assert_eq!(unknown, ["lakegate.yaml: there is no environment `prd` — did you mean `prod`?"]);
    assert_eq!(settings("", Some("prd"), &Overrides::default()).unwrap_err().len(), 1);
}

#[test]
fn what_is_wrong_with_settings_is_said_where_it_is() {
    let table: &[(&str, &[&str])] = &[
        ("zons: {}", &["lakegate.yaml:1:1: unknown key `zons` — did you mean `zones`?"]),
        (
            "zones: { raw: 's3://b' }",
            &[
                "lakegate.yaml:1:15: `s3://b` is not a bucket and a prefix — write `s3://bucket/prefix`: the bucket's name has 3 to 63 small letters, digits, `.` and `-`",
            ],
        ),
        (
            "zones: { raw: 's3://lake/raw' }",
            &[
                "the defaults: `watch` watches a folder, and the raw zone is s3://lake/raw — write `sqs://` and the name of the queue that the bucket notifies",
                "lakegate.yaml:1:15: the raw zone is s3://lake/raw, and the stage zone is file:///lake house/lake/stage — put all zones into folders, or all on S3",
            ],
        ),
        (
            "events: [kafka://x, 'sqs://a b']",
            &[
                "lakegate.yaml:1:10: `kafka:` is not a kind of address known here — write `watch`, or `sqs://` and a queue's name",
                "lakegate.yaml:1:21: `sqs://a b` is not a queue — write `sqs://` and the queue's name or, for another account's, its whole URL: `https://sqs.…/123456789012/name`",
            ],
        ),
        (
            "zones: { raw: gs://b }",
            &[
                "lakegate.yaml:1:15: `gs:` is not a kind of address known here — write a path, such as `./lake/raw`, or `s3://bucket/prefix`",
            ],
        ),
        ("zones: { raw: ~/lake }", &["lakegate.yaml:1:15: `~` is not expanded in `~/lake` — write the path out"]),
        (
            "zones: { stage: lake/raw/stage }",
            &["lakegate.yaml:1:17: the stage zone lies in the raw zone, file:///lake house/lake/raw — give each zone a folder of its own"],
        ),
        (
            "zones:\n  raw: x\n  stage: ./x",
            &["lakegate.yaml:3:10: the stage zone lies in the raw zone, file:///lake house/x — give each zone a folder of its own"],
        ),
        (
            "ledger: dynamodb://\ncatalog: glue://Db",
            &[
                "lakegate.yaml:1:9: `dynamodb://` does not begin table names: they are made of letters, digits, `_`, `-` and `.` — write `dynamodb://lakegate`",
                "lakegate.yaml:2:10: `glue://Db` does not begin database names: they are made of small letters, digits and `_` — write `glue://lake_`, or `glue://` for none",
            ],
        ),
        (
            "catalog: glue://db",
            &[
                "lakegate.yaml:1:10: Glue's tables lie on S3, and the analytics zone is file:///lake house/lake/analytics — set the analytics zone to `s3://bucket/prefix`, or write `catalog: local:` and a path",
            ],
        ),
        (
            "ledger: l.db",
            &[
                "lakegate.yaml:1:9: `l.db` is not an address — write `sqlite:` and a path, or `dynamodb://` and what its tables' names begin with",
            ],
        ),
        (
            "ledger: 'sqlite:'",
            &[
                "lakegate.yaml:1:9: `sqlite:` is not an address — write `sqlite:` and a path, or `dynamodb://` and what its tables' names begin with",
            ],
        ),
        ("events: watch", &["lakegate.yaml:1:9: `events` must be a list, but is a single value"]),
        ("events: [wach]", &["lakegate.yaml:1:10: this must be `watch`, but is `wach` — did you mean `watch`?"]),
        ("events: [watch, watch]", &["lakegate.yaml:1:9: the raw zone is watched once: `watch` stands here twice"]),
        ("events: [{ watch: { setle: 2s } }]", &["lakegate.yaml:1:21: unknown key `setle` — did you mean `settle`?"]),
        ("environments: { a: { ledgr: x } }", &["lakegate.yaml:1:22: unknown key `ledgr` — did you mean `ledger`?"]),
    ];
    for (text, expected) in table {
        assert_eq!(refusals(text), *expected, "{text}");
    }
}

#[test]
fn the_tables_of_sdlf_go_with_a_ledger_in_dynamodb() {
    let tables = |text: &str, environment: Option<&str>| settings(text, environment, &Overrides::default()).unwrap().sdlf;
    assert_eq!(tables("sdlf: { org: acme }", None), None, "beside a file nobody looks for them");
    let told = tables("ledger: dynamodb://lake", None).unwrap();
    assert_eq!(told.objects.as_deref(), Some("lake-ObjectMetadata"));
    assert_eq!(told.history.as_deref(), Some("lake-PipelineExecutionHistory"));
    assert_eq!(
        (told.ttl, told.org.as_str(), told.app.as_str(), told.env.as_str()),
        (Some(Duration::from_secs(10_368_000)), "lake", "datalake", "dev")
    );
    let text = "
ledger: dynamodb://lake
sdlf: { objects: octagon-ObjectMetadata-dev, history: off, ttl: 30d, org: acme, pipelines: { eng/legislators: main } }
environments:
  prod: { sdlf: { objects: octagon-ObjectMetadata-prod } }
  none: { sdlf: off }
";
    let prod = tables(text, Some("prod")).unwrap();
    assert_eq!((prod.objects.as_deref(), prod.history.as_deref()), (Some("octagon-ObjectMetadata-prod"), None));
    assert_eq!((prod.org.as_str(), prod.env.as_str()), ("acme", "prod"), "an environment is named by itself");
    assert_eq!(prod.pipeline(&crate::ids::DatasetId::new("eng", "legislators")), "main");
    assert_eq!(tables(text, Some("none")), None);
    assert_eq!(tables("ledger: dynamodb://lake\nsdlf: { objects: off, history: off, ttl: off }", None), None);
    let wrong = refusals("sdlf: { objects: 'a b', histroy: off, pipelines: { legislators: main } }");
    assert_eq!(wrong.len(), 3, "{wrong:?}");
}

struct NoFiles;

impl ProjectFiles for NoFiles {
    fn read(&self, _: &str) -> Result<String, FileProblem> {
        Err(FileProblem::Missing)
    }

    fn files_ending(&self, _: &str) -> Vec<String> {
        Vec::new()
    }
}

/// A pipeline whose stages each read and publish tables: `(reads, publishes)`.
fn pipeline(dataset: &str, stages: &[(&[&str], &str)]) -> String {
    let stage = |(index, (reads, publishes)): (usize, &(&[&str], &str))| {
        let reads: Vec<String> = reads.iter().enumerate().map(|(index, table)| format!("r{index}: {table}")).collect();
        let publish = if publishes.is_empty() { String::new() } else { format!(", publish: {{ database: d, table: {publishes} }}") };
        let steps = format!("[ transform: {{ sql: SELECT 1, references: {{ {} }} }}{publish} ]", reads.join(", "));
        format!("  - {{ name: s{index}, trigger: object, steps: {steps}, output: {{ zone: stage }} }}\n")
    };
    format!("team: t\ndataset: {dataset}\nstages:\n{}", stages.iter().enumerate().map(stage).collect::<String>())
}

fn together(texts: &[String]) -> Vec<String> {
    let files: Vec<_> = texts.iter().enumerate().map(|(index, text)| decode(&format!("{index}.yaml"), text, &NoFiles)).collect();
    brief(&check_together(&files.into_iter().map(|(file, _)| file).collect::<Vec<_>>()))
}

#[test]
fn crawlers_are_for_a_catalog_that_has_them() {
    let text = pipeline("a", &[(&[], "x")]).replace("database: d, table: x", "crawler: tables of t");
    let files = [decode("0.yaml", &text, &NoFiles).0];
    assert!(files[0].pipeline.is_some(), "{files:?}");
    assert_eq!(check_catalog(&files, &CatalogAddress::Glue("lake_".into())), []);
    let said = brief(&check_catalog(&files, &CatalogAddress::Local("/lake/catalog".into())));
    let expected = "0.yaml:4:111: `tables of t` is a crawler of AWS Glue, and the table catalog is local:/lake/catalog — name a `database` and a `table` instead, or set `catalog: glue://` in lakegate.yaml";
    assert_eq!(said, [expected]);
}

#[test]
fn one_thing_is_declared_once() {
    let twice = together(&[pipeline("a", &[(&[], "x")]), pipeline("a", &[(&[], "y")])]);
    assert_eq!(
        twice,
        ["1.yaml:2:10: dataset t/a has a pipeline already, in 0.yaml — put the stages of both into one file, or rename one dataset"]
    );
    let table = together(&[pipeline("a", &[(&[], "x")]), pipeline("b", &[(&[], "x")])]);
    assert_eq!(table.len(), 1);
    assert!(table.concat().contains("table d.x is published by t/a already — a table belongs to one dataset"), "{table:?}");
    let zones = together(&[pipeline("a", &[(&[], "x"), (&[], "x")]).replacen("zone: stage", "zone: analytics", 1)]);
    assert!(zones.concat().contains("table d.x is published to the analytics zone already, by stage `s0`"), "{zones:?}");
    let routed = |dataset: &str| format!("{}routes: [ {{ prefix: inbox/, suffix: .csv }} ]\n", pipeline(dataset, &[(&[], "")]));
    assert_eq!(together(&[routed("a"), routed("b")]).len(), 1);
}

#[test]
fn a_reference_is_to_a_table_that_somebody_publishes() {
    let said = together(&[pipeline("a", &[(&["d.arlines"], "")]), pipeline("b", &[(&[], "airlines")])]);
    assert_eq!(said, ["0.yaml:4:89: no pipeline of this project publishes table d.arlines — did you mean `d.airlines`?"]);
    let none = together(&[pipeline("a", &[(&["d.x"], "")])]);
    assert!(none.concat().ends_with("no pipeline here publishes a table"), "{none:?}");
    // A file that can't be read may publish it.
    assert_eq!(together(&[pipeline("a", &[(&["d.x"], "")]), "team: [".into()]), Vec::<String>::new());
}

#[test]
fn pipelines_that_would_wait_for_each_other_for_ever_are_named() {
    let two = together(&[pipeline("a", &[(&["d.y"], "x")]), pipeline("b", &[(&["d.x"], "y")])]);
    assert_eq!(
        two,
        [
            "0.yaml:4:89: a cycle of references: t/a reads d.y of t/b, which reads d.x of t/a — each would wait for the other for ever; drop one of the \
             references"
        ]
    );
    let three = together(&[
        pipeline("a", &[(&["d.y"], "x")]),
        pipeline("b", &[(&[], ""), (&["d.z"], "y")]),
        pipeline("c", &[(&["d.x"], ""), (&[], "z")]),
    ]);
    assert!(three.concat().contains("t/a reads d.y of t/b, which reads d.z of t/c, which reads d.x of t/a"), "{three:?}");
    for own in [pipeline("a", &[(&["d.x"], "x")]), pipeline("a", &[(&["d.x"], ""), (&[], "x")])] {
        let said = together(&[own]);
        assert!(said.concat().contains("t/a reads d.x, which only this stage or one after it publishes"), "{said:?}");
    }
}

#[test]
fn reading_what_is_published_before_is_no_cycle() {
    assert_eq!(together(&[pipeline("a", &[(&[], "x"), (&["d.x"], "")])]), Vec::<String>::new());
    let crossed = [pipeline("a", &[(&[], "x"), (&["d.y"], "x2")]), pipeline("b", &[(&["d.x"], "y")])];
    assert_eq!(together(&crossed), Vec::<String>::new());
}
