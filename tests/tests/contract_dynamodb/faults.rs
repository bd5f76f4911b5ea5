//! What is promised when DynamoDB throttles, answers are lost, and processes end in the middle.

use super::*;

#[tokio::test]
async fn what_is_throttled_or_unprocessed_is_asked_for_again() {
    let place = Place::default();
    let ledger = place.open().await;
    let admitted = executions(ledger.admit((0..20).map(|n| arriving(&n.to_string())).collect()).await.unwrap());
    drop(ledger);
    let left: Vec<(&str, AtomicU32)> =
        ["PutItem", "UpdateItem", "Query", "GetItem", "BatchGetItem"].map(|operation| (operation, AtomicU32::new(3))).into();
    let ledger = place
        .open_behind(move |operation, _| {
            let again = left
                .iter()
                .find(|(name, _)| *name == operation)
                .is_some_and(|(_, left)| left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok());
            match operation {
                _ if !again => Fault::None,
                "BatchGetItem" => Fault::Unprocessed,
                "PutItem" => Fault::Throttled("ThrottlingException"),
                _ => Fault::Throttled("ProvisionedThroughputExceededException"),
            }
        })
        .await;
    let moves = admitted.iter().map(|execution| step(execution, running())).collect();
    assert!(ledger.advance(moves).await.unwrap().iter().all(|outcome| *outcome == MoveOutcome::Moved(Vec::new())));
    ledger.admit((0..9).map(|n| member(&format!("m{n}"))).collect()).await.unwrap();
    let sealed = ledger.seal(request(9)).await.unwrap().unwrap();
    assert_eq!(ledger.members(&sealed.batch.id).await.unwrap().len(), 9);
    assert_eq!(phases(&ledger, "clean").await, ["running"; 20]);
}

/// The SDK tries again, and what was done already must not look like somebody else's.
#[tokio::test]
async fn a_write_whose_answer_was_lost_was_ours() {
    let place = Place::default();
    drop(place.open().await);
    let (lost, was_lost) = (std::sync::Mutex::new(HashSet::new()), Arc::new(AtomicU32::new(0)));
    let count = Arc::clone(&was_lost);
    let ledger = place
        .open_behind(move |operation, asked| {
            let is_write = matches!(operation, "PutItem" | "UpdateItem");
            let is_first = is_write && lost.lock().unwrap().insert(asked.to_string());
            let is_lost = is_first && count.fetch_add(1, Ordering::SeqCst) % 3 == 0;
            if is_lost { Fault::AnswerLost } else { Fault::None }
        })
        .await;
    let admitted = executions(ledger.admit((0..20).map(|n| arriving(&n.to_string())).collect()).await.unwrap());
    for phase in [running(), succeeded(2)] {
        let mut moves = Vec::new();
        for execution in &admitted {
            moves.push(step(&ledger.execution(&execution.id).await.unwrap().unwrap(), phase.clone()));
        }
        let outcomes = ledger.advance(moves).await.unwrap();
        assert!(outcomes.iter().all(|outcome| *outcome == MoveOutcome::Moved(Vec::new())), "{outcomes:?}");
    }
    let collected = ledger.admit((0..20).map(|n| member(&format!("m{n}"))).collect()).await.unwrap();
    assert_eq!(collected, vec![Admission::Collected; 20]);
    assert_eq!(ledger.seal(request(100)).await.unwrap().unwrap().batch.objects, 20);
    assert!(was_lost.load(Ordering::SeqCst) > 60);
    let counts = ledger.counts().await.unwrap();
    drop(ledger);
    assert_eq!(place.open().await.counts().await.unwrap(), counts);
}

