//! What is wrong with a pipeline file is said where it is: changes to a good one, and what is said of each.

use super::tests::expect_said;

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

#[test]
fn what_is_wrong_is_said_where_it_is() {
    expect_said(BROKEN);
}
