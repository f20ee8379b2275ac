//! How long a restart after a hard end takes, with everything in queue and store.

use std::fs::OpenOptions;
use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::Result;
use e2e::Start;

use super::ingest::{all_stored, ensure_stored, stored};
use super::{Env, until};
use crate::report::{Figure, Target};

pub fn measure(env: &Env) -> Result<Vec<Figure>> {
    ensure_stored(env)?;
    let folder = env.fresh("restart")?;
    let (mut ready, mut flow) = (f64::MAX, f64::MAX);
    let log = folder.join("fresh.log");
    std::fs::write(&log, "")?;
    let mut paths = env.followed();
    paths.push(&log);
    let data = stored(env);
    for n in 0..3 {
        let server = Start::up_in(&folder, &data, &paths).start();
        all_stored(env, server.client())?;
        server.kill();
        let began = Instant::now();
        let mark = format!("restart{n}x{}", std::process::id());
        writeln!(OpenOptions::new().append(true).open(&log)?, "{mark}")?;
        let server = Start::up_in(&folder, &data, &paths).start();
        ready = ready.min(began.elapsed().as_secs_f64());
        until("the new line is found", Duration::from_millis(2), || {
            Ok(server
                .client()
                .get(&format!("/api/v1/search?q={mark}"))
                .is_ok_and(|text| text.contains(&mark))
                .then_some(()))
        })?;
        flow = flow.min(began.elapsed().as_secs_f64());
        server.stop();
    }
    Ok(vec![
        Figure::new("restart after kill -9, until lines flow", flow, "s", Target::AtMost(0.5)),
        Figure::new("  until it answers", ready, "s", Target::None),
    ])
}
