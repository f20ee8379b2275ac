//! Files as they are found in the wild, in and out.

use std::path::Path;

use super::*;

/// Writes files, converts the first of them, and gives the new file with its comments apart.
fn converted(files: &[(&str, &str)]) -> Result<(String, String), String> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let first = folder.path().join(files[0].0);
    let short = |text: String| text.replace(&format!("{}/", folder.path().display()), "");
    let converted = convert(&[first]).map_err(|failure| short(failure.to_string()))?;
    check(&converted.text).map_err(|failure| failure.to_string())?;
    let (comments, rest): (Vec<&str>, Vec<&str>) = converted.text.lines().partition(|line| line.starts_with('#'));
    assert_eq!(converted.notes.len() + 2, comments.len());
    Ok((rest.join("\n").trim().to_owned(), short(comments.join("\n"))))
}

fn body(files: &[(&str, &str)]) -> String {
    converted(files).map_or_else(|failure| failure, |(body, _)| body)
}

const LIST: &str = "[[stream]]\nname = \"nginx\"\npaths = [\"/var/log/nginx/access.log\"]";

#[test]
fn ini_with_one_file() {
    let file = "# collector\n[kafka]\naddr = 10.0.0.1:9092,10.0.0.2:9092 ; both\ntopic = \"nginx_log\"\nchan_max_size=100000\n\n\
                [taillog]\nfilename=/var/log/nginx/access.log\n";
    let (body, comments) = converted(&[("config.ini", file)]).unwrap();
    assert_eq!(
        body,
        format!("[queue]\nurl = \"kafka://10.0.0.1:9092,10.0.0.2:9092\"\n\n[kafka]\ntopic = \"nginx_log\"\n\n{LIST}")
    );
    for said in [
        "Made by 'logdrive convert' of config.ini.",
        "starts at the end of each file and forgets how far it was",
        "start = \"end\"",
        "acks = \"all\"",
        "not taken over: config.ini: [kafka] chan_max_size",
    ] {
        assert!(comments.contains(said), "{comments}");
    }
}

#[test]
fn ini_with_a_second_file() {
    let ini = "[kafka]\naddr=127.0.0.1:9092\ntopic=logs\n[tsdb]\naddress=http://127.0.0.1:8086\ndatabase=host\n\
               confpath=./conf/collect.yaml\n";
    let kafka = "[queue]\nurl = \"kafka://127.0.0.1:9092\"\n\n[kafka]\ntopic = \"logs\"\n\n[metrics]\nurl = \
                 \"influxdb://127.0.0.1:8086\"\ndatabase = \"host\"\n\n";
    let streams = "[[stream]]\nname = \"web\"\npaths = [\"/var/log/web.log\", \"/var/log/web2.log\"]\ntopic = \"web\"\n\n\
                   [[stream]]\nname = \"db\"\npaths = [\"/var/log/db.log\"]";
    let list =
        "- path: /var/log/web.log\n  topic: web\n- path: /var/log/web2.log\n  topic: web\n- {path: /var/log/db.log}\n";
    // Named from the program's folder, from the ini's folder, and with another list.
    for (first, second) in [("conf/config.ini", "conf/collect.yaml"), ("config.ini", "conf/collect.yaml")] {
        assert_eq!(body(&[(first, ini), (second, list)]), format!("{kafka}{streams}"), "{first}");
    }
    let (map, want) = ("db: /var/log/db.log\n", format!("{kafka}{}", &streams[streams.find("\n\n").unwrap() + 2..]));
    assert_eq!(body(&[("config.ini", ini), ("conf/collect.yaml", map)]), want);
    assert_eq!(
        body(&[("config.ini", ini)]),
        "config.ini names a second file './conf/collect.yaml', which is not there; put it beside, or correct the name"
    );
}

