//! What every adapter of a port must do: one function a duty, run against each adapter.
//!
//! An adapter's test names a place of its own, a fresh one for each duty, and says
//! `lakegate_tests::ledger_contract!(Place)`; so for `storage`, `catalog` and `source`. A place is
//! what outlives the adapter: a directory, a prefix of tables. Opening it a second time finds what
//! was written before. `lakegate_tests::ledger_contract!(Place, in_turn)` makes no tests but one function,
//! which runs all duties one after the other.

pub mod catalog;
pub mod ledger;
pub mod source;
pub mod storage;

/// Makes a test of each duty in a module of the contract, with a fresh place for each.
#[macro_export]
macro_rules! contract {
    ($module:path, $place:ty, [$($duty:ident),* $(,)?]) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $duty() {
                use $module as duties;
                duties::$duty(<$place>::default()).await;
            }
        )*
    };
    ($module:path, $place:ty, [$($duty:ident),* $(,)?], in_turn) => {
        async fn in_turn() {
            use $module as duties;
            $(
                eprintln!("{}", stringify!($duty));
                duties::$duty(<$place>::default()).await;
            )*
        }
    };
}
