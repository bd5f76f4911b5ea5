use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use lakegate_model::{
    ExecutionId,
    audit::Verdict,
    machine::execution::{Phase, TaskOutput},
    pipeline::{Composites, OnFailure, Output, Quality, RetryPolicy, Scope, Step, Trigger, Zone},
};

use super::*;
use crate::{
    history::{
        Resting,
        tests::{execution, stage},
    },
    ports::ledger::{Filter, Page, Paged},
};

fn measured(seq: u64, at: i64, value: f64, is_in: bool) -> Measured {
    Measured {
        run: ExecutionId::from_text(format!("ex-{seq}")),
        seq,
        ruleset: "a.dqdl".into(),
        at: Timestamp(at),
        verdict: if is_in { Verdict::Passed } else { Verdict::Blocked },
        is_in,
        score: Metric(1.0),
        statistics: [("RowCount".to_owned(), Metric(value))].into(),
    }
}

fn asked(most: usize) -> BTreeMap<String, Kept> {
    BTreeMap::from([("a.dqdl".to_owned(), Kept { asked: any(most), ..Kept::default() })])
}

fn any(most: usize) -> Asked {
    Asked { of_any: most, ..Asked::default() }
}

fn of(named: &[(&str, usize)]) -> Asked {
    Asked { of: named.iter().map(|(name, most)| ((*name).to_owned(), *most)).collect(), of_any: 0 }
}

fn values(kept: &Kept, most: usize) -> Vec<(String, Vec<f64>)> {
    let values = |one: v1::Statistic| (one.name, one.points.into_iter().map(|point| point.value).collect());
    statistics(kept, &any(most)).into_iter().map(values).collect()
}

#[test]
fn rules_are_given_the_last_values_of_what_was_let_in_each_once() {
    let mut kept = asked(9);
    for one in [measured(3, 30, 3.0, true), measured(1, 10, 1.0, true), measured(2, 20, 99.0, false), measured(3, 30, 3.0, true)] {
        put(&mut kept, one);
    }
    put(&mut kept, Measured { ruleset: "b.dqdl".into(), ..measured(4, 40, 4.0, true) });
    assert_eq!(values(&kept["a.dqdl"], 9), [("RowCount".to_owned(), vec![1.0, 3.0])]);
    assert_eq!(values(&kept["a.dqdl"], 1), [("RowCount".to_owned(), vec![3.0])]);
    assert_eq!(kept.keys().collect::<Vec<_>>(), ["a.dqdl"]);
}

#[test]
fn a_history_is_as_long_as_rules_ask_for_statistic_by_statistic() {
    let mut kept = asked(3);
    let rare = Measured { statistics: [("Mean \"a\"".to_owned(), Metric(0.5))].into(), ..measured(0, 0, 0.0, true) };
    put(&mut kept, rare);
    (1..9).for_each(|seq| put(&mut kept, measured(seq, 0, seq as f64, true)));
    let all = values(&kept["a.dqdl"], 9);
    assert_eq!(all, [("Mean \"a\"".to_owned(), vec![0.5]), ("RowCount".to_owned(), vec![6.0, 7.0, 8.0])]);
    kept.get_mut("a.dqdl").unwrap().keep(&any(4));
    kept.get_mut("a.dqdl").unwrap().keep(&any(2));
    put(&mut kept, measured(9, 0, 9.0, true));
    assert_eq!(values(&kept["a.dqdl"], 9)[1].1, [6.0, 7.0, 8.0, 9.0], "it grows with a version that asks for more, and never shrinks");
}

/// What an audit by a ruleset of this many rules has measured.
fn of_many_rules(rules: usize, seq: u64) -> Measured {
    let name = |rule: usize| format!("Completeness \"column_{rule:03}\"");
    let statistics = (0..rules).map(|rule| (name(rule), Metric(0.5 + seq as f64 / 1e6))).chain([("RowCount".to_owned(), Metric(9.0))]);
    Measured { statistics: statistics.collect(), ..measured(seq, 1_767_225_600_000 + seq as i64 * 60_000, 0.0, true) }
}

