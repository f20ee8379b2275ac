//! `logdrive queue`: who reads what the queue holds, and how far; forgetting those who are gone.

use std::io::{self, Write};

use base::Explain;
use model::Cursors;
use queue::{DEAD_LETTERS, LINES, METRICS, Queue, QueueError, TopicStats};
use queue_remote::RemoteQueue;

use crate::cli::{ClientArgs, QueueCommand};
use crate::client::Client;
use crate::commands::up;
use crate::failure::Failure;
use crate::terminal::note;

pub(crate) fn run(command: &QueueCommand) -> Result<(), Failure> {
    let runtime = up::runtime()?;
    let outcome = runtime.block_on(async {
        match command {
            QueueCommand::Groups { client } => groups(client).await,
            QueueCommand::Forget { group, topic, client } => forget(client, topic, group).await,
        }
    });
    runtime.shutdown_background();
    outcome
}

async fn connect(args: &ClientArgs) -> Result<RemoteQueue, Failure> {
    let client = Client::new(&args.server)?;
    RemoteQueue::connect(client.base(), None).await.map_err(failed)
}

#[expect(clippy::needless_pass_by_value, reason = "it is used as a function value")]
fn failed(error: QueueError) -> Failure {
    Failure::Failed(error.chain())
}

async fn groups(args: &ClientArgs) -> Result<(), Failure> {
    let queue = connect(args).await?;
    let mut all = Vec::new();
    for topic in [LINES, METRICS, DEAD_LETTERS] {
        match queue.stats(topic).await {
            Ok(stats) => all.push((topic, stats)),
            // In Kafka not every topic has to be there.
            Err(error @ QueueError::Refused { .. }) => note(&format!("{topic}: {}", error.chain())),
            Err(error) => return Err(failed(error)),
        }
    }
    let mut out = io::stdout().lock();
    let rows: Vec<Row<'_>> = all.iter().flat_map(|(topic, stats)| rows(topic, stats)).collect();
    if args.json {
        for Row { topic, group, behind, is_unread } in rows {
            let row = serde_json::json!({ "topic": topic, "group": group, "behind": behind, "unread": is_unread });
            writeln!(out, "{row}")?;
        }
        return Ok(());
    }
    let width = rows.iter().map(|row| row.group.len()).max().unwrap_or_default().max("GROUP".len());
    writeln!(out, "{:12}  {:width$}  {:>10}", "TOPIC", "GROUP", "BEHIND")?;
    for Row { topic, group, behind, is_unread } in rows {
        let unread = if is_unread { "  read by nobody" } else { "" };
        writeln!(out, "{topic:12}  {group:width$}  {behind:>10}{unread}")?;
    }
    Ok(())
}

/// A group as it is shown.
struct Row<'a> {
    topic: &'static str,
    group: &'a str,
    behind: u64,
    is_unread: bool,
}

fn rows<'a>(topic: &'static str, stats: &'a TopicStats) -> impl Iterator<Item = Row<'a>> {
    stats.groups.iter().map(move |(group, cursors): &(String, Cursors)| Row {
        topic,
        group,
        behind: stats.behind(cursors),
        is_unread: stats.unread.contains(group),
    })
}

async fn forget(args: &ClientArgs, topic: &str, group: &str) -> Result<(), Failure> {
    let queue = connect(args).await?;
    let stats = queue.stats(topic).await.map_err(failed)?;
    let Some((_, cursors)) = stats.groups.iter().find(|(name, _)| name == group) else {
        let known: Vec<_> = stats.groups.iter().map(|(name, _)| name.as_str()).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        return Err(Failure::Failed(format!("topic '{topic}' knows no group '{group}'; those it knows: {known}")));
    };
    let behind = stats.behind(cursors);
    queue.forget(topic, group).await.map_err(failed)?;
    note(&format!("group '{group}' is forgotten; {behind} batches of topic '{topic}' no longer wait for it"));
    Ok(())
}
