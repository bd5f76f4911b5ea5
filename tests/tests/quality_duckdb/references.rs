//! Rules that compare with other tables.

use super::{
    check::{RowRule, Statistic, assert_statistics},
    tables::{self, Table},
};

fn tpch() -> [Table; 4] {
    ["orders", "customer", "lineitem", "nation"].map(tables::tpch)
}

#[test]
fn keys_that_others_have() {
    let [orders, customer, lineitem, nation] = tpch();
    let few = tables::derived("few_customers", &customer, "SELECT * FROM t WHERE c_custkey <= 700");

    let share = |column: &str, other: &str, key: &str| {
        Statistic::of(
            format!("ReferentialIntegrity \"{column}\" \"{other}.{{{key}}}\""),
            format!("SELECT count_if({column} IN (SELECT {key} FROM {other}))::DOUBLE / count(*) FROM t"),
        )
    };
    assert_statistics(
        &orders,
        &[share("o_custkey", "customer", "c_custkey"), share("o_custkey", "few", "c_custkey")],
        &[("customer", &customer), ("few", &few)],
    );
    assert_statistics(
        &lineitem,
        &[share("l_orderkey", "orders", "o_orderkey"), share("l_suppkey", "few", "c_custkey")],
        &[("orders", &orders), ("few", &few)],
    );
    assert_statistics(
        &customer,
        &[share("c_nationkey", "nation", "n_nationkey"), share("c_nationkey", "nation", "n_regionkey")],
        &[("nation", &nation)],
    );

    let of_row = [RowRule::of("ReferentialIntegrity \"o_custkey\" \"few.c_custkey\" = 1.0", "o_custkey IN (SELECT c_custkey FROM few)")];
    let failing = super::oracle::values(
        &[orders.made.clone(), few.made.replacen("TABLE t", "TABLE few", 1)],
        &["SELECT count(*) FROM t WHERE o_custkey NOT IN (SELECT c_custkey FROM few)".to_owned()],
    );
    assert!(failing[0].as_u64().is_some_and(|failing| failing > 0), "{failing:?}");
    let evaluation =
        super::command::run_with_rows(&orders, &of_row.iter().map(|rule| rule.rule.clone()).collect::<Vec<_>>(), &[("few", &few)]);
    let told = evaluation.rule(0).text().replace('\'', "''");
    let found = super::oracle::values(
        &[],
        &[format!(
            "SELECT count(*) FROM read_parquet('{}') WHERE list_contains(DataQualityRulesFail, '{told}')",
            evaluation.rows().display()
        )],
    );
    assert_eq!(found, failing);
}

#[test]
fn keys_of_several_columns() {
    let (lineitem, partsupp) = (tables::tpch("lineitem"), tables::tpch("partsupp"));
    let share = Statistic::of(
        "ReferentialIntegrity \"l_partkey,l_suppkey\" \"partsupp.{ps_partkey,ps_suppkey}\"",
        "SELECT count_if((l_partkey, l_suppkey) IN (SELECT (ps_partkey, ps_suppkey) FROM partsupp))::DOUBLE / count(*) FROM t",
    );
    assert_statistics(&lineitem, &[share], &[("partsupp", &partsupp)]);
}

#[test]
fn null_keys_have_no_match() {
    let odd = tables::odd();
    let share = Statistic::of(
        "ReferentialIntegrity \"key\" \"other.{key}\"",
        "SELECT count_if(coalesce(key IN (SELECT key FROM other WHERE key IS NOT NULL), false))::DOUBLE / count(*) FROM t",
    );
    assert_statistics(&odd, &[share], &[("other", &odd)]);
}

#[test]
fn rows_and_columns_of_two_tables() {
    let [orders, customer, lineitem, nation] = tpch();
    assert_statistics(
        &lineitem,
        &[
            Statistic::of("RowCountMatch \"orders\"", "SELECT (SELECT count(*) FROM t)::DOUBLE / (SELECT count(*) FROM orders)"),
            Statistic::of(
                "AggregateMatch \"sum(l_orderkey)\" \"sum(orders.o_orderkey)\"",
                "SELECT (SELECT sum(l_orderkey) FROM t)::DOUBLE / (SELECT sum(o_orderkey) FROM orders)",
            ),
            Statistic::of(
                "AggregateMatch \"avg(l_extendedprice)\" \"avg(orders.o_totalprice)\"",
                "SELECT (SELECT avg(l_extendedprice) FROM t)::DOUBLE / (SELECT avg(o_totalprice) FROM orders)",
            ),
        ],
        &[("orders", &orders)],
    );
    assert_statistics(
        &customer,
        &[
            Statistic::of("RowCountMatch \"nation\"", "SELECT (SELECT count(*) FROM t)::DOUBLE / (SELECT count(*) FROM nation)"),
            // Another number of columns is no match at all.
            Statistic::of("SchemaMatch \"nation\"", "SELECT 0"),
            Statistic::of("SchemaMatch \"same\"", "SELECT 1"),
        ],
        &[("nation", &nation), ("same", &customer)],
    );
}

