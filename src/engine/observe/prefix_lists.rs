//! Reading the prefix lists that AWS manages.

use crate::cloud::Reads;
use crate::cloud::port::CloudResult;
use crate::domain::{Scope, text};
use crate::policy::address::{AwsList, AwsLists};
use futures::future::join_all;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// How long it may take in all: a block comes first, and what is not known by then is said. Shorter than the patience of
/// a quarantine with the denies beside it.
const PATIENCE: Duration = Duration::from_secs(4);

/// AWS's own prefix lists with their ranges: two round trips, however many there are. What can't be read is said and
/// stops nothing.
pub(in crate::engine) async fn of_aws(reads: &dyn Reads, scope: &Scope) -> AwsLists {
    let by = Instant::now() + PATIENCE;
    let lists = match before(by, reads.aws_prefix_lists(scope)).await {
        Ok(lists) => lists,
        Err(why) => return AwsLists { read: vec![], unread: vec![format!("all in {scope} ({why})")] },
    };
    let each = lists.into_iter().map(|list| async move {
        let ranges = before(by, reads.prefix_list_entries(scope, &list.id)).await;
        (list, ranges)
    });
    let mut found = AwsLists::default();
    for (list, answer) in join_all(each).await {
        match answer {
            Ok(ranges) => found.read.push(AwsList { list, ranges }),
            Err(why) => found.unread.push(format!("{list} in {scope} ({why})")),
        }
    }
    found
}

/// What comes in time, or why it didn't, escaped.
async fn before<T>(by: Instant, read: impl Future<Output = CloudResult<T>>) -> Result<T, String> {
    match timeout_at(by, read).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(text::safe(&format!("{}: {}", error.operation, error.code)).into_owned()),
        Err(_) => Err(format!("no answer within {} s", PATIENCE.as_secs())),
    }
}
