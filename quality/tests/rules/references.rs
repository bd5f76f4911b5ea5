//! Rules against references, and queries.

use polars::prelude::*;

use super::*;

fn table() -> DataFrame {
    df!(
        "id" => [1, 2, 3, 4],
        "state" => [Some("CA"), Some("TX"), Some("ZZ"), None],
        "amount" => [10.0, 20.0, 30.0, 40.0],
    )
    .unwrap()
}

fn states() -> DataFrame {
    df!("code" => [Some("CA"), Some("TX"), Some("TX"), None], "n" => [1_i64, 2, 3, 4], "amount" => [Some(50.0), Some(50.0), None, None])
        .unwrap()
}

fn with_references() -> Context {
    let twin = df!("key" => [1, 2, 3, 4], "state" => [Some("CA"), Some("TX"), Some("NY"), None], "total" => [10, 20, 30, 41]).unwrap();
    let double = df!("id" => [1, 1], "state" => ["CA", "CA"], "amount" => [1.0, 1.0]).unwrap();
    let none = table().clear();
    [("ref", states()), ("twin", twin), ("double", double), ("none", none), ("same", table())]
        .into_iter()
        .fold(context(), |context, (alias, frame)| context.with_reference(alias, Dataset::of_frame(frame)))
}

#[test]
fn sizes_schemas_and_aggregates() {
    check_in(
        &with_references(),
        &table(),
        &[
            ("RowCountMatch \"ref\" = 1", PASSED),
            ("RowCountMatch \"double\" = 2", PASSED),
            ("RowCountMatch \"none\" = 1", FAILED),
            ("RowCountMatch \"nobody\" = 1", ERROR),
            ("SchemaMatch \"same\" = 1", PASSED),
            ("SchemaMatch \"ref\" = 1", FAILED),
            ("SchemaMatch \"nobody\" = 1", ERROR),
            ("AggregateMatch \"sum(amount)\" \"sum(ref.amount)\" = 1", PASSED),
            ("AggregateMatch \"avg(amount)\" \"avg(ref.amount)\" = 0.5", PASSED),
            ("AggregateMatch \"sum(amount)\" \"sum(none.amount)\" = 1", FAILED),
            ("AggregateMatch \"sum(amount)\" \"sum(ref.gone)\" = 1", ERROR),
            ("AggregateMatch \"sum(amount)\" \"sum(nobody.amount)\" = 1", ERROR),
            ("AggregateMatch \"sum(state)\" \"sum(ref.amount)\" = 1", ERROR),
        ],
    );
}

#[test]
fn referential_integrity() {
    let (context, frame) = (with_references(), table());
    check_in(
        &context,
        &frame,
        &[
            ("ReferentialIntegrity \"state\" \"ref.code\" = 0.5", PASSED),
            ("ReferentialIntegrity \"state\" \"ref.code\" > 0.5", FAILED),
            ("ReferentialIntegrity \"id,state\" \"ref.{n,code}\" = 0.5", PASSED),
            ("ReferentialIntegrity \"id\" \"ref.n\" = 1", PASSED),
            ("ReferentialIntegrity \"id\" \"ref.amount\" = 0", PASSED),
            ("ReferentialIntegrity \"state\" \"none.state\" = 0", PASSED),
            ("ReferentialIntegrity \"state\" \"ref.gone\" = 0", ERROR),
            ("ReferentialIntegrity \"gone\" \"ref.code\" = 0", ERROR),
            ("ReferentialIntegrity \"state\" \"nobody.code\" = 0", ERROR),
            ("ReferentialIntegrity \"id,state\" \"ref.code\" = 0", ERROR),
        ],
    );
    let evaluated = run_in(&context, &frame, "ReferentialIntegrity \"state\" \"ref.code\" > 0.9");
    assert_eq!(rows_of(&evaluated).concat(), "PPFF");
    assert_eq!(evaluated.evaluation.rules[0].metrics["Column.ref.ReferentialIntegrity"], 0.5);
}

#[test]
fn dataset_match() {
    let (context, frame) = (with_references(), table());
    check_in(
        &context,
        &frame,
        &[
            ("DatasetMatch \"same\" \"id\" = 1", PASSED),
            ("DatasetMatch \"twin\" \"id->key\" \"state,amount->total\" = 0.5", PASSED),
            ("DatasetMatch \"twin\" \"id->key\" \"state\" = 0.75", PASSED),
            ("DatasetMatch \"none\" \"id\" = 0", PASSED),
            ("DatasetMatch \"double\" \"id\" = 1", FAILED),
            ("DatasetMatch \"same\" \"state\" = 1", FAILED),
            ("DatasetMatch \"twin\" \"id\" = 1", ERROR),
            ("DatasetMatch \"nobody\" \"id\" = 1", ERROR),
        ],
    );
    let evaluated = run_in(&context, &frame, "DatasetMatch \"twin\" \"id->key\" \"state\" = 1");
    assert_eq!(rows_of(&evaluated).concat(), "PPFP");
}

