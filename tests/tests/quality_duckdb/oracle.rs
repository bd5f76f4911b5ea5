//! DuckDB, which has to come to the same numbers by its own ways, and the generator of TPC-H.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

use lakegate_tests::kit::python::python_with;
use serde_json::{Value, json};

const PACKAGES: &[&str] = &["duckdb==1.4.5", "tpchgen-cli==4.0.0"];

/// Reads statements and queries as JSON, and answers each query with its rows as a list of lists.
/// JSON has no numbers that are not finite: those are strings.
const SERVE: &str = "
import datetime, decimal, duckdb, json, math, sys
db = duckdb.connect()
db.execute(\"SET TimeZone = 'UTC'\")
# A bar for a query that takes long would be written among the answers.
db.execute('SET enable_progress_bar = false')
def plain(value):
    if isinstance(value, decimal.Decimal):
        return float(value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    return value
told = json.load(sys.stdin)
for statement in told['statements']:
    db.execute(statement)
answers = []
for query in told['queries']:
    try:
        answers.append([plain(row) for row in db.execute(query).fetchall()])
    except Exception as error:
        raise SystemExit(query + chr(10) + str(error))
json.dump(answers, sys.stdout, default=str)
";

/// Runs statements, then answers each query with its rows.
pub(crate) fn ask(statements: &[String], queries: &[String]) -> Vec<Vec<Vec<Value>>> {
    let mut child = Command::new(python())
        .args(["-c", SERVE])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("Python can be run");
    let told = json!({ "statements": statements, "queries": queries }).to_string();
    let mut input = child.stdin.take().expect("its input is piped");
    let write = std::thread::spawn(move || input.write_all(told.as_bytes()));
    let answer = child.wait_with_output().expect("Python answers");
    assert!(answer.status.success(), "DuckDB refused {}", String::from_utf8_lossy(&answer.stderr));
    write.join().expect("the writer ends").expect("Python reads the queries");
    let answers: Vec<Vec<Vec<Value>>> = serde_json::from_slice(&answer.stdout).expect("the answer is JSON");
    assert_eq!(answers.len(), queries.len());
    answers
}

/// The one value of each query.
pub(crate) fn values(statements: &[String], queries: &[String]) -> Vec<Value> {
    ask(statements, queries).into_iter().map(|mut rows| rows.swap_remove(0).swap_remove(0)).collect()
}

/// A number; `None` for null.
pub(crate) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Null => None,
        Value::Bool(truth) => Some(f64::from(u8::from(*truth))),
        Value::Number(number) => number.as_f64(),
        Value::String(text) => Some(text.parse().unwrap_or_else(|_| panic!("{text:?} is no number"))),
        other => panic!("{other} is no number"),
    }
}

/// Writes the tables of TPC-H as Parquet.
pub(crate) fn make_tpch(folder: &Path) {
    let status = Command::new(python().with_file_name("tpchgen-cli"))
        .args(["parquet", "--quiet", "--scale-factor", "0.01", "--output-dir"])
        .arg(folder)
        .status()
        .expect("the generator can be run");
    assert!(status.success(), "the generator of TPC-H failed");
}

fn python() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(|| python_with("quality", PACKAGES))
}
