//! Audits in pipeline files, and what is said about them.

use std::time::Duration;

use super::{
    decode,
    tests::{Files, GOOD, expect_said},
};
use crate::{
    pipeline::{Composites, OnFailure, Pipeline, Quality, Ruleset, Scope, Step},
    table::TableId,
};

const BROKEN: &[(&str, &str, &[&str])] = &[
    (
        "- publish:",
        "- quality: { rules: quality/monthly.dql }\n      - publish:",
        &["35:27+19 rules file `quality/monthly.dql` does not exist — did you mean `quality/monthly.dqdl`?"],
    ),
    ("- publish:", "- quality: {}\n      - publish:", &["35:18+2 missing key `rules`"]),
    (
        "- publish:",
        "- quality: { rules: quality/monthly.dqdl, on_failure: quarantine }\n      - publish:",
        &["35:61+10 `on_failure` must be `block`, `warn` or `quarantine_rows`, but is `quarantine`"],
    ),
    (
        "- publish:",
        "- quality: { rules: quality/monthly.dqdl, composites: rows }\n      - publish:",
        &["35:61+4 `composites` must be `dataset` or `row`, but is `rows` — did you mean `row`?"],
    ),
    (
        "- publish:",
        "- quality: { rules: quality/monthly.dqdl, references: { primary: nyc.airlines } }\n      - publish:",
        &["35:63+7 a reference can't be called `primary`: that is the data the rules are about — choose another name"],
    ),
    (
        "- publish:",
        "- quality: { rules: quality/monthly.dqdl }\n      - quality: { rules: quality/monthly.dqdl }\n      - publish:",
        &[
            "36:9+40 a stage has one `quality` step, and this is a second one — put all rules into the ruleset of the first one; those that only warn end \
              with `with level = \"warn\"`",
        ],
    ),
    (
        "      - job:",
        "      - quality: { rules: quality/monthly.dqdl }\n      - job:",
        &["29:9+40 `quality` audits what the stage wrote, so nothing may change it afterwards — move it below the transforms and jobs"],
    ),
    (
        "    output: { zone: analytics }",
        "      - quality: { rules: quality/monthly.dqdl }\n    output: { zone: analytics }",
        &["35:9+73 `publish` must be the last step but `notify` — move it below the others"],
    ),
    (
        "- publish:",
        "- quality: { rules: quality/monthly.dqdl, scope: tables }\n      - publish:",
        &["35:56+6 `scope` must be `output` or `table`, but is `tables` — did you mean `table`?"],
    ),
    (
        "- publish:",
        "- quality: { rules: quality/monthly.dqdl, scope: table, on_failure: quarantine_rows }\n      - publish:",
        &[
            "35:75+15 rules about the whole table can't set rows aside: some of them have been published — write `on_failure: block` or `warn`, or leave out `scope`",
        ],
    ),
    (
        "- drop_nulls",
        "- drop_nulls\n      - quality: { rules: quality/monthly.dqdl, scope: table }",
        &[
            "24:9+54 `scope: table` is about the table that the stage publishes to, and it has no `publish` step — add a `publish` step, or leave out `scope`",
        ],
    ),
    (
        "- drop_nulls",
        "- drop_nulls\n      - quality: { rules: quality/monthly.dqdl, references: { airlines: nyc.carriers } }",
        &["24:9+80 `airlines` is table nyc.airlines in a step before, and nyc.carriers here — give one of them another name"],
    ),
];

#[test]
fn what_is_wrong_with_an_audit_is_said_where_it_is() {
    expect_said(BROKEN);
}

#[test]
fn a_table_that_is_audited_as_a_whole_has_one_stage_that_publishes_to_it() {
    let two = |scope: &str| {
        let stage = |name: &str, scope: &str| {
            format!(
                "  - name: {name}\n    trigger: object\n    steps:\n      - quality: {{ rules: quality/monthly.dqdl{scope} }}\n      - publish: {{ \
                 database: nyc, table: t }}\n    output: {{ zone: analytics }}\n"
            )
        };
        let text = format!("team: nyc\ndataset: flights\nstages:\n{}{}", stage("a", ""), stage("b", scope));
        decode("p.yaml", &text, &Files).1.into_iter().map(|found| found.message).collect::<Vec<_>>()
    };
    assert_eq!(two(""), [] as [String; 0]);
    let [said] = &two(", scope: table")[..] else { panic!("one complaint") };
    assert_eq!(said, "stages `a` and `b` publish `nyc.t`, and an audit of the whole of it would not see what the other adds meanwhile");
}

#[test]
fn a_stage_that_audits_is_staged_and_its_rules_are_part_of_its_version() {
    let step = "- quality: { rules: ./quality/monthly.dqdl, on_failure: quarantine_rows, composites: row, references: { lines: nyc.airlines }, timeout: 5m }";
    let text = GOOD.replace("- publish:", &format!("{step}\n      - publish:"));
    let (read, found) = decode("p.yaml", &text, &Files);
    assert_eq!(found, []);
    let pipeline = read.pipeline.unwrap();
    let quality = Quality {
        rules: Ruleset { text: "Rules = [ RowCount > 0 ]\n".into(), file: "quality/monthly.dqdl".into(), looks_back: None },
        on_failure: OnFailure::QuarantineRows,
        scope: Scope::Output,
        composites: Composites::Row,
        references: [("lines".into(), TableId::new("nyc", "airlines"))].into(),
        timeout: Duration::from_secs(300),
    };
    let stage = &pipeline.stages[1];
    assert_eq!(stage.quality(), Some(&quality));
    assert_eq!(stage.references().into_keys().collect::<Vec<_>>(), ["lines"]);
    assert_eq!(stage.timeout(), Duration::from_secs(3900));
    assert_eq!(read.references.len(), 2, "{:?}", read.references);
    let stored = serde_json::to_string(&pipeline).unwrap();
    assert_eq!(serde_json::from_str::<Pipeline>(&stored).unwrap(), pipeline);
    let mut mended = pipeline.clone();
    mended.stages[1].steps[1] =
        Step::Quality(Quality { rules: Ruleset { text: "Rules = [ RowCount > 1 ]".into(), ..quality.rules }, ..quality });
    assert_ne!(mended.digest(), pipeline.digest(), "other rules are another version");

    let of_table = GOOD.replace("- publish:", "- quality: { rules: quality/monthly.dqdl, scope: table }\n      - publish:");
    let of_table = decode("p.yaml", &of_table, &Files).0.pipeline.unwrap();
    assert!(of_table.stages[1].audits_table() && !of_table.stages[0].audits_table() && !pipeline.stages[1].audits_table());
    let Step::Quality(quality) = &mended.stages[1].steps[1] else { panic!("an audit") };
    let by_dataset = Quality { composites: Composites::Dataset, ..quality.clone() };
    let stored = serde_json::to_value(&by_dataset).unwrap();
    assert!(stored.get("composites").is_none(), "versions from before stay what they are: {stored}");
    mended.stages[1].steps[1] = Step::Quality(by_dataset);
    let other = mended.digest();
    mended.stages[1].steps[1] = Step::Quality(serde_json::from_value(stored).unwrap());
    assert_eq!(mended.digest(), other);

    let object =
        GOOD.replace("drift: freeze\n", "").replace("- drop_nulls", "- drop_nulls\n      - quality: { rules: quality/monthly.dqdl }");
    let pipeline = decode("p.yaml", &object, &Files).0.pipeline.unwrap();
    assert!(pipeline.stages[0].is_staged(pipeline.drift), "an object stage too, though it publishes nothing");
}
