"""The sixteen checks of `cargo xtask bench quality` with other tools.

peers.py NAME FOLDER: exits with 0 if every check holds, with 1 if one does not. DuckDB also takes a file of text.
"""

import os
import sys

EMAIL = r"^[a-z0-9.]+@[a-z0-9.]+\.com$"
STATUSES = ["active", "inactive", "pending", "closed"]


def duckdb(folder):
    import duckdb

    connection = duckdb.connect()
    row = connection.execute(
        f"""
        select count(*), count(id), count(category), count(email), count(distinct id), count(distinct category),
               min(quantity), max(quantity), avg(amount), stddev_pop(amount),
               count(*) filter (status in ('active', 'inactive', 'pending', 'closed')),
               count(*) filter (amount >= 0), count(*) filter (price > 0),
               count(*) filter (regexp_matches(email, '{EMAIL}')),
               min(length(id)), max(length(id)), corr(price, discount)
        from {"'" + folder + "'" if os.path.isfile(folder) else f"read_parquet('{folder}/*.parquet')"}
        """
    ).fetchone()
    rows = row[0]
    return all(
        [
            rows > 0,
            row[1] == rows,
            row[2] == rows,
            row[3] == rows,
            row[4] == rows,
            row[5] < 11,
            row[6] > 0,
            row[7] < 101,
            4900 < row[8] < 5100,
            2800 < row[9] < 3000,
            row[10] == rows,
            row[11] == rows,
            row[12] == rows,
            row[13] == rows,
            row[14] == row[15] == 19,
            -0.1 < row[16] < 0.1,
        ]
    )


def pandera(folder):
    import pandera.polars as pa
    import polars as pl

    one = lambda expression: pa.Check(lambda data: data.lazyframe.select(expression(pl.col(data.key))))
    schema = pa.DataFrameSchema(
        {
            "id": pa.Column(str, [pa.Check.str_length(19, 19)], unique=True),
            "category": pa.Column(str, [one(lambda c: c.n_unique() < 11)]),
            "status": pa.Column(str, [pa.Check.isin(STATUSES)]),
            "email": pa.Column(str, [pa.Check.str_matches(EMAIL)]),
            "amount": pa.Column(
                float,
                [
                    pa.Check.ge(0),
                    one(lambda c: c.mean().is_between(4900, 5100)),
                    one(lambda c: c.std(0).is_between(2800, 3000)),
                ],
            ),
            "quantity": pa.Column(int, [one(lambda c: c.min() > 0), one(lambda c: c.max() < 101)]),
            "price": pa.Column(float, [pa.Check.gt(0)]),
        },
        checks=[
            pa.Check(lambda data: data.lazyframe.select(pl.len() > 0)),
            pa.Check(lambda data: data.lazyframe.select(pl.corr("price", "discount").abs() < 0.1)),
        ],
    )
    schema.validate(pl.read_parquet(folder), lazy=True)
    return True


def great_expectations(folder):
    import great_expectations as gx
    import pandas as pd

    context = gx.get_context(mode="ephemeral")
    asset = context.data_sources.add_pandas("files").add_dataframe_asset("table")
    batch = asset.add_batch_definition_whole_dataframe("whole")
    e = gx.expectations
    suite = gx.ExpectationSuite(
        "checks",
        [
            e.ExpectTableRowCountToBeBetween(min_value=1),
            e.ExpectColumnValuesToNotBeNull(column="id"),
            e.ExpectColumnValuesToNotBeNull(column="category"),
            e.ExpectColumnValuesToNotBeNull(column="email"),
            e.ExpectColumnValuesToBeUnique(column="id"),
            e.ExpectColumnUniqueValueCountToBeBetween(column="category", max_value=10),
            e.ExpectColumnMinToBeBetween(column="quantity", min_value=1),
            e.ExpectColumnMaxToBeBetween(column="quantity", max_value=100),
            e.ExpectColumnMeanToBeBetween(column="amount", min_value=4900, max_value=5100),
            e.ExpectColumnStdevToBeBetween(column="amount", min_value=2800, max_value=3000),
            e.ExpectColumnValuesToBeInSet(column="status", value_set=STATUSES),
            e.ExpectColumnValuesToBeBetween(column="amount", min_value=0),
            e.ExpectColumnValuesToBeBetween(column="price", min_value=0, strict_min=True),
            e.ExpectColumnValuesToMatchRegex(column="email", regex=EMAIL),
            e.ExpectColumnValueLengthsToEqual(column="id", value=19),
        ],
    )
    # It has nothing like a correlation; this is fifteen of the sixteen.
    frame = pd.read_parquet(folder)
    result = batch.get_batch({"dataframe": frame}).validate(suite)
    return result.success


