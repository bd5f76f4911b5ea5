//! Messages to others.

use lakegate_coordinator::ports::{
    Ledger, Outgoing,
    ledger::{Execution, Move, MoveOutcome},
};
use lakegate_model::{FailureCode, destination::Destination, machine::execution::Phase};

use super::{LedgerPlace, arrival, counts_of, failure, moved, running, started, step, succeeded};

fn queue(name: &str) -> Destination {
    Destination::Queue(name.to_owned())
}

/// A move to the end with messages to these destinations.
fn ending(execution: &Execution, to: &[Destination]) -> Move {
    let mut step = step(execution, succeeded(1), 30);
    for (place, to) in to.iter().enumerate() {
        step.outgoing.push(Outgoing {
            id: Outgoing::id_of(&execution.id, execution.revision + 1, place),
            to: to.clone(),
            kind: "object".into(),
            group: "nyc/flights".into(),
            body: format!("{{\"place\":{place}}}"),
            trace: execution.trace,
        });
    }
    step
}

async fn waiting(ledger: &impl Ledger, to: &Destination) -> Vec<String> {
    ledger.outgoing(to, 100).await.expect("read").into_iter().map(|message| message.id).collect()
}

/// A move that applies leaves its messages, one that is stale none.
pub async fn messages_are_left_with_their_move(place: impl LedgerPlace) {
    let ledger = place.open().await;
    assert_eq!(ledger.destinations().await.unwrap(), []);
    let execution = moved(&ledger, &started(&ledger, arrival("clean", "a.csv", "1", 10)).await, running(), 20).await;
    let step = ending(&execution, &[queue("b"), queue("a"), queue("b")]);
    let mut stale = step.clone();
    stale.from += 1;
    stale.outgoing.iter_mut().for_each(|message| message.to = queue("stale"));
    let outcomes = ledger.advance(vec![stale, step.clone()]).await.unwrap();
    assert_eq!(outcomes, [MoveOutcome::Stale, MoveOutcome::Moved(Vec::new())]);
    assert_eq!(ledger.destinations().await.unwrap(), [queue("a"), queue("b")]);
    assert_eq!(ledger.outgoing(&queue("a"), 9).await.unwrap(), [step.outgoing[1].clone()]);
    assert_eq!(ledger.outgoing(&queue("b"), 9).await.unwrap(), [step.outgoing[0].clone(), step.outgoing[2].clone()]);
    assert_eq!(ledger.outgoing(&queue("b"), 1).await.unwrap(), [step.outgoing[0].clone()]);
    assert_eq!(ledger.outgoing(&queue("stale"), 9).await.unwrap(), []);
}

/// Messages are given out, oldest first, until they are marked.
pub async fn a_message_waits_until_it_is_marked_as_sent(place: impl LedgerPlace) {
    let ledger = place.open().await;
    let mut ids = Vec::new();
    for key in ["a.csv", "b.csv", "c.csv"] {
        let execution = moved(&ledger, &started(&ledger, arrival("clean", key, "1", 10)).await, running(), 20).await;
        let step = ending(&execution, &[queue("q"), queue("q")]);
        ids.extend(step.outgoing.iter().map(|message| message.id.clone()));
        ledger.advance(vec![step]).await.unwrap();
    }
    assert_eq!(waiting(&ledger, &queue("q")).await, ids, "the oldest first");
    ledger.mark_sent(vec![ids[1].clone(), ids[2].clone(), "unknown".into()]).await.unwrap();
    assert_eq!(waiting(&ledger, &queue("q")).await, [ids[0].clone(), ids[3].clone(), ids[4].clone(), ids[5].clone()]);
    ledger.mark_sent(ids.clone()).await.unwrap();
    ledger.mark_sent(ids).await.unwrap();
    assert_eq!(ledger.destinations().await.unwrap(), []);
    assert_eq!(counts_of(&ledger, "clean").await.succeeded, 3);
}

/// Each move of an execution has messages of its own.
pub async fn messages_of_an_execution_that_is_not_over_wait_too(place: impl LedgerPlace) {
    let ledger = place.open().await;
    let execution = started(&ledger, arrival("clean", "a.csv", "1", 10)).await;
    let mut first = ending(&execution, &[queue("q")]);
    first.to.phase = running();
    ledger.advance(vec![first.clone()]).await.unwrap();
    let execution = ledger.execution(&execution.id).await.unwrap().unwrap();
    let second = ending(&execution, &[queue("q")]);
    ledger.advance(vec![second.clone()]).await.unwrap();
    assert_eq!(waiting(&ledger, &queue("q")).await, [first.outgoing[0].id.clone(), second.outgoing[0].id.clone()]);
}

/// What is not sent outlives the process, however much is done after it.
pub async fn messages_are_there_after_reopening(place: impl LedgerPlace) {
    let ledger = place.open().await;
    let execution = moved(&ledger, &started(&ledger, arrival("clean", "a.csv", "1", 10)).await, running(), 20).await;
    let step = ending(&execution, &[queue("q"), Destination::Webhook("https://example.org/hook".into())]);
    ledger.advance(vec![step.clone()]).await.unwrap();
    ledger.mark_sent(vec![step.outgoing[0].id.clone()]).await.unwrap();
    drop(ledger);
    let ledger = place.open().await;
    assert_eq!(ledger.destinations().await.unwrap(), [step.outgoing[1].to.clone()]);
    assert_eq!(ledger.outgoing(&step.outgoing[1].to, 9).await.unwrap(), [step.outgoing[1].clone()]);
    // Much is done meanwhile.
    for n in 0..300 {
        let execution = started(&ledger, arrival("clean", &format!("{n}.csv"), "1", 40)).await;
        let reached = moved(&ledger, &execution, running(), 50).await;
        moved(&ledger, &reached, Phase::Failed { failure: failure(FailureCode::LakeIo) }, 60).await;
    }
    drop(ledger);
    let ledger = place.open().await;
    assert_eq!(ledger.outgoing(&step.outgoing[1].to, 9).await.unwrap(), [step.outgoing[1].clone()]);
    ledger.mark_sent(vec![step.outgoing[1].id.clone()]).await.unwrap();
    drop(ledger);
    assert_eq!(place.open().await.destinations().await.unwrap(), []);
}

/// More than an item of any store holds.
pub async fn many_large_messages_of_one_move_are_kept(place: impl LedgerPlace) {
    let ledger = place.open().await;
    let execution = moved(&ledger, &started(&ledger, arrival("clean", "a.csv", "1", 10)).await, running(), 20).await;
    let mut step = ending(&execution, &vec![queue("q"); 500]);
    for (number, message) in step.outgoing.iter_mut().enumerate() {
        let noise: Vec<String> = (0..200_u64).map(|n| (n + number as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15).to_string()).collect();
        message.body = format!("{noise:?}");
    }
    ledger.advance(vec![step.clone()]).await.unwrap();
    assert_eq!(ledger.outgoing(&queue("q"), 1_000).await.unwrap(), step.outgoing);
    ledger.mark_sent(step.outgoing.iter().map(|message| message.id.clone()).collect()).await.unwrap();
    assert_eq!(ledger.destinations().await.unwrap(), []);
}