#[test]
fn queries() {
    let (context, frame) = (with_references(), table());
    check_in(
        &context,
        &frame,
        &[
            ("CustomSql \"select count(*) from primary\" = 4", PASSED),
            ("CustomSql \"select count(*) from primary\" between 4 and 5", FAILED),
            ("CustomSql \"select count(*) from primary join ref on primary.state = ref.code\" = 3", PASSED),
            ("CustomSql \"select sum(amount) from primary where id > 100\" = 0", FAILED),
            ("CustomSql \"select id from primary\" = 4", ERROR),
            ("CustomSql \"select id, amount from primary where id = 1\" = 4", ERROR),
            ("CustomSql \"select state from primary where id = 1\" = 4", ERROR),
            ("CustomSql \"select id from primary where amount > 0\"", PASSED),
            ("CustomSql \"select id from primary where amount > 10\"", FAILED),
            ("CustomSql \"select id from primary where amount > 10\" with threshold >= 0.75", PASSED),
            ("CustomSql \"select id from primary where amount > 10\" with threshold > 0.75", FAILED),
            ("CustomSql \"select id as other from primary\"", ERROR),
            ("CustomSql \"selec id\"", ERROR),
            ("CustomSql \"select gone from primary\" > 0", ERROR),
            ("CustomSql \"select 1 from nobody\" > 0", ERROR),
            ("CustomSql \"drop table primary\" > 0", ERROR),
            ("CustomSql \"select * from read_csv('x.csv')\" > 0", ERROR),
        ],
    );
    let evaluated = run_in(&context, &frame, "CustomSql \"select state from primary where state <> 'ZZ' or state is null\"");
    assert_eq!(rows_of(&evaluated).concat(), "PPFP", "null is found again");
}

#[test]
fn queries_name_the_dataset_as_the_ruleset_does() {
    let source = "DataSources = { \"Primary\": \"orders\", \"AdditionalDataSources\": [\"ref\"] } Rules = [CustomSql \"select count(*) from orders\" = 4]";
    let evaluation = evaluate(&parse(source), &Dataset::of_frame(table()), &with_references()).evaluation;
    assert_eq!(evaluation.outcome, PASSED, "{:?}", evaluation.rules[0].reason);
}

/// However many rules, groups and parts of a table ask for the classes of a reference.
#[test]
fn a_reference_is_read_once_for_its_classes() {
    use std::sync::atomic::{AtomicUsize, Ordering};

    let frame = df!("g" => ["a", "a", "b", "b"], "x" => [1.0, 2.0, 3.0, 4.0]).unwrap();
    let read = Arc::new(AtomicUsize::new(0));
    let counting = |read: Arc<AtomicUsize>| {
        let noted = col("x").map(
            move |column| {
                read.fetch_add(column.len(), Ordering::Relaxed);
                Ok(column)
            },
            |_, field| Ok(field.clone()),
        );
        let plan = df!("x" => (0..100).map(f64::from).collect::<Vec<_>>(), "y" => vec![1; 100]).unwrap().lazy();
        Dataset::of_lazy(plan.with_column(noted)).unwrap()
    };
    let context = context().with_reference("ref", counting(read.clone()));
    let rules = "DistributionMatch \"x\" \"ref.x\" \"psi\" >= 0, DistributionMatch \"x\" \"ref.x\" \"chi-square\" >= 0 where \"x > 1\"";
    let once = run_in(&context, &frame, rules).evaluation;
    assert_eq!((once.outcome, read.load(Ordering::Relaxed)), (PASSED, 100));
    let ruleset = parse(&format!("Rules = [{rules}]"));
    lakegate_quality::evaluate::measure_states(&ruleset, &Dataset::of_frame(frame.clone()), &context);
    assert_eq!(run_in(&context, &frame, rules).evaluation.rules, once.rules);
    assert_eq!(read.load(Ordering::Relaxed), 100);
    // Another reference of this name is another one.
    let other = context.with_reference("ref", counting(read.clone()));
    run_in(&other, &frame, rules);
    assert_eq!(read.load(Ordering::Relaxed), 200);
}

#[test]
fn distributions_are_compared_with_references_whose_names_have_dots() {
    let frame = df!("x" => [1.0, 2.0, 3.0]).unwrap();
    let context = context().with_reference("old.2024", Dataset::of_frame(frame.clone()));
    let rules = ["ks", "psi"].map(|method| format!("DistributionMatch \"x\" \"old.2024.x\" \"{method}\" = 0"));
    check_in(&context, &frame, &rules.each_ref().map(|rule| (rule.as_str(), PASSED)));
}

#[test]
fn rows_of_a_query_have_to_be_told_apart_by_its_columns() {
    let frame = df!(
        "id" => [Some(1), Some(1), Some(2), Some(2), None, None],
        "age" => [50, 150, 7, 7, 50, 150],
        "k" => [1, 2, 3, 3, 4, 5],
    )
    .unwrap();
    check(
        &frame,
        &[
            ("CustomSql \"select id from primary where age < 100\"", ERROR),
            ("CustomSql \"select id from primary where age < 100\" with threshold > 0.1", ERROR),
            ("CustomSql \"select id from primary where age < 100 and id = 2\" with threshold > 0.3", PASSED),
            ("CustomSql \"select id, k from primary where age < 100\" with threshold > 0.6", PASSED),
            ("CustomSql \"select id, k from primary where age < 100\" with threshold > 0.7", FAILED),
            ("CustomSql \"select k from primary where age < 100\" with threshold > 0.6", PASSED),
            // Rows that are the same in all columns need not be given as often as they are.
            ("CustomSql \"select distinct k from primary where age < 100\" with threshold > 0.6", PASSED),
            ("CustomSql \"select distinct * from primary\"", PASSED),
            ("CustomSql \"select distinct id from primary\"", ERROR),
            ("CustomSql \"select id from primary\"", PASSED),
            ("CustomSql \"select id from primary where 1 = 0\"", FAILED),
        ],
    );
    let evaluated = run(&frame, "CustomSql \"select id from primary where age < 100\"");
    let reason = evaluated.evaluation.rules[0].reason.as_ref().unwrap();
    let wanted = "The query gives 4 rows, and 6 rows of the dataset have their values of \"id\"; select columns that tell rows apart.";
    assert_eq!(reason, wanted);
    assert_eq!(rows_of(&evaluated).concat(), "FFFFFF");
    assert_eq!(letters(&frame, "CustomSql \"select id, age from primary where age < 100\""), "PFPPPF");
}
