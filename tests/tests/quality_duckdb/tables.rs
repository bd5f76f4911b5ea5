//! The tables: the flights, TPC-H, and files with all that is odd, written by DuckDB.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use lakegate_tests::kit::binary::workspace;
use tempfile::TempDir;

use super::oracle;

/// A table as both sides read it.
#[derive(Clone)]
pub(crate) struct Table {
    /// What the command is given.
    pub(crate) paths: Vec<PathBuf>,
    /// What makes it the table `t` in DuckDB, which reads the files once for all queries.
    pub(crate) made: String,
}

impl Table {
    fn of(paths: Vec<PathBuf>, select: &str) -> Table {
        Table { paths, made: format!("CREATE TABLE t AS {select}") }
    }

    fn of_file(path: PathBuf) -> Table {
        let select = format!("SELECT * FROM '{}'", path.display());
        Table::of(vec![path], &select)
    }
}

/// A folder that is made once and for all tests.
fn folder() -> &'static Path {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    FOLDER.get_or_init(|| tempfile::Builder::new().prefix("lakegate-quality-").tempdir().expect("a scratch folder")).path()
}

/// Makes a table's files once, by statements of DuckDB in which `$` is the folder.
fn made(once: &'static OnceLock<PathBuf>, name: &str, statements: &[&str]) -> PathBuf {
    once.get_or_init(|| {
        let made = folder().join(name);
        fs::create_dir_all(&made).expect("a folder for a table");
        let statements: Vec<String> = statements.iter().map(|statement| statement.replace('$', &made.display().to_string())).collect();
        oracle::ask(&statements, &[]);
        made
    })
    .clone()
}

/// Numbers, strings and times with everything odd: nulls, NaN, infinities, negative zero, empty
/// strings and white space, in three files with several row groups.
pub(crate) fn odd() -> Table {
    static ONCE: OnceLock<PathBuf> = OnceLock::new();
    const SELECT: &str = "
        SELECT i AS id,
            CASE WHEN i % 7 = 0 THEN NULL ELSE ((i * 7919) % 2003)::DOUBLE / 8 - 100 END AS num,
            CASE i % 11 WHEN 0 THEN NULL WHEN 1 THEN 'nan'::DOUBLE WHEN 2 THEN 'inf'::DOUBLE WHEN 3 THEN '-inf'::DOUBLE
                ELSE (i % 13)::DOUBLE END AS odd,
            CASE i % 5 WHEN 0 THEN 0.0::DOUBLE WHEN 1 THEN '-0.0'::DOUBLE WHEN 2 THEN NULL ELSE i::DOUBLE END AS zero,
            CASE WHEN i % 10 = 9 THEN NULL ELSE (i % 9)::INTEGER END AS small,
            CASE WHEN i % 17 = 3 THEN NULL ELSE (i * 1000003) % 500 - 250 END AS key,
            9007199254740992 - i % 3 AS large, 1700000000000000 + (i * 7919) % 1009 AS micros,
            (i % 200)::UTINYINT AS tiny,
            CASE i % 8 WHEN 0 THEN NULL WHEN 1 THEN '' WHEN 2 THEN '   ' WHEN 3 THEN 'abc' WHEN 4 THEN 'Übergröße'
                WHEN 5 THEN 'a''b\"c\\d' WHEN 6 THEN 'x' || (i % 40) ELSE 'ABC' END AS text,
            CASE WHEN i % 6 = 0 THEN NULL ELSE i % 4 = 1 END AS flag,
            CASE WHEN i % 9 = 4 THEN NULL ELSE DATE '2024-01-01' + (i % 400)::INTEGER END AS day,
            CASE WHEN i % 12 = 5 THEN NULL ELSE TIMESTAMP '2024-03-01 12:00:00' + to_seconds(i * 37) END AS moment,
            CASE WHEN i % 4 = 3 THEN NULL ELSE ((i * 31) % 1000)::DECIMAL(12, 2) / 4 END::DECIMAL(12, 2) AS price,
            CASE i % 6 WHEN 0 THEN NULL WHEN 1 THEN '12' WHEN 2 THEN '-3.50' WHEN 3 THEN '1e3' WHEN 4 THEN 'n/a' ELSE '2024-02-30' END AS mixed,
            CASE WHEN i % 3 = 0 THEN NULL ELSE (i % 50)::VARCHAR END AS digits,
            NULL::DOUBLE AS nothing, NULL::VARCHAR AS no_text,
            42 AS constant,
            'row ' || i AS name,
            i % 3 = 0 OR NULL AS seldom,
            5 - (i % 2) AS high, i % 5 AS low
        FROM range(6000) AS numbers(i)";
    let write = |from: u32, to: u32, file: &str| {
        format!(
            "COPY (SELECT * FROM ({SELECT}) WHERE id >= {from} AND id < {to}) TO '$/{file}.parquet' (FORMAT parquet, ROW_GROUP_SIZE 2048)"
        )
    };
    let statements = [write(0, 2500, "a"), write(2500, 5999, "b"), write(5999, 6000, "c")];
    let statements: Vec<&str> = statements.iter().map(String::as_str).collect();
    let made = made(&ONCE, "odd", &statements);
    let select = format!("SELECT * FROM read_parquet('{}/*.parquet')", made.display());
    Table::of(vec![made], &select)
}

