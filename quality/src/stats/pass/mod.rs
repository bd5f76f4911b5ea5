//! The one pass: batches are decoded once, with the columns that anything needs, by as many threads
//! as there are cores; each thread's accumulators take all that its batches tell, and are put
//! together at the end.

mod accumulator;
mod batch;
mod column;
mod dictionary;
mod expressions;
mod groups;
mod plan;
mod run;

pub(crate) use self::{
    column::extremes_of,
    groups::{Key, key_text},
    plan::{FEW_THREADS, Plan, Target, columns_of_statistic as columns_of},
    run::{Found, GROUPS, Groups, Value, run},
};