/// Wherever a process ends while it seals, its members are in one batch or still collect.
#[tokio::test]
async fn a_seal_that_ends_in_the_middle_is_finished_or_never_was() {
    let (mut never, mut finished) = (0, 0);
    for writes in 0..6 {
        let place = Place::default();
        let ledger = place.open().await;
        ledger.admit((0..30).map(|n| member(&n.to_string())).collect()).await.unwrap();
        drop(ledger);
        let begun = Arc::new(AtomicU32::new(0));
        let ledger = place.open_to_die(Arc::clone(&begun), writes).await;
        begun.store(1, Ordering::SeqCst);
        let answered = ledger.seal(request(20)).await;
        drop(ledger);

        let ledger = place.open().await;
        let batches = ledger.batches(&Filter::default(), &everything()).await.unwrap().items;
        assert!(answered.is_err() || batches.len() == 1, "what is answered is there");
        never += usize::from(batches.is_empty());
        finished += usize::from(answered.is_err() && !batches.is_empty());
        while ledger.seal(request(20)).await.unwrap().is_some() {}
        let batches = ledger.batches(&Filter::default(), &everything()).await.unwrap().items;
        assert_eq!(batches.iter().map(|batch| batch.objects).collect::<Vec<_>>(), [10, 20]);
        let mut seen = HashSet::new();
        for batch in &batches {
            assert_eq!(ledger.batches_by_prefix(batch.id.as_str()).await.unwrap(), std::slice::from_ref(batch));
            for member in ledger.members(&batch.id).await.unwrap() {
                let id = member.object.id();
                assert_eq!(ledger.objects_by_name(id.as_str()).await.unwrap()[0].batch.as_ref(), Some(&batch.id));
                assert!(seen.insert(id));
            }
        }
        assert_eq!((seen.len(), ledger.unfinished(&stage("monthly"), 0, 9).await.unwrap().len()), (30, 2));
    }
    assert!(never > 0 && finished > 0, "it ended before the commit {never} times, after it {finished} times");
}

/// Wherever a process ends while a move is written, all of it is there or nothing of it.
#[tokio::test]
async fn a_move_that_ends_in_the_middle_is_finished_or_never_was() {
    let (mut never, mut finished) = (0, 0);
    for writes in 0..8 {
        let place = Place::default();
        let ledger = place.open().await;
        let execution = executions(ledger.admit(vec![arriving("a")]).await.unwrap()).remove(0);
        drop(ledger);
        let mut to = step(&execution, succeeded(3));
        to.outputs = vec![arrival("next", "o1", Purpose::Execute { pipeline_version: 1 }), arrival("monthly", "o2", Purpose::Collect)];
        to.outputs.iter_mut().for_each(|output| output.made_by = Some(execution.id.clone()));
        to.schema = Some([("a", DataType::Date)].into_iter().collect());
        let begun = Arc::new(AtomicU32::new(0));
        let ledger = place.open_to_die(Arc::clone(&begun), writes).await;
        begun.store(1, Ordering::SeqCst);
        let answered = ledger.advance(vec![to.clone()]).await;
        drop(ledger);

        let ledger = place.open().await;
        let is_over = ledger.execution(&execution.id).await.unwrap().unwrap().revision == 1;
        assert!(answered.is_err() || is_over, "what is answered is there");
        never += usize::from(!is_over);
        finished += usize::from(is_over && answered.is_err());
        assert_eq!(ledger.made_by(&execution.id).await.unwrap().len(), if is_over { 2 } else { 0 });
        assert_eq!(phases(&ledger, "next").await.len(), usize::from(is_over));
        assert_eq!(ledger.schema(&stage("clean")).await.unwrap().is_some(), is_over);
        let again = ledger.advance(vec![to]).await.unwrap().remove(0);
        assert_eq!(again == MoveOutcome::Stale, is_over);
        let busy = ledger.busy_stages().await.unwrap();
        assert_eq!(busy, [stage("monthly"), stage("next")]);
    }
    assert!(never > 0 && finished > 0, "it ended before the commit {never} times, after it {finished} times");
}

/// A failed write does not stop the ledger: it reads what is there and goes on.
#[tokio::test]
async fn a_ledger_goes_on_after_a_failed_write() {
    let place = Place::default();
    drop(place.open().await);
    let refused = AtomicU32::new(0);
    let ledger = place
        .open_behind(move |operation, asked| {
            let is_output = operation == "PutItem" && asked["Item"]["sk"]["S"].as_str().is_some_and(|sk| sk.starts_with("ob-"));
            if is_output && refused.fetch_add(1, Ordering::SeqCst) == 1 { Fault::Refused } else { Fault::None }
        })
        .await;
    assert!(ledger.admit(vec![arriving("a"), arriving("b")]).await.is_err());
    let again = ledger.admit(vec![arriving("a"), arriving("b")]).await.unwrap();
    assert_eq!(again.iter().filter(|admission| **admission == Admission::Known).count(), 1);
    assert_eq!(ledger.unfinished(&stage("clean"), 0, 9).await.unwrap().len(), 2, "both are to be done");
    assert_eq!(phases(&ledger, "clean").await, ["ready"; 2]);
}