#[test]
fn rows_equal_to_others() {
    let customer = tables::tpch("customer");
    let change = "SELECT c_custkey AS id, CASE WHEN c_custkey % 10 = 3 THEN 'x' ELSE c_name END AS name,
        CASE WHEN c_custkey % 15 = 1 THEN NULL ELSE c_acctbal END AS balance FROM t WHERE c_custkey % 20 <> 7";
    let changed = tables::derived("changed_customers", &customer, change);
    let equal =
        |condition: &str| format!("SELECT count_if({condition})::DOUBLE / (SELECT count(*) FROM t) FROM t JOIN changed ON c_custkey = id");
    assert_statistics(
        &customer,
        &[
            Statistic::of("DatasetMatch \"changed\" \"c_custkey->id\" \"c_name->name\"", equal("c_name = name")),
            Statistic::of(
                "DatasetMatch \"changed\" \"c_custkey->id\" \"c_name->name,c_acctbal->balance\"",
                equal("c_name = name AND c_acctbal IS NOT DISTINCT FROM balance"),
            ),
        ],
        &[("changed", &changed)],
    );
}

#[test]
fn queries_over_both() {
    let [orders, customer, ..] = tpch();
    let statistic = |sql: &str| Statistic::of(format!("CustomSql \"{sql}\""), sql.replace("primary", "t"));
    assert_statistics(
        &orders,
        &[
            statistic("select count(*) from primary"),
            statistic("select avg(o_custkey) from primary where o_orderstatus = 'F'"),
            statistic("select count(*) from primary join customer on o_custkey = c_custkey where c_nationkey = 3"),
            statistic("select count(distinct o_clerk) from primary"),
        ],
        &[("customer", &customer)],
    );
}

#[test]
fn distances_of_distributions() {
    let lineitem = tables::tpch("lineitem");
    let partsupp = tables::tpch("partsupp");
    let ks = |ours: &str, theirs: &str| {
        format!(
            "WITH p AS (SELECT {ours}::DOUBLE AS v FROM t WHERE {ours} IS NOT NULL), q AS (SELECT {theirs}::DOUBLE AS v FROM other WHERE {theirs} IS NOT NULL),
             points AS (SELECT v FROM p UNION SELECT v FROM q),
             steps AS (SELECT points.v, (SELECT count(*) FROM p) AS np, (SELECT count(*) FROM q) AS nq,
                 sum(coalesce(cp.n, 0)) OVER (ORDER BY points.v) AS bp, sum(coalesce(cq.n, 0)) OVER (ORDER BY points.v) AS bq
               FROM points LEFT JOIN (SELECT v, count(*) AS n FROM p GROUP BY v) AS cp USING (v) LEFT JOIN (SELECT v, count(*) AS n FROM q GROUP BY v) AS cq USING (v))
             SELECT max(abs(bp::DOUBLE / np - bq::DOUBLE / nq)) FROM steps"
        )
    };
    let classes = |ours: &str, theirs: &str, term: &str| {
        format!(
            "WITH p AS (SELECT {ours} AS v, count(*)::DOUBLE / sum(count(*)) OVER () AS p FROM t WHERE {ours} IS NOT NULL GROUP BY ALL),
             q AS (SELECT {theirs} AS v, count(*)::DOUBLE / sum(count(*)) OVER () AS q FROM other WHERE {theirs} IS NOT NULL GROUP BY ALL)
             SELECT sum({term}) FROM (SELECT coalesce(p, 0) AS p, coalesce(q, 0) AS q FROM p FULL JOIN q USING (v))"
        )
    };
    assert_statistics(
        &lineitem,
        &[
            Statistic::of("DistributionMatch \"l_quantity\" \"other.ps_availqty\" \"ks\"", ks("l_quantity", "ps_availqty")),
            Statistic::of("DistributionMatch \"l_partkey\" \"other.ps_partkey\" \"ks\"", ks("l_partkey", "ps_partkey")),
            Statistic::of("DistributionMatch \"l_suppkey\" \"other.ps_suppkey\" \"ks\"", ks("l_suppkey", "ps_suppkey")),
        ],
        &[("other", &partsupp)],
    );
    let (flights, orders) = (tables::flights(), tables::tpch("orders"));
    assert_statistics(
        &flights,
        &[
            Statistic::of(
                "DistributionMatch \"origin\" \"other.dest\" \"chi-square\"",
                classes("origin", "dest", "CASE WHEN p + q = 0 THEN 0 ELSE (p - q) ** 2 / (p + q) / 2 END"),
            ),
            Statistic::of(
                "DistributionMatch \"carrier\" \"other.origin\" \"psi\"",
                classes("carrier", "origin", "(greatest(p, 1e-4) - greatest(q, 1e-4)) * ln(greatest(p, 1e-4) / greatest(q, 1e-4))"),
            ),
        ],
        &[("other", &flights)],
    );
    assert_statistics(
        &orders,
        &[Statistic::of(
            "DistributionMatch \"o_orderstatus\" \"other.l_linestatus\" \"psi\"",
            classes("o_orderstatus", "l_linestatus", "(greatest(p, 1e-4) - greatest(q, 1e-4)) * ln(greatest(p, 1e-4) / greatest(q, 1e-4))"),
        )],
        &[("other", &lineitem)],
    );
}
