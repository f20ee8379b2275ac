//! `logdrive top` in a terminal of its own: it shows, follows keys, waits for a server that is gone, and gives the
//! terminal back.

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};

use e2e::{Folder, Start, binary, logdrive, until};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

/// A terminal with a program in it.
struct Terminal {
    person: File,
    program: File,
    child: Child,
    seen: Vec<u8>,
}

impl Terminal {
    fn start(args: &[&str]) -> Self {
        let person =
            openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).expect("there are terminals");
        grantpt(&person).and_then(|()| unlockpt(&person)).expect("it is ours");
        let name = ptsname(&person, Vec::new()).expect("it has a name");
        let name = name.to_str().expect("a plain name");
        let program = File::options().read(true).write(true).open(name).expect("it can be opened");
        tcsetwinsize(&program, Winsize { ws_row: 30, ws_col: 120, ws_xpixel: 0, ws_ypixel: 0 }).expect("it has a size");
        let flags = fcntl_getfl(&person).expect("it is open");
        fcntl_setfl(&person, flags | OFlags::NONBLOCK).expect("it is open");
        let end = || Stdio::from(program.try_clone().expect("is open"));
        let mut command = Command::new(binary());
        command.args(args).env("TERM", "xterm-256color").stdin(end()).stdout(end()).stderr(end());
        let child = command.spawn().expect("starts");
        Self { person: person.into(), program, child, seen: Vec::new() }
    }

    fn look(&mut self) -> String {
        let mut room = [0; 1 << 16];
        while let Ok(read @ 1..) = self.person.read(&mut room) {
            self.seen.extend_from_slice(&room[..read]);
        }
        String::from_utf8_lossy(&self.seen).into_owned()
    }

    fn shows(&mut self, text: &str) {
        until(&format!("'{text}' on the screen"), || match self.look() {
            seen if seen.contains(text) => Ok(()),
            seen => Err(seen),
        });
    }

    fn press(&mut self, keys: &str) {
        self.seen.clear();
        self.person.write_all(keys.as_bytes()).expect("is taken");
    }

    /// Waits until it ends by itself, and looks at what it leaves.
    fn ends(mut self) -> ExitStatus {
        let status = until("the end of top", || {
            self.look();
            self.child.try_wait().expect("is our child").ok_or_else(|| "it runs".to_owned())
        });
        let seen = self.look();
        assert!(seen.contains("\u{1b}[?1049l"), "the screen before is not back: {seen:?}");
        let modes = tcgetattr(&self.program).expect("is a terminal").local_modes;
        assert!(modes.contains(LocalModes::ICANON | LocalModes::ECHO), "keys are not lines again: {modes:?}");
        status
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Where a test fails, nothing is left behind; where it does not, it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn it_shows_a_server_and_gives_the_terminal_back() {
    let folder = Folder::new();
    folder.log("a.log", "one\ntwo\n");
    let server = Start::up(&folder, &[&folder.logs()]).start();
    let address = server.client().address.clone();
    let mut top = Terminal::start(&["top", "--server", &address]);
    top.shows("lines/s");
    top.press("2");
    top.shows("HOST");
    // Its row: the files are read by the server itself.
    top.shows("here");
    top.press("\r");
    top.shows("a.log");
    server.kill();
    top.shows("lost connection, retrying");
    top.press("q");
    assert_eq!(top.ends().code(), Some(0));
}

#[test]
fn a_signal_ends_it_as_a_key_does() {
    let mut top = Terminal::start(&["top", "--server", "127.0.0.1:1"]);
    top.shows("lost connection, retrying: cannot reach http://127.0.0.1:1");
    let pid = rustix::process::Pid::from_child(&top.child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("it is our child");
    assert_eq!(top.ends().code(), Some(0));
}

#[test]
fn without_a_terminal_it_is_one_plain_answer() {
    let folder = Folder::new();
    folder.log("a.log", "one\ntwo\n");
    let server = Start::up(&folder, &[&folder.logs()]).start();
    let client = server.client();
    client.complete(1, 8);
    let said = until("the file in top", || match client.says(&["top"]) {
        Ok(said) if said.contains("\tsize 8\tlag 0\tgaps 0\n") => Ok(said),
        other => Err(format!("{other:?}")),
    });
    assert!(said.starts_with("logdrive top - 1 agent  ") && said.contains("complete 100.000 %"), "{said}");
    assert!(!said.contains('\u{1b}'), "{said:?}");
    let json = client.says(&["top", "--json"]).expect("answers");
    assert!(json.starts_with("{\"at\":"), "{json}");
    let refused = logdrive(&["top", "--once", "--server", "127.0.0.1:1"]).output().expect("runs");
    assert_eq!(refused.status.code(), Some(1));
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(told.starts_with("logdrive: cannot reach http://127.0.0.1:1") && told.lines().count() == 1, "{told}");
}