/// The same values as text: a CSV file, of which empty fields are null and quoted ones empty.
pub(crate) fn odd_csv() -> Table {
    static ONCE: OnceLock<PathBuf> = OnceLock::new();
    let columns = "id, num, small, key, large, text, flag, day, moment, price, mixed, digits, constant, name, high, low";
    let source = odd().made;
    let copy = format!("COPY (SELECT {columns} FROM t ORDER BY id) TO '$/odd.csv' (HEADER)");
    let made = made(&ONCE, "odd-csv", &[&source, &copy]);
    let file = made.join("odd.csv");
    let select = format!("SELECT * FROM read_csv('{}', sample_size = -1, allow_quoted_nulls = false)", file.display());
    Table::of(vec![file], &select)
}

/// The same as JSON, an object a line.
pub(crate) fn odd_json() -> Table {
    static ONCE: OnceLock<PathBuf> = OnceLock::new();
    let columns = "id, num, small, key, text, flag, price::DOUBLE AS price, mixed, digits, constant, name, high, low";
    let source = odd().made;
    let copy = format!("COPY (SELECT {columns} FROM t ORDER BY id) TO '$/odd.ndjson' (FORMAT json)");
    let made = made(&ONCE, "odd-json", &[&source, &copy]);
    let file = made.join("odd.ndjson");
    let select = format!("SELECT * FROM read_json('{}', sample_size = -1)", file.display());
    Table::of(vec![file], &select)
}

/// Structs and lists.
pub(crate) fn nested() -> Table {
    static ONCE: OnceLock<PathBuf> = OnceLock::new();
    let made = made(
        &ONCE,
        "nested",
        &["COPY (
            SELECT i AS id,
                CASE WHEN i % 5 = 0 THEN NULL ELSE {'a': CASE WHEN i % 3 = 0 THEN NULL ELSE i END, 'b': 'v' || (i % 4)} END AS info,
                CASE WHEN i % 4 = 0 THEN NULL ELSE [i, i + 1] END AS list
            FROM range(1000) AS numbers(i)
        ) TO '$/nested.parquet' (FORMAT parquet)"],
    );
    Table::of_file(made.join("nested.parquet"))
}

/// No rows.
pub(crate) fn empty() -> Table {
    static ONCE: OnceLock<PathBuf> = OnceLock::new();
    let statement = "COPY (SELECT 1 AS n, 'a' AS s, DATE '2024-01-01' AS d WHERE false) TO '$/empty.parquet' (FORMAT parquet)";
    Table::of_file(made(&ONCE, "empty", &[statement]).join("empty.parquet"))
}

/// 2,000 columns, `c0` with 50 rows without null and each further one with one more null.
pub(crate) fn wide() -> Table {
    static ONCE: OnceLock<PathBuf> = OnceLock::new();
    let columns: Vec<String> = (0..2000)
        .map(|column| format!("CASE WHEN i < {} THEN NULL ELSE (i * {}) % 101 END AS c{column}", column % 50, column + 1))
        .collect();
    let statement = format!("COPY (SELECT {} FROM range(50) AS numbers(i)) TO '$/wide.parquet' (FORMAT parquet)", columns.join(", "));
    Table::of_file(made(&ONCE, "wide", &[&statement]).join("wide.parquet"))
}

/// Three months of the flights of the example, as their files lie there.
pub(crate) fn flights() -> Table {
    let folder = workspace().join("examples/nyc-flights/data/nyc/flights/2013");
    let files = ["02", "07", "12"].map(|month| folder.join(format!("{month}.csv.gz")));
    let names: Vec<String> = files.iter().map(|file| format!("'{}'", file.display())).collect();
    let select = format!("SELECT * FROM read_csv([{}], sample_size = -1)", names.join(", "));
    Table::of(files.to_vec(), &select)
}

/// A file of the example beside the flights.
pub(crate) fn example(file: &str) -> Table {
    let path = workspace().join("examples/nyc-flights/data/nyc").join(file);
    let select = format!("SELECT * FROM read_csv('{}', sample_size = -1)", path.display());
    Table::of(vec![path], &select)
}

/// A table of TPC-H at a hundredth of its first scale.
pub(crate) fn tpch(table: &str) -> Table {
    static ONCE: OnceLock<PathBuf> = OnceLock::new();
    let made = ONCE.get_or_init(|| {
        let made = folder().join("tpch");
        fs::create_dir_all(&made).expect("a folder for TPC-H");
        oracle::make_tpch(&made);
        made
    });
    Table::of_file(made.join(format!("{table}.parquet")))
}

/// A table of a query over another one, which is `t` in it.
pub(crate) fn derived(name: &str, from: &Table, select: &str) -> Table {
    let path = folder().join(format!("{name}.parquet"));
    oracle::ask(&[from.made.clone(), format!("COPY ({select}) TO '{}' (FORMAT parquet)", path.display())], &[]);
    Table::of_file(path)
}

/// A file with this text, below the folder of all tables.
pub(crate) fn file(name: &str, text: &[u8]) -> PathBuf {
    let path = folder().join(name);
    fs::create_dir_all(path.parent().expect("a file is in a folder")).expect("a folder for a file");
    fs::write(&path, text).expect("the scratch folder can be written");
    path
}
