//! What waits is kept once, in order, and is never passed by a mark.

use lakegate_model::DatasetId;

use super::*;

fn stage() -> StageKey {
    StageKey::new(DatasetId::new("nyc", "flights"), "clean")
}

fn raw(n: usize) -> Raw {
    (n as u128).to_be_bytes()
}

fn step(revision: u64) -> Step {
    Step { revision, at: Timestamp(1), status: Status::Started, is_over: false }
}

fn note(n: usize, ordinal: u64, revisions: &[u64]) -> Note {
    Note { subject: Subject::Object(raw(n)), ordinal, is_row_due: false, steps: revisions.iter().map(|revision| step(*revision)).collect() }
}

#[test]
fn what_changes_often_waits_once_with_all_its_steps_in_order() {
    let pending = Pending::default();
    pending.note(&stage(), note(1, 0, &[0]));
    pending.note(&stage(), note(2, 1, &[0]));
    let mut taken = pending.take(1);
    pending.note(&stage(), note(1, 0, &[2]));
    taken[0].note.steps.push(step(1));
    pending.give_back(taken);
    let works = pending.take(9);
    let revisions = |work: &Work| work.note.steps.iter().map(|step| step.revision).collect::<Vec<_>>();
    assert_eq!(works.iter().map(revisions).collect::<Vec<_>>(), [vec![0], vec![0, 1, 2]]);
}

#[test]
fn of_many_steps_the_first_and_the_last_ones_are_kept() {
    let pending = Pending::default();
    for revision in 0..100 {
        pending.note(&stage(), note(1, 0, &[revision]));
    }
    let steps = pending.take(1).remove(0).note.steps;
    assert_eq!((steps.len(), steps[0].revision, steps[1].revision, steps[31].revision), (32, 0, 69, 99));
}

#[test]
fn a_mark_never_passes_what_waits_is_written_or_was_left_out() {
    let pending = Pending::default();
    let key = Arc::new(stage());
    let mark = || pending.due().first().map(|(_, ordinal)| *ordinal);
    pending.settle([(Arc::clone(&key), 1_000)].into_iter());
    assert_eq!(mark(), Some(1_000));
    pending.note(&stage(), note(1, 300, &[0]));
    assert_eq!(mark(), Some(300));
    let taken = pending.take(1);
    assert_eq!(mark(), Some(300), "what is being written is not in the table yet");
    pending.give_back(taken);
    assert_eq!(mark(), Some(300));
    pending.take(1);
    pending.give_back(Vec::new());
    assert_eq!(mark(), Some(1_000));
    pending.marked(&key, 1_000);
    assert_eq!(mark(), None);
}

#[test]
fn what_does_not_fit_is_read_again_from_the_log() {
    let pending = Pending::default();
    for n in 0..MOST + 5 {
        pending.note(&stage(), note(n, n as u64, &[0]));
    }
    pending.note(&stage(), note(0, 0, &[1]));
    let (key, from) = pending.behind().unwrap();
    assert_eq!(from, MOST as u64);
    pending.settle([(Arc::clone(&key), 1_000_000)].into_iter());
    pending.take(usize::MAX);
    pending.give_back(Vec::new());
    assert_eq!(pending.due(), [(Arc::clone(&key), MOST as u64)]);
    pending.note(&stage(), note(1, 7, &[2]));
    pending.caught_up(&key, from, None);
    assert!(pending.behind().is_none() && !pending.is_idle());
}

#[test]
fn what_is_left_out_while_a_log_is_read_again_is_not_forgotten() {
    let pending = Pending::default();
    pending.reread(&stage(), 40);
    let (key, from) = pending.behind().unwrap();
    assert_eq!(from, 40);
    pending.reread(&stage(), 10);
    assert_eq!(pending.behind().unwrap().1, 40, "a mark that was written stays");
    pending.caught_up(&key, 39, None);
    assert!(pending.behind().is_some(), "somebody has gone back meanwhile");
    pending.caught_up(&key, 40, Some(48));
    assert_eq!(pending.behind().unwrap().1, 48);
}