def soda(folder):
    import duckdb
    from soda.scan import Scan

    connection = duckdb.connect()
    connection.execute(f"create view checked as select * from read_parquet('{folder}/*.parquet')")
    scan = Scan()
    scan.disable_telemetry() if hasattr(scan, "disable_telemetry") else None
    scan.add_duckdb_connection(connection)
    scan.set_data_source_name("duckdb")
    scan.add_sodacl_yaml_str(
        """
        checks for checked:
          - row_count > 0
          - missing_count(id) = 0
          - missing_count(category) = 0
          - missing_count(email) = 0
          - duplicate_count(id) = 0
          - categories < 11:
              categories expression: count(distinct category)
          - min(quantity) > 0
          - max(quantity) < 101
          - avg(amount) between 4900 and 5100
          - stddev_pop(amount) between 2800 and 3000
          - invalid_count(status) = 0:
              valid values: [active, inactive, pending, closed]
          - invalid_count(amount) = 0:
              valid min: 0
          - min(price) > 0
          - invalid_count(email) = 0:
              valid regex: ^[a-z0-9.]+@[a-z0-9.]+\\.com$
          - invalid_count(id) = 0:
              valid length: 19
          - correlation between -0.1 and 0.1:
              correlation expression: corr(price, discount)
        """
    )
    scan.execute()
    if scan.has_error_logs():
        raise SystemExit(scan.get_error_logs_text())
    return not scan.has_check_fails()


def pydeequ(folder):
    import os
    import pathlib

    os.environ["SPARK_VERSION"] = "3.5"
    from pydeequ.checks import Check, CheckLevel
    from pydeequ.verification import VerificationSuite
    from pyspark.sql import SparkSession

    jars = ",".join(str(jar) for jar in pathlib.Path(sys.prefix, "jars").glob("*.jar"))
    builder = SparkSession.builder.master("local[*]").config("spark.jars", jars).config("spark.driver.memory", "4g")
    spark = builder.config("spark.ui.enabled", "false").getOrCreate()
    check = (
        Check(spark, CheckLevel.Error, "checks")
        .hasSize(lambda rows: rows > 0)
        .isComplete("id")
        .isComplete("category")
        .isComplete("email")
        .isUnique("id")
        .hasNumberOfDistinctValues("category", lambda values: values < 11)
        .hasMin("quantity", lambda least: least > 0)
        .hasMax("quantity", lambda greatest: greatest < 101)
        .hasMean("amount", lambda mean: 4900 < mean < 5100)
        .hasStandardDeviation("amount", lambda deviation: 2800 < deviation < 3000)
        .isContainedIn("status", STATUSES)
        .isNonNegative("amount")
        .isPositive("price")
        .hasPattern("email", EMAIL, lambda share: share == 1)
        .hasMinLength("id", lambda shortest: shortest == 19)
        .hasMaxLength("id", lambda longest: longest == 19)
        .hasCorrelation("price", "discount", lambda correlation: -0.1 < correlation < 0.1)
    )
    result = VerificationSuite(spark).onData(spark.read.parquet(folder)).addCheck(check).run()
    holds = result.status == "Success"
    # What Java took counts only once this process has waited for it.
    gateway = spark.sparkContext._gateway
    spark.stop()
    gateway.shutdown_callback_server()
    gateway.shutdown()
    gateway.proc.stdin.close()
    gateway.proc.wait()
    return holds


PEERS = {
    "duckdb": duckdb,
    "pandera": pandera,
    "great_expectations": great_expectations,
    "soda": soda,
    "pydeequ": pydeequ,
}

if __name__ == "__main__":
    sys.exit(0 if PEERS[sys.argv[1]](sys.argv[2]) else 1)
