use std::os::unix::fs::symlink;

use super::*;

struct Tree {
    folder: tempfile::TempDir,
}

impl Tree {
    fn new(files: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().expect("a parent")).expect("makes");
            fs::write(path, b"x").expect("writes");
        }
        Self { folder }
    }

    fn follow(&self, paths: &[&str], exclude: &[&str]) -> Follow {
        let absolute = |path: &&str| self.folder.path().join(path).to_string_lossy().into_owned();
        let mut stream = StreamConfig::new("s", paths.iter().map(absolute).collect());
        stream.exclude = exclude.iter().map(|text| text.replace("{}", &self.folder.path().to_string_lossy())).collect();
        Follow::new(&[stream], &self.folder.path().join("own")).expect("compiles")
    }

    /// The claimed files of a walk, by their names below the folder; and how many problems there were.
    fn walked(&self, follow: &Follow) -> (Vec<String>, usize) {
        let (mut files, mut problems) = (Vec::new(), 0);
        follow.walk(&mut |found| match found {
            Found::File(path, _, Some(_)) => {
                let name = path.strip_prefix(self.folder.path()).expect("below the folder");
                files.push(name.to_string_lossy().into_owned());
            }
            Found::Problem(..) => problems += 1,
            _ => {}
        });
        files.sort();
        files.dedup();
        (files, problems)
    }
}

#[test]
fn finds_what_the_patterns_name() {
    let tree = Tree::new(&[
        "a.log",
        "b.log",
        "b.log.1",
        "b.log.2.gz",
        "c.txt",
        "sub/d.log",
        "sub/deep/e.log",
        "sub/deep/f.txt",
        "own/x.log",
        "we[i]rd.log",
        "wtmp",
        "sub/system.journal",
    ]);
    let table: [(&[&str], &[&str], &[&str]); 11] = [
        (&["a.log"], &[], &["a.log"]),
        (&["*.log"], &[], &["a.log", "b.log", "we[i]rd.log"]),
        (&["**/*.log"], &[], &["a.log", "b.log", "sub/d.log", "sub/deep/e.log", "we[i]rd.log"]),
        (&["*/d.log"], &[], &["sub/d.log"]),
        (&["sub/**"], &[], &["sub/d.log", "sub/deep/e.log", "sub/deep/f.txt", "sub/system.journal"]),
        (&["{a,b}.log*"], &["*.gz"], &["a.log", "b.log", "b.log.1"]),
        (&["we[i]rd.log"], &[], &["we[i]rd.log"]),
        (&["sub"], &[], &["sub/d.log", "sub/deep/e.log", "sub/deep/f.txt"]),
        (&["sub"], &["{}/sub/deep/**"], &["sub/d.log"]),
        (&[""], &["*.txt"], &["a.log", "b.log", "b.log.1", "sub/d.log", "sub/deep/e.log", "we[i]rd.log"]),
        (&["[ab].log", "c.???"], &[], &["a.log", "b.log", "c.txt"]),
    ];
    for (paths, exclude, wanted) in table {
        let follow = tree.follow(paths, exclude);
        assert_eq!(
            tree.walked(&follow),
            (wanted.iter().map(|name| (*name).to_owned()).collect(), 0),
            "{paths:?} {exclude:?}"
        );
        for name in wanted {
            assert!(follow.claim(&tree.folder.path().join(name)).is_some(), "{name} by {paths:?}");
        }
    }
}

#[test]
fn symlinks_are_followed_and_loops_are_no_trap() {
    let tree = Tree::new(&["real/a.log"]);
    symlink(tree.folder.path().join("real"), tree.folder.path().join("link")).expect("links");
    symlink(tree.folder.path(), tree.folder.path().join("real/up")).expect("links");
    symlink(tree.folder.path().join("nowhere"), tree.folder.path().join("real/broken.log")).expect("links");
    symlink(tree.folder.path().join("real/a.log"), tree.folder.path().join("b.log")).expect("links");
    let (files, problems) = tree.walked(&tree.follow(&["link"], &[]));
    assert_eq!(problems, 0);
    assert!(files.contains(&"link/a.log".to_owned()), "{files:?}");
    assert_eq!(tree.walked(&tree.follow(&["*.log"], &[])), (vec!["b.log".to_owned()], 0));
}

#[test]
fn what_is_not_there_is_said() {
    let tree = Tree::new(&["a.log"]);
    assert_eq!(tree.walked(&tree.follow(&["no.log", "nowhere/*.log", "a.log"], &[])), (vec!["a.log".to_owned()], 2));
}

#[test]
fn bad_patterns_are_refused_with_their_key() {
    let refused = |paths: &[&str], exclude: &[&str]| {
        let own = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        let mut stream = StreamConfig::new("web", own(paths));
        stream.exclude = own(exclude);
        Follow::new(&[stream], Path::new("/own")).err().expect("is refused").to_string()
    };
    assert!(refused(&["/a/[.log"], &[]).starts_with("stream 'web', paths: '/a/[.log' is not a glob"));
    assert!(refused(&["/a"], &["{a"]).starts_with("stream 'web', exclude: '{a' is not a glob"));
    assert!(refused(&["a.log"], &[]).starts_with("stream 'web', paths: 'a.log' is not absolute"));
}

#[test]
fn rotated_names_lead_to_what_they_were() {
    let tree = Tree::new(&["app.log"]);
    let follow = tree.follow(&["app.log"], &[]);
    let base = |name: &str| follow.bases(&tree.folder.path().join(name)).len();
    for name in
        ["app.log.1", "app.log-20240101", "app.log.2024-01-01.3", "app-20240101.log", "app.1.log", "app.log_old"]
    {
        assert_eq!(base(name), 1, "{name}");
    }
    for name in ["app.log", "app.log.1.gz", "app.log.2.zst", "other.log.1", "apple.log", "app-error.log", "app.logs"] {
        assert_eq!(base(name), 0, "{name}");
    }
}
