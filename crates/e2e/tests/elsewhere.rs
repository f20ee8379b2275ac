//! Agents on other machines: one server, and an agent that reaches it by HTTP only. Either may die at any moment.

use std::path::PathBuf;

use e2e::{Folder, Random, Server, Start, Writer, found, until};

const KILLS: u64 = 12;

struct Place {
    folder: Folder,
    /// Where the server listens: free at first, then always the same, so that the agent finds it again.
    listen: String,
}

impl Place {
    fn path(&self, name: &str) -> PathBuf {
        let path = self.folder.path(name);
        std::fs::create_dir_all(&path).expect("our own folder");
        path
    }

    fn server(&mut self) -> Server {
        let server = Start::role(&self.path("server"), &self.path("server/data"), "transfer");
        let server = server.arg("--listen").arg(&self.listen).start();
        self.listen = server.client().address.trim_start_matches("http://").to_owned();
        server
    }

    fn agent(&self) -> Server {
        let agent = Start::role(&self.path("agent"), &self.path("agent/data"), "agent");
        let server = format!("http://{}", self.listen);
        agent.arg("--server").arg(server).arg(self.folder.logs().join("*")).spawn()
    }
}

#[test]
fn nothing_is_lost_between_machines_whoever_dies() {
    let seed = Random::seed();
    eprintln!("seed {seed}: repeat with LOGDRIVE_TEST_SEED={seed}");
    let mut random = Random::new(seed);
    let mut place = Place { folder: Folder::new(), listen: "127.0.0.1:0".to_owned() };
    let mut writer = Writer::new(&place.folder.logs(), "far", seed);
    let (mut server, mut agent) = (place.server(), place.agent());
    for n in 0..KILLS {
        for _ in 0..random.below(20) {
            writer.burst();
        }
        if random.percent(40) {
            writer.rotate();
        }
        if n % 2 == 0 {
            server.kill();
            server = place.server();
        } else {
            agent.kill();
            agent = place.agent();
        }
    }
    writer.burst();
    let ledger = writer.finish();
    server.client().complete(ledger.0.len(), ledger.bytes());
    let hits = server.client().search(&["--all"]).expect("everything");
    let found = found(&hits).unwrap_or_else(|fault| panic!("seed {seed}: {fault}"));
    assert_eq!(ledger.compare(found.values().map(|file| &*file.bytes)), Ok(()), "seed {seed}");
    assert_eq!(agent.stop().code(), Some(0));
    assert_eq!(server.stop().code(), Some(0));
}

#[test]
fn an_agent_waits_for_its_server() {
    let mut place = Place { folder: Folder::new(), listen: "127.0.0.1:0".to_owned() };
    place.folder.log("a.log", "patience\n");
    let server = place.server();
    server.kill();
    let agent = place.agent();
    until("the agent says that it waits", || {
        let said = agent.output();
        if said.contains("waiting") && said.contains(&place.listen) { Ok(()) } else { Err(said) }
    });
    let server = place.server();
    server.client().hits("patience", 1);
}