/// What has failed after its commit is known before the next request of the same round is served.
#[tokio::test]
async fn a_seal_after_one_that_failed_takes_other_members() {
    let place = Place::default();
    drop(place.open().await);
    let sealed = AtomicU32::new(0);
    let ledger = place
        .open_behind(move |operation, asked| {
            let is_second_half = operation == "PutItem" && asked["Item"]["pk"]["S"].as_str().is_some_and(|pk| pk.starts_with("sealed#"));
            if is_second_half && sealed.fetch_add(1, Ordering::SeqCst) % 2 == 1 { Fault::Refused } else { Fault::None }
        })
        .await;
    ledger.admit((0..30).map(|n| member(&n.to_string())).collect()).await.unwrap();
    let seal = || ledger.seal(request(5));
    let answers: [_; 4] = tokio::join!(seal(), seal(), seal(), seal()).into();
    assert!(answers.iter().any(Result::is_err) && answers.iter().any(Result::is_ok));
    drop(ledger);
    let ledger = place.open().await;
    while ledger.seal(request(5)).await.unwrap().is_some() {}
    let batches = ledger.batches(&Filter::default(), &everything()).await.unwrap().items;
    let mut seen = HashSet::new();
    for batch in &batches {
        seen.extend(ledger.members(&batch.id).await.unwrap().into_iter().map(|member| member.object.id()));
    }
    assert_eq!((batches.len(), seen.len()), (6, 30), "each member in one batch");
    assert_eq!(ledger.counts().await.unwrap()[0].ready, 6);
}

/// Half of a failed admission may be written: it is found, and its neighbours' moves are not hurt.
#[tokio::test]
async fn what_a_failed_admission_has_left_is_found() {
    let place = Place::default();
    drop(place.open().await);
    let fails = Arc::new(AtomicU32::new(0));
    let script = Arc::clone(&fails);
    let ledger = place
        .open_behind(move |operation, asked| {
            let is = |name: &str, start: &str| asked["Item"][name]["S"].as_str().is_some_and(|text| text.starts_with(start));
            let is_b = operation == "PutItem" && is("sk", "ob-") && is("landed", "nyc/flights/b");
            if is_b && script.load(Ordering::SeqCst) == 1 { Fault::Refused } else { Fault::None }
        })
        .await;
    let admitted = executions(ledger.admit((0..600).map(|n| arriving(&n.to_string())).collect()).await.unwrap());
    fails.store(1, Ordering::SeqCst);
    let (moved, failed) = tokio::join!(
        ledger.advance(admitted.iter().map(|execution| step(execution, succeeded(1))).collect()),
        ledger.admit(vec![arriving("a"), arriving("b")])
    );
    assert!(failed.is_err());
    assert_eq!(moved.unwrap(), vec![MoveOutcome::Moved(Vec::new()); 600]);
    drop(ledger);
    let ledger = place.open().await;
    let known = ledger.admit(vec![arriving("a"), arriving("b")]).await.unwrap();
    assert_eq!(known.iter().filter(|admission| **admission == Admission::Known).count(), 1, "{known:?}");
    let keys = ["a", "b"].map(|key| arriving(key).object.id());
    for execution in ledger.unfinished(&stage("clean"), 0, 1_000).await.unwrap() {
        assert!(matches!(execution.state.phase, Phase::Ready { .. }));
    }
    let mut ready = 0;
    for id in &keys {
        let runs = ledger.runs_of(id).await.unwrap();
        ready += usize::from(runs.iter().any(|run| matches!(run.state.phase, Phase::Ready { .. })));
    }
    assert_eq!(ready, 2, "both are to be done");
}

/// Two by mistake: the one that has not heard of the other's writes is refused, reads them, and may go on.
#[tokio::test]
async fn two_coordinators_never_seal_the_same_members() {
    let place = Place::default();
    let (a, b) = (place.open().await, place.open().await);
    a.admit((0..10).map(|n| member(&n.to_string())).collect()).await.unwrap();
    assert_eq!(b.admit(vec![member("10")]).await.unwrap_err().code, FailureCode::Ledger);
    assert_eq!(b.admit(vec![member("10"), member("3")]).await.unwrap(), [Admission::Collected, Admission::Known]);
    let failure = a.seal(request(100)).await.unwrap_err();
    assert!(failure.message.contains("another coordinator"), "{failure}");
    let sealed = a.seal(request(100)).await.unwrap().unwrap();
    assert_eq!(sealed.batch.objects, 11);
    assert!(b.seal(request(100)).await.is_err());
    assert_eq!(b.seal(request(100)).await.unwrap(), None);
    let execution = &sealed.execution;
    let outcomes = [a.advance(vec![step(execution, running())]).await.unwrap(), b.advance(vec![step(execution, running())]).await.unwrap()];
    assert_eq!(outcomes.concat(), [MoveOutcome::Moved(Vec::new()), MoveOutcome::Stale]);
}
