//! DuckDB as the independent reader of what Lakegate wrote.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

use serde_json::Value;

use super::python::python_with;

const PACKAGE: &str = "duckdb==1.4.5";

/// Reads queries, separated by form feeds, and answers each with a JSON array of rows.
const SERVE: &str = "
import duckdb, json, sys
db = duckdb.connect()
db.execute(\"SET TimeZone = 'UTC'\")
# A bar for a query that takes long would be written among the answers.
db.execute('SET enable_progress_bar = false')
answers = []
for query in sys.stdin.read().split('\\f'):
    cursor = db.execute(query)
    names = [column[0] for column in cursor.description]
    answers.append([dict(zip(names, row)) for row in cursor.fetchall()])
json.dump(answers, sys.stdout, default=str)
";

/// The rows of a query, each a JSON object by column name. Numbers and texts stay what they are;
/// dates, times and decimals become text.
///
/// # Panics
/// If DuckDB refuses the query.
pub fn query(sql: &str) -> Vec<Value> {
    let mut child = Command::new(python())
        .args(["-c", SERVE])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("Python can be run");
    child.stdin.take().expect("its input is piped").write_all(sql.as_bytes()).expect("Python reads the query");
    let answer = child.wait_with_output().expect("Python answers");
    assert!(answer.status.success(), "DuckDB refused {sql}\n{}", String::from_utf8_lossy(&answer.stderr));
    let mut answers: Vec<Vec<Value>> = serde_json::from_slice(&answer.stdout).expect("the answer is JSON");
    answers.pop().expect("one query has one answer")
}

/// A DuckDB table expression for all Parquet files below a folder, Hive partitions included.
pub fn parquet_below(folder: &Path) -> String {
    format!("read_parquet('{}/**/*.parquet', hive_partitioning = true, union_by_name = true)", quoted(folder))
}

/// A DuckDB table expression for exactly these Parquet files.
pub fn parquet_files(files: &[PathBuf]) -> String {
    let list: Vec<String> = files.iter().map(|file| format!("'{}'", quoted(file))).collect();
    format!("read_parquet([{}], hive_partitioning = true, union_by_name = true)", list.join(", "))
}

/// A path for inside of a SQL text that DuckDB will read as a glob.
fn quoted(path: &Path) -> String {
    let plain = path.to_str().expect("test paths are UTF-8");
    plain.chars().fold(String::new(), |text, c| match c {
        '\'' => text + "''",
        '*' | '?' | '[' => format!("{text}[{c}]"),
        _ => format!("{text}{c}"),
    })
}

fn python() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(|| python_with("duckdb", &[PACKAGE]))
}
