use super::*;

fn check(text: &str) -> Result<(), Failure> {
    check_sql(&Sql { text: text.to_owned(), file: Some("transforms/t.sql".to_owned()) }, &["airlines"])
}

#[test]
fn queries_over_what_is_declared_are_let_in() {
    for text in [
        "SELECT * FROM input",
        "SELECT i.a, l.name FROM input i JOIN airlines AS l ON i.a = l.a;",
        "WITH t AS (SELECT a FROM input), u AS (SELECT * FROM t) SELECT * FROM u UNION ALL SELECT a FROM t",
        "SELECT * FROM (SELECT a FROM input WHERE a IN (SELECT a FROM airlines)) x",
        "SELECT 'read_csv(''/etc/passwd'')' AS a FROM input",
        "VALUES (1, 2)",
    ] {
        assert_eq!(check(text), Ok(()), "{text}");
    }
}

#[test]
fn everything_else_is_refused() {
    for text in [
        "",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM READ_PARQUET('x')",
        "SELECT * FROM input, read_ndjson('x')",
        "SELECT * FROM input WHERE a IN (SELECT a FROM read_csv('x'))",
        "SELECT (SELECT MAX(a) FROM read_csv('x')) FROM input",
        "WITH t AS (SELECT * FROM read_csv('x')) SELECT * FROM t",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM \"/etc/passwd\"",
        "SELECT * FROM nyc.airlines",
        "SELECT * FROM input.airlines",
        "SELECT * FROM inptu",
        "SELECT * INTO t FROM input",
        "SELECT * FROM input; SELECT 1",
        "CREATE TABLE t AS SELECT * FROM input",
        "DROP TABLE input",
        "DELETE FROM input",
        "TRUNCATE input",
        "EXPLAIN SELECT * FROM input",
        "SHOW TABLES",
        "COPY input TO '/tmp/x'",
        "WITH t AS (DELETE FROM input RETURNING *) SELECT * FROM t",
        "SELECT * FROM TABLE(read_csv('x'))",
        "SELECT a b c FROM input",
    ] {
        let refused = check(text);
        assert_eq!(refused.as_ref().map_err(|failure| failure.code), Err(FailureCode::InvalidPipeline), "{text}");
    }
}

#[test]
fn refusals_say_where_and_what_there_is() {
    let failure = check("SELECT *\nFROM inptu").unwrap_err();
    assert_eq!(failure.message, "transforms/t.sql:2:6: there is no table inptu here");
    assert_eq!(failure.hint, "did you mean input? There are: input, airlines; declare a published table under `references:` to read it");
    let failure = check("SELECT a,\n  b c d FROM input").unwrap_err();
    assert!(failure.message.starts_with("transforms/t.sql:2:7: "), "{failure}");
}

#[test]
fn no_query_hides_in_an_expression() {
    assert_eq!(check_expression("filter", "a > 1 AND UPPER(b) IN ('X')"), Ok(()));
    for text in ["a IN (SELECT a FROM read_csv('x'))", "EXISTS (SELECT 1)", "(SELECT 1)", "a >", "a; b", "a FROM input"] {
        assert!(check_expression("filter", text).is_err(), "{text}");
    }
}