#[test]
fn of_five_hundred_rules_only_what_one_of_them_asks_for_is_kept_and_sent() {
    let bytes = |asked: &Asked| {
        let mut kept = BTreeMap::from([("a.dqdl".to_owned(), Kept::default())]);
        kept.get_mut("a.dqdl").unwrap().keep(asked);
        (0..1_000).for_each(|seq| put(&mut kept, of_many_rules(500, seq)));
        let sent = statistics(&kept["a.dqdl"], asked);
        let names: Vec<String> = sent.iter().map(|statistic| statistic.name.clone()).collect();
        (prost::Message::encoded_len(&v1::Parcel { history: sent, ..v1::Parcel::default() }), names)
    };
    let (before, names) = bytes(&any(7));
    assert_eq!(names.len(), 501);
    let (after, names) = bytes(&of(&[("RowCount", 7)]));
    assert_eq!(names, ["RowCount"]);
    let (anomalies, _) = bytes(&any(LONGEST_HISTORY));
    println!("RowCount > avg(last(7)) among 500 rules: {before} bytes, now {after}; with an anomaly looked for: {anomalies} bytes");
    assert!(after < 200 && before > 50 * after, "{before} {after}");
}

#[test]
fn what_is_sent_is_bounded_and_what_asks_for_little_is_given_all_of_it() {
    assert_eq!(longest(vec![1, 2, 3], 6), usize::MAX);
    assert_eq!(longest(vec![9, 1, 9], 11), 5);
    assert_eq!(longest(vec![4, 4], 0), 0);
    assert_eq!(longest(Vec::new(), 0), usize::MAX);
    for (lengths, room) in [(vec![5, 1, 8, 8, 2], 13), (vec![7; 9], 20), (vec![1, 1000, 1000], 1500)] {
        let most = longest(lengths.clone(), room);
        let all = |most: usize| lengths.iter().map(|length| *length.min(&most)).sum::<usize>();
        assert!(all(most) <= room && all(most + 1) > room, "{lengths:?} {room} {most}");
    }
}

#[test]
fn another_version_keeps_what_it_asks_for_besides() {
    let mut kept = Kept::default();
    assert_eq!(kept.keep(&of(&[("a", 3), ("b", 1)])), of(&[("a", 3), ("b", 1)]));
    assert!(kept.asked.covers(&of(&[("a", 2)])) && !kept.asked.covers(&of(&[("c", 1)])) && !kept.asked.covers(&any(1)));
    assert_eq!(kept.keep(&of(&[("a", 2), ("c", 9)])), of(&[("a", 3), ("b", 1), ("c", 9)]));
    assert!(any(9).covers(&of(&[("a", 9)])) && !any(8).covers(&of(&[("a", 9)])));
    let many: Vec<String> = (0..MOST_POINTS / 1_000).map(|name| format!("n{name}")).collect();
    let many: Vec<(&str, usize)> = many.iter().map(|name| (name.as_str(), 1_000)).collect();
    kept.values.insert("c".to_owned(), BTreeMap::new());
    assert_eq!(kept.keep(&of(&many)), of(&many), "what earlier versions asked for goes, if it is too much");
    assert!(kept.values.is_empty());
}

#[tokio::test]
async fn a_stage_that_wakes_does_not_read_its_history_again() {
    let runs: Vec<Execution> = (0..3).map(|seq| execution(seq, "a.csv", Phase::Succeeded { output: TaskOutput::default() })).collect();
    let counting = Arc::new(Counting { runs, reads: AtomicUsize::new(0) });
    let reads = || counting.reads.load(Ordering::Relaxed);
    let resting = Resting::default();
    let ask = |most: usize| stage_with_rules(&format!("RowCount > avg(last({most}))"), &[("RowCount", most)]);
    let histories = Histories::new(counting.clone(), stage());
    assert_eq!(histories.wanted(&ask(2)).await.unwrap()[0].points.len(), 2);
    assert_eq!(reads(), 1);
    resting.put(histories);
    let woken = resting.take(&stage()).unwrap();
    woken.add(&execution(3, "b.csv", Phase::Succeeded { output: TaskOutput::default() }));
    assert_eq!((woken.wanted(&ask(2)).await.unwrap()[0].points.len(), reads()), (2, 1));
    assert_eq!((woken.wanted(&ask(9)).await.unwrap()[0].points.len(), reads()), (4, 2), "more is asked for");
}

/// Runs of which it is known how often they were read.
struct Counting {
    runs: Vec<Execution>,
    reads: AtomicUsize,
}

#[async_trait]
impl Runs for Counting {
    async fn list(&self, filter: &Filter, page: &Page) -> Result<Paged<Execution>> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.runs.list(filter, page).await
    }
}