#[test]
fn lists_and_maps() {
    let two =
        "[[stream]]\nname = \"web\"\npaths = [\"/l/web.log\"]\n\n[[stream]]\nname = \"app\"\npaths = [\"/l/app.log\"]";
    for (name, text) in [
        ("a.json", r#"[{"path": "/l/web.log", "topic": "web"}, {"path": "/l/app.log", "topic": "app"}]"#),
        ("b.json", r#"{"web": "/l/web.log", "app": "/l/app.log"}"#),
        ("c.yaml", "logs:\n  web: /l/web.log\n  app: /l/app.log\n"),
        ("d.yml", "/l/web.log: web\n/l/app.log: app\n"),
        ("e.yaml", "collect:\n- {filepath: /l/web.log, topic: web}\n- {filepath: /l/app.log, topic: app}\n"),
        ("f.yaml", "web:\n  path: /l/web.log\napp:\n  path: /l/app.log\n"),
        ("g.ini", "[logs]\nweb = /l/web.log\napp = '/l/app.log' # new\n"),
        ("h.conf", "web = /l/web.log\napp = /l/app.log\n"),
    ] {
        assert_eq!(body(&[(name, text)]), two, "{name}");
    }
}

#[test]
fn other_keys_of_such_programs() {
    let yaml = "brokers:\n  - tcp://k1:9092\n  - k2:9092\nrequired_acks: 1\nkafka:\n  acks: 1\n  compression: snappy\n  sasl_mechanism: \
                SCRAM-SHA-512\n  username: u\n  password: 'p\"w${X}'\nes:\n  address: https://es:9200\n  index: Logs\n  chan_size: 5\n\
                tails:\n  - service: shop\n    log_path: /srv/shop/app.log.YYYY-MM-DD\n    topic: shop_log\n    send_rate: 100\n\
                log:\n  level: debug\n  path: ./agent.log\n";
    let (body, comments) = converted(&[("app.yaml", yaml)]).unwrap();
    assert_eq!(
        body,
        "[queue]\nurl = \"kafka://k1:9092,k2:9092\"\n\n[kafka]\ntopic = \"shop_log\"\nacks = \"leader\"\ncompression = \
         \"snappy\"\nsasl = \"scram-sha-512\"\nusername = \"u\"\npassword = \"p\\\"w$${X}\"\n\n[store]\nurl = \
         \"https://es:9200\"\nindex = \"logs\"\n\n[[stream]]\nname = \"shop\"\npaths = [\"/srv/shop/app.log.*\"]"
    );
    for said in [
        "[kafka] password is written as it was",
        "lines are lost when a broker is",
        "'/srv/shop/app.log.YYYY-MM-DD' has a date in it",
        "required_acks, app.yaml: [es] chan_size, app.yaml: [tails] send_rate, app.yaml: [log] level, app.yaml: [log] path",
    ] {
        assert!(comments.contains(said), "{said}\n{comments}");
    }
    let flat = "etcd_addr = 10.1.1.1:2379   # where\netcd_watch_key = /logagent/%s/conf\nkafka_addr = k:9092\nthread_num = 4\nlog = \
                ./log/agent.log\nlevel = debug\n";
    let said = self::body(&[("app.cfg", flat)]);
    assert!(said.contains("the list is in etcd") && said.contains("etcdctl get /logagent/%s/conf"), "{said}");
}

#[test]
fn what_cannot_be_read_has_a_place() {
    for (file, want) in [
        (("a.ini", "[kafka]\nwhat\n"), "a.ini:2:1: 'what' is neither a [section] nor key = value"),
        (("a.json", "{\n \"a\": }"), "a.json:2:7: this is no JSON: expected value"),
        (
            ("a.ini", "[kafka]\naddr=k:9092\n"),
            "a.ini: no file to follow is named there; give the file that lists them too",
        ),
    ] {
        assert_eq!(body(&[file]), want);
    }
    assert!(
        convert(&["/nowhere/x.ini".into()])
            .err()
            .unwrap()
            .to_string()
            .starts_with("cannot read /nowhere/x.ini: No such")
    );
}

#[test]
fn nothing_is_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("logdrive.toml");
    create(&path, b"a").unwrap();
    let said = create(&path, b"b").unwrap_err().to_string();
    assert!(said.ends_with("logdrive.toml is there already; remove it, or name another file with -o"), "{said}");
    assert_eq!(std::fs::read(Path::new(&path)).unwrap(), b"a");
}
