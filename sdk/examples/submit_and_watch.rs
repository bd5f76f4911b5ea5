//! Hands files that lie in the raw zone of a running lake to their pipelines, and watches each
//! until it has been worked off.
//!
//! ```text
//! lakegate up --dir my-lake --listen 127.0.0.1:7447     # in another terminal
//! cargo run -p lakegate-sdk --example submit_and_watch -- http://127.0.0.1:7447 demo/orders/today.csv
//! ```

use std::{env, error::Error, pin::pin};

use futures::TryStreamExt as _;
use lakegate_sdk::{Client, Submitted};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let endpoint = arguments.next().ok_or("usage: submit_and_watch ENDPOINT KEY...")?;
    let lake = Client::connect(endpoint).await?;
    for submitted in lake.submit(arguments).await? {
        follow(&lake, submitted).await?;
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "an example shows what it learns")]
async fn follow(lake: &Client, submitted: Submitted) -> Result<(), Box<dyn Error>> {
    let Submitted { key, object, new, refused } = submitted;
    let Some(object) = object else {
        println!("{key}: refused: {}", refused.map(|failure| failure.to_string()).unwrap_or_default());
        return Ok(());
    };
    println!("{key}: {} as {object}", if new { "taken" } else { "known already" });
    // An object of a batch stage has no run before its batch is sealed.
    let Some(run) = lake.object(&object).await?.run else {
        println!("{key}: waits in an open batch");
        return Ok(());
    };
    let mut changes = pin!(lake.watch_run(&run).await?);
    while let Some(run) = changes.try_next().await? {
        println!("{key}: {} (attempt {}, {} rows in, {} rows out)", run.state, run.attempt, run.rows_in, run.rows_out);
        if let Some(failure) = run.failure {
            println!("{key}: {failure}");
        }
    }
    Ok(())
}