fn stage_with_rules(rules: &str, asks: &[(&str, usize)]) -> Stage {
    let rules = Ruleset { text: format!("Rules = [ {rules} ]"), file: "a.dqdl".into(), looks_back: Some(of(asks).of) };
    let (scope, composites) = (Scope::default(), Composites::default());
    let timeout = std::time::Duration::from_secs(1);
    Stage {
        name: "load".into(),
        trigger: Trigger::Object,
        input: Default::default(),
        steps: vec![Step::Quality(Quality { rules, on_failure: OnFailure::Block, scope, composites, references: [].into(), timeout })],
        output: Output { zone: Zone::Stage },
        retry: RetryPolicy::default(),
        queue: None,
    }
}

#[test]
fn statistics_of_groups_that_are_gone_are_forgotten_before_they_are_too_many() {
    let mut kept = asked(3);
    let of_days = |seq: u64, days: std::ops::Range<usize>| {
        let statistics = days.map(|day| (format!("RowCount group by \"day\" [\"{day}\"]"), Metric(1.0))).collect();
        Measured { statistics, ..measured(seq, i64::try_from(seq).unwrap(), 0.0, true) }
    };
    put(&mut kept, of_days(1, 0..10));
    put(&mut kept, of_days(3, 5..MOST_STATISTICS));
    assert_eq!(kept["a.dqdl"].values.len(), MOST_STATISTICS);
    put(&mut kept, of_days(2, 0..1));
    put(&mut kept, of_days(4, 9_000..9_004));
    let names: Vec<String> = values(&kept["a.dqdl"], 3).into_iter().map(|(name, _)| name).collect();
    let gone: Vec<usize> = (0..10).filter(|day| !names.contains(&format!("RowCount group by \"day\" [\"{day}\"]"))).collect();
    assert_eq!((names.len(), gone), (MOST_STATISTICS, vec![1, 2, 3, 4]), "those that were measured last long ago");
}

#[test]
fn whoever_asks_for_the_past_of_groups_is_given_that_of_each() {
    let asks = of(&[("RowCount group by \"day\"", 2)]);
    let mut kept = BTreeMap::from([("a.dqdl".to_owned(), Kept { asked: asks.clone(), ..Kept::default() })]);
    let names = ["RowCount", "RowCount group by \"day\" [\"mon [1]\"]", "RowCount group by \"day\" [\"tue\"]", "Mean \"day\" [\"tue\"]"];
    let all = names.map(|name| (name.to_owned(), Metric(1.0))).into();
    put(&mut kept, Measured { statistics: all, ..measured(1, 1, 0.0, true) });
    let sent: Vec<String> = statistics(&kept["a.dqdl"], &asks).into_iter().map(|one| one.name).collect();
    assert_eq!(sent, names[1..3]);
}

#[test]
fn of_many_groups_no_more_is_kept_than_is_sent_and_what_asks_for_little_loses_nothing() {
    let asks = of(&[("RowCount group by \"day\"", 1_000), ("RowCount", 7)]);
    let mut kept = BTreeMap::from([("a.dqdl".to_owned(), Kept { asked: asks.clone(), ..Kept::default() })]);
    let days = || (0..MOST_STATISTICS - 1).map(|day| (format!("RowCount group by \"day\" [\"{day}\"]"), Metric(1.0)));
    let begun = std::time::Instant::now();
    for seq in 0..300 {
        let statistics = days().chain([("RowCount".to_owned(), Metric(1.0))]).collect();
        put(&mut kept, Measured { statistics, ..measured(seq, i64::try_from(seq).unwrap(), 0.0, true) });
        assert!(kept["a.dqdl"].points() <= MOST_POINTS);
    }
    let lengths: BTreeMap<String, usize> = statistics(&kept["a.dqdl"], &asks).into_iter().map(|one| (one.name, one.points.len())).collect();
    assert_eq!(lengths["RowCount"], 7);
    assert!(lengths["RowCount group by \"day\" [\"9\"]"] >= 249, "{} after {:?}", lengths.values().sum::<usize>(), begun.elapsed());
}

/// All of them new: as many as an audit has at most, on top of as many.
#[test]
fn new_groups_take_the_places_of_old_ones_in_one_go() {
    let mut kept = asked(1);
    for seq in 0..50 {
        let of_day = |group: usize| (format!("RowCount group by \"id\" [\"{seq}-{group}\"]"), Metric(1.0));
        put(&mut kept, Measured { statistics: (0..MOST_STATISTICS).map(of_day).collect(), ..measured(seq, 0, 0.0, true) });
    }
    let names: Vec<&String> = kept["a.dqdl"].values.keys().collect();
    assert!(names.len() == MOST_STATISTICS && names.iter().all(|name| name.contains("[\"49-")), "{:?}", names.first());
}
