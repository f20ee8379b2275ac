//! Lines as real services write them, and what must be read from them.

use crate::common::parse;
use model::{Format, Level, Marks};

/// A line; its format; its time (`read` where it has none, `?` before one that was completed); its level; its fields.
type Case = (&'static str, Format, &'static str, Level, &'static str);

fn check(cases: &[Case]) {
    for &(line, format, time, level, fields) in cases {
        for hint in [Format::Unknown, format] {
            let parsed = parse(format!("{line}\n").as_bytes(), hint);
            assert_eq!(parsed.records.len(), 1, "{line}");
            let record = parsed.records[0];
            assert_eq!(record.format, format, "format with hint {hint}: {line}");
            let completed = if record.marks.has(Marks::TIME_COMPLETED) { "?" } else { "" };
            let shown = match record.marks.has(Marks::TIME_IS_READ_TIME) {
                true => "read".to_owned(),
                false => format!("{completed}{}", record.time),
            };
            assert_eq!(shown, time, "time with hint {hint}: {line}");
            assert_eq!(record.level, level, "level with hint {hint}: {line}");
            let found: Vec<String> =
                parsed.fields(0).map(|(name, value)| format!("{name}={}", String::from_utf8_lossy(value))).collect();
            assert_eq!(found.join("|"), fields, "fields with hint {hint}: {line}");
        }
    }
}

#[test]
fn json() {
    use Format::Json;
    check(&[
        (
            r#"{"time":"2024-01-31T10:00:00.123Z","level":"warn","msg":"disk \"sda\" full","n":-1.5e3,"ok":true,"none":null}"#,
            Json,
            "2024-01-31T10:00:00.123Z",
            Level::Warn,
            r#"time=2024-01-31T10:00:00.123Z|level=warn|msg=disk "sda" full|n=-1.5e3|ok=true"#,
        ),
        (
            r#"{ "a" : { "b" : { "c" : 1 } , "d" : [1, {"x":"]"}] }, "e" : "\u00e4\ud83d\ude00\n" }"#,
            Json,
            "read",
            Level::Unknown,
            "a.b.c=1|a.d=[1, {\"x\":\"]\"}]|e=ä😀\n",
        ),
        // pino, bunyan
        (
            r#"{"level":50,"time":1706695200123,"pid":7,"hostname":"h","msg":"boom"}"#,
            Json,
            "2024-01-31T10:00:00.123Z",
            Level::Error,
            "level=50|time=1706695200123|pid=7|hostname=h|msg=boom",
        ),
        // zap
        (
            r#"{"level":"info","ts":1706695200.5,"caller":"a/b.go:1","msg":"m"}"#,
            Json,
            "2024-01-31T10:00:00.500Z",
            Level::Info,
            "level=info|ts=1706695200.5|caller=a/b.go:1|msg=m",
        ),
        // MongoDB
        (
            r#"{"t":{"$date":"2024-01-31T10:00:00.123+00:00"},"s":"I","c":"NETWORK","id":1}"#,
            Json,
            "2024-01-31T10:00:00.123Z",
            Level::Info,
            "t.$date=2024-01-31T10:00:00.123+00:00|s=I|c=NETWORK|id=1",
        ),
        // Docker
        (
            r#"{"log":"hello\n","stream":"stdout","time":"2024-01-31T10:00:00.123456789Z"}"#,
            Json,
            "2024-01-31T10:00:00.123456Z",
            Level::Unknown,
            "log=hello\n|stream=stdout|time=2024-01-31T10:00:00.123456789Z",
        ),
        // ECS, with a flat and a nested name
        (
            r#"{"@timestamp":"2024-01-31T10:00:00Z","log.level":"ERROR","log":{"logger":"x"}}"#,
            Json,
            "2024-01-31T10:00:00Z",
            Level::Error,
            "@timestamp=2024-01-31T10:00:00Z|log.level=ERROR|log.logger=x",
        ),
        // A name twice: the first counts.
        (r#"{"a":1,"a":2}"#, Json, "read", Level::Unknown, "a=1"),
        ("{}", Json, "read", Level::Unknown, ""),
        // Microseconds and nanoseconds
        (r#"{"ts":1706695200123456}"#, Json, "2024-01-31T10:00:00.123456Z", Level::Unknown, "ts=1706695200123456"),
        (
            r#"{"ts":1706695200123456789}"#,
            Json,
            "2024-01-31T10:00:00.123456Z",
            Level::Unknown,
            "ts=1706695200123456789",
        ),
    ]);
}

#[test]
fn logfmt() {
    check(&[
        (
            r#"ts=2024-01-31T10:00:00.123Z caller=main.go:1 level=error msg="it \"broke\"" err= n=3"#,
            Format::Logfmt,
            "2024-01-31T10:00:00.123Z",
            Level::Error,
            r#"ts=2024-01-31T10:00:00.123Z|caller=main.go:1|level=error|msg=it "broke"|n=3"#,
        ),
        (
            r#"time="2024-01-31T10:00:00+01:00" level=info msg=started"#,
            Format::Logfmt,
            "2024-01-31T09:00:00Z",
            Level::Info,
            "time=2024-01-31T10:00:00+01:00|level=info|msg=started",
        ),
    ]);
}

#[test]
fn access() {
    use Format::Access;
    check(&[
        (
            r#"10.0.0.1 - - [31/Jan/2024:10:00:00 +0000] "GET /a?b=c HTTP/1.1" 200 612 "-" "curl/8.4.0""#,
            Access,
            "2024-01-31T10:00:00Z",
            Level::Info,
            "client=10.0.0.1|method=GET|path=/a?b=c|protocol=HTTP/1.1|status=200|bytes=612|user_agent=curl/8.4.0",
        ),
        (
            r#"::1 - bob smith [31/Jan/2024:10:00:00 -0130] "POST /x HTTP/2.0" 503 - "http://r/" "say \"hi\"" 0.012 "10.0.0.9" 0123456789abcdef0123456789abcdef"#,
            Access,
            "2024-01-31T11:30:00Z",
            Level::Error,
            r#"client=::1|user=bob smith|method=POST|path=/x|protocol=HTTP/2.0|status=503|referer=http://r/|user_agent=say \"hi\"|request_time=0.012|extra1=10.0.0.9|request_id=0123456789abcdef0123456789abcdef"#,
        ),
        (
            r#"10.0.0.1 - - [31/Jan/2024:10:00:00 +0000] "\x16\x03\x01" 400 157"#,
            Access,
            "2024-01-31T10:00:00Z",
            Level::Warn,
            r"client=10.0.0.1|request=\x16\x03\x01|status=400|bytes=157",
        ),
        (
            r#"shop.example:443 10.0.0.1 - - [31/Jan/2024:10:00:00 +0000] "GET / HTTP/1.1" 301 0 "-" "-""#,
            Access,
            "2024-01-31T10:00:00Z",
            Level::Info,
            "vhost=shop.example:443|client=10.0.0.1|method=GET|path=/|protocol=HTTP/1.1|status=301|bytes=0",
        ),
    ]);
}

#[test]
fn error_logs() {
    check(&[
        (
            r#"2024/01/31 10:00:00 [error] 12#34: *56 open() "/srv/x" failed (2: No such file or directory), client: 10.0.0.1, server: _, request: "GET /x, y HTTP/1.1", upstream: "http://10.0.0.2:80/x", host: "example.com", referrer: "http://r/""#,
            Format::NginxError,
            "?2024-01-31T09:00:00Z",
            Level::Error,
            "pid=12|tid=34|cid=56|client=10.0.0.1|server=_|request=GET /x, y HTTP/1.1|upstream=http://10.0.0.2:80/x|host=example.com|referrer=http://r/",
        ),
        (
            "2024/01/31 10:00:00 [notice] 1#1: using the \"epoll\" event method",
            Format::NginxError,
            "?2024-01-31T09:00:00Z",
            Level::Info,
            "pid=1|tid=1",
        ),
        (
            "[Sun Dec 04 04:47:44 2005] [error] [client 10.0.0.1] Directory index forbidden",
            Format::ApacheError,
            "?2005-12-04T03:47:44Z",
            Level::Error,
            "client=10.0.0.1",
        ),
        (
            "[Wed Oct 11 14:32:52.123456 2000] [core:warn] [pid 35708:tid 4328636416] [client 10.0.0.1:54321] AH00135: Invalid method",
            Format::ApacheError,
            "?2000-10-11T13:32:52.123456Z",
            Level::Warn,
            "module=core|pid=35708|tid=4328636416|client=10.0.0.1:54321|code=AH00135",
        ),
        (
            "[Sun Dec 04 04:47:44 2005] [notice] jk2_init() Found child 6725",
            Format::ApacheError,
            "?2005-12-04T03:47:44Z",
            Level::Info,
            "",
        ),
    ]);
}

#[test]
fn syslog() {
    use Format::{Syslog3164, Syslog5424};
    check(&[
        (
            "Jan 31 10:00:00 web1 sshd[24200]: Failed password for root from 10.0.0.1 port 5",
            Syslog3164,
            "?2024-01-31T09:00:00Z",
            Level::Error,
            "host=web1|app=sshd|pid=24200",
        ),
        (
            "Dec  3 10:00:00 web1 kernel: [12.3] warning: out of paper",
            Syslog3164,
            "?2023-12-03T09:00:00Z",
            Level::Unknown,
            "host=web1|app=kernel",
        ),
        (
            "Jan 31 10:00:00 web1 dbus-daemon: error: no bus",
            Syslog3164,
            "?2024-01-31T09:00:00Z",
            Level::Error,
            "host=web1|app=dbus-daemon",
        ),
        (
            "<34>Oct 11 22:14:15 mymachine su: 'su root' failed for lonvick on /dev/pts/8",
            Syslog3164,
            "?2023-10-11T21:14:15Z",
            Level::Fatal,
            "host=mymachine|app=su|facility=auth|severity=crit",
        ),
        (
            "2024-01-31T10:00:00.123456+01:00 web1 systemd[1]: Started a thing.",
            Syslog3164,
            "2024-01-31T09:00:00.123456Z",
            Level::Unknown,
            "host=web1|app=systemd|pid=1",
        ),
        (
            r#"<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog - ID47 [ex@32473 iut="3" src="a \"b\""] An event"#,
            Syslog5424,
            "2003-10-11T22:14:15.003Z",
            Level::Info,
            r#"host=mymachine.example.com|app=evntslog|msgid=ID47|facility=local4|severity=notice|ex@32473.iut=3|ex@32473.src=a "b""#,
        ),
        (
            "<11>1 2024-01-31T10:00:00Z h app 99 - - text",
            Syslog5424,
            "2024-01-31T10:00:00Z",
            Level::Error,
            "host=h|app=app|pid=99|facility=user|severity=err",
        ),
    ]);
}

#[test]
fn java_and_its_kin() {
    use Format::Timestamped;
    check(&[
        // ZooKeeper
        (
            "2015-07-29 17:41:44,747 - INFO  [QuorumPeer[myid=1]/0:0:2181:FastLeaderElection@774] - Notification",
            Timestamped,
            "?2015-07-29T16:41:44.747Z",
            Level::Info,
            "thread=QuorumPeer[myid=1]/0:0:2181:FastLeaderElection@774",
        ),
        // HDFS
        (
            "081109 203615 148 INFO dfs.DataNode$PacketResponder: PacketResponder 1 terminating",
            Timestamped,
            "?2008-11-09T19:36:15Z",
            Level::Info,
            "pid=148|logger=dfs.DataNode$PacketResponder",
        ),
        // Spark
        (
            "17/06/09 20:10:40 WARN executor.Executor: slow",
            Timestamped,
            "?2017-06-09T19:10:40Z",
            Level::Warn,
            "logger=executor.Executor",
        ),
        // Hadoop
        (
            "2015-10-18 18:01:47,978 INFO [main] org.apache.hadoop.mapreduce.v2.app.MRAppMaster: Created",
            Timestamped,
            "?2015-10-18T17:01:47.978Z",
            Level::Info,
            "thread=main|logger=org.apache.hadoop.mapreduce.v2.app.MRAppMaster",
        ),
        // logback
        (
            "2024-01-31 10:00:00.123 [main] DEBUG c.e.shop.Cart - added: 3",
            Timestamped,
            "?2024-01-31T09:00:00.123Z",
            Level::Debug,
            "thread=main|logger=c.e.shop.Cart",
        ),
        // Spring Boot
        (
            "2024-01-31T10:00:00.123+01:00  INFO 4711 --- [shop] [           main] c.e.shop.Application   : Started",
            Timestamped,
            "2024-01-31T09:00:00.123Z",
            Level::Info,
            "pid=4711|app=shop|thread=main|logger=c.e.shop.Application",
        ),
        // Kafka
        (
            "[2024-01-31 10:00:00,123] ERROR [Broker id=1] Stopping (kafka.server.BrokerServer)",
            Timestamped,
            "?2024-01-31T09:00:00.123Z",
            Level::Error,
            "logger=kafka.server.BrokerServer",
        ),
        // Elasticsearch
        (
            "[2024-01-31T10:00:00,123][INFO ][o.e.n.Node               ] [node-1] started",
            Timestamped,
            "?2024-01-31T09:00:00.123Z",
            Level::Info,
            "logger=o.e.n.Node",
        ),
        // Tomcat
        (
            "31-Jan-2024 10:00:00.123 SEVERE [main] org.apache.catalina.core.StandardService.start boom",
            Timestamped,
            "?2024-01-31T09:00:00.123Z",
            Level::Error,
            "thread=main",
        ),
        // Cassandra
        (
            "INFO  [main] 2024-01-31 10:00:00,123 CassandraDaemon.java:650 - Startup complete",
            Timestamped,
            "?2024-01-31T09:00:00.123Z",
            Level::Info,
            "thread=main|logger=CassandraDaemon.java:650",
        ),
    ]);
}

#[test]
fn python_go_rust_ruby() {
    use Format::Timestamped;
    check(&[
        (
            "2024-01-31 10:00:00,123 - my.app - WARNING - careful",
            Timestamped,
            "?2024-01-31T09:00:00.123Z",
            Level::Warn,
            "logger=my.app",
        ),
        ("INFO:my.app:hello: you", Timestamped, "read", Level::Info, "logger=my.app"),
        ("[ERROR] it broke", Timestamped, "read", Level::Error, ""),
        // OpenStack, behind its file's name
        (
            "nova-api.log.1 2017-05-16 00:00:00.008 25746 INFO nova.osapi.server [req-1 - - -] 10.0.0.1 \"GET /v2\"",
            Timestamped,
            "?2017-05-15T23:00:00.008Z",
            Level::Info,
            "app=nova-api.log.1|pid=25746|logger=nova.osapi.server",
        ),
        ("2024/01/31 10:00:00 listening on :80", Timestamped, "?2024-01-31T09:00:00Z", Level::Unknown, ""),
        (
            "2024/01/31 10:00:00 main.go:12: ERROR no way",
            Timestamped,
            "?2024-01-31T09:00:00Z",
            Level::Error,
            "logger=main.go:12",
        ),
        // klog
        (
            "E0131 10:00:00.123456   12345 reflector.go:138] Failed to watch",
            Timestamped,
            "?2024-01-31T09:00:00.123456Z",
            Level::Error,
            "pid=12345|logger=reflector.go:138",
        ),
        // zap console
        (
            "2024-01-31T10:00:00.123Z\tINFO\tmain\tapp/main.go:12\tstarted\t{\"a\": 1}",
            Timestamped,
            "2024-01-31T10:00:00.123Z",
            Level::Info,
            "logger=main",
        ),
        // etcd, old
        (
            "2024-01-31 10:00:00.123456 W | etcdserver: slow request",
            Timestamped,
            "?2024-01-31T09:00:00.123456Z",
            Level::Warn,
            "logger=etcdserver",
        ),
        // hclog
        (
            "2024-01-31T10:00:00.123Z [WARN]  agent.server: member left",
            Timestamped,
            "2024-01-31T10:00:00.123Z",
            Level::Warn,
            "logger=agent.server",
        ),
        // tracing, in colour
        (
            "\x1b[2m2024-01-31T10:00:00.123456Z\x1b[0m \x1b[32m INFO\x1b[0m \x1b[2mapp::web\x1b[0m\x1b[2m:\x1b[0m started",
            Timestamped,
            "2024-01-31T10:00:00.123456Z",
            Level::Info,
            "",
        ),
        (
            "2024-01-31T10:00:00.123456Z  WARN app::web: slow",
            Timestamped,
            "2024-01-31T10:00:00.123456Z",
            Level::Warn,
            "logger=app::web",
        ),
        // Ruby
        (
            "E, [2024-01-31T10:00:00.123456 #12345] ERROR -- app: no",
            Timestamped,
            "?2024-01-31T09:00:00.123456Z",
            Level::Error,
            "pid=12345|logger=app",
        ),
        ("panic: runtime error: index out of range", Timestamped, "read", Level::Fatal, ""),
    ]);
}

#[test]
fn databases_and_the_system() {
    use Format::Timestamped;
    check(&[
        (
            "2024-01-31 10:00:00.123 UTC [123] LOG:  database system is ready",
            Timestamped,
            "2024-01-31T10:00:00.123Z",
            Level::Info,
            "pid=123",
        ),
        (
            "2024-01-31 10:00:00.123 CET [123] bob@shop ERROR:  relation \"x\" does not exist",
            Timestamped,
            "2024-01-31T09:00:00.123Z",
            Level::Error,
            "pid=123|user=bob@shop",
        ),
        (
            "12345:M 31 Jan 2024 10:00:00.123 # Warning: no config file",
            Timestamped,
            "?2024-01-31T09:00:00.123Z",
            Level::Warn,
            "pid=12345|role=M",
        ),
        (
            "2024-01-31T10:00:00.123456Z 0 [Warning] [MY-010116] [Server] starting",
            Timestamped,
            "2024-01-31T10:00:00.123456Z",
            Level::Warn,
            "pid=0|thread=MY-010116",
        ),
        (
            "2024-01-31 10:00:00.123 [info] <0.123.0> Server startup complete",
            Timestamped,
            "?2024-01-31T09:00:00.123Z",
            Level::Info,
            "",
        ),
        (
            "2024-01-31T10:00:00.123456789Z stderr F it broke",
            Timestamped,
            "2024-01-31T10:00:00.123456Z",
            Level::Unknown,
            "stream=stderr",
        ),
        (
            "2024-01-31 10:00:00 status installed libc6:amd64 2.36",
            Timestamped,
            "?2024-01-31T09:00:00Z",
            Level::Unknown,
            "",
        ),
        (
            "update-alternatives 2024-01-31 10:00:00: run with --quiet",
            Timestamped,
            "?2024-01-31T09:00:00Z",
            Level::Unknown,
            "app=update-alternatives",
        ),
        ("Start-Date: 2024-01-31  10:00:00", Timestamped, "?2024-01-31T09:00:00Z", Level::Unknown, "app=Start-Date"),
    ]);
}

#[test]
fn more_dialects() {
    use Format::Timestamped;
    check(&[
        // gunicorn, celery, uvicorn, Django
        (
            "[2024-01-31 10:00:00 +0000] [7] [INFO] Starting gunicorn",
            Timestamped,
            "2024-01-31T10:00:00Z",
            Level::Info,
            "pid=7",
        ),
        (
            "[2024-01-31 10:00:00,123: WARNING/MainProcess] celery is slow",
            Timestamped,
            "?2024-01-31T09:00:00.123Z",
            Level::Warn,
            "",
        ),
        ("INFO:     10.0.0.1:52100 - \"GET / HTTP/1.1\" 200 OK", Timestamped, "read", Level::Info, ""),
        ("[31/Jan/2024 10:00:00] \"GET / HTTP/1.1\" 200 612", Timestamped, "?2024-01-31T09:00:00Z", Level::Unknown, ""),
        // Monolog, NLog, cloud-init, fail2ban
        (
            "[2024-01-31T10:00:00.123456+00:00] local.ERROR: it broke {\"a\":1} []",
            Timestamped,
            "2024-01-31T10:00:00.123456Z",
            Level::Error,
            "logger=local",
        ),
        (
            "2024-01-31 10:00:00.1234|WARN|My.App.Cart|slow",
            Timestamped,
            "?2024-01-31T09:00:00.123400Z",
            Level::Warn,
            "logger=My.App.Cart",
        ),
        (
            "2024-01-31 10:00:00,123 - util.py[DEBUG]: Cloud-init ran",
            Timestamped,
            "?2024-01-31T09:00:00.123Z",
            Level::Debug,
            "logger=util.py",
        ),
        (
            "2024-01-31 10:00:00,123 fail2ban.filter         [123]: INFO    [sshd] Found 10.0.0.1",
            Timestamped,
            "?2024-01-31T09:00:00.123Z",
            Level::Info,
            "logger=fail2ban.filter|pid=123",
        ),
        // PostgreSQL before and after it knows who it is talking to
        (
            "2024-01-31 10:00:00.123 UTC [123] [unknown]@[unknown] LOG:  connection received",
            Timestamped,
            "2024-01-31T10:00:00.123Z",
            Level::Info,
            "pid=123",
        ),
        (
            "2024-01-31 10:00:00 UTC [123]: user=bob,db=shop,app=psql FATAL:  no",
            Timestamped,
            "2024-01-31T10:00:00Z",
            Level::Fatal,
            "pid=123",
        ),
        // MariaDB, MongoDB, Envoy, squid, Nagios
        (
            "2024-01-31 10:00:00 140123456789012 [Note] InnoDB: ready",
            Timestamped,
            "?2024-01-31T09:00:00Z",
            Level::Info,
            "pid=140123456789012|logger=InnoDB",
        ),
        (
            "2024-01-31T10:00:00.123+0000 W  NETWORK  [listener] waiting",
            Timestamped,
            "2024-01-31T10:00:00.123Z",
            Level::Warn,
            "",
        ),
        (
            "[2024-01-31 10:00:00.123][1][warning][main] [source/server.cc:1] slow",
            Timestamped,
            "?2024-01-31T09:00:00.123Z",
            Level::Warn,
            "pid=1|thread=main",
        ),
        (
            "1706695200.123    100 10.0.0.1 TCP_MISS/200 612 GET http://x/",
            Timestamped,
            "2024-01-31T10:00:00.123Z",
            Level::Unknown,
            "",
        ),
        ("[1706695200] SERVICE ALERT: web", Timestamped, "2024-01-31T10:00:00Z", Level::Unknown, ""),
        ("error: could not compile", Timestamped, "read", Level::Error, ""),
        // The kernel's audit log
        (
            "type=SYSCALL msg=audit(1706695200.123:456): arch=c000003e syscall=59 success=yes",
            Format::Logfmt,
            "2024-01-31T10:00:00.123Z",
            Level::Unknown,
            "type=SYSCALL|msg=audit(1706695200.123:456):|arch=c000003e|syscall=59|success=yes",
        ),
    ]);
}

#[test]
fn prose_is_left_alone() {
    for line in [
        "",
        "hello world",
        "a=b and then some prose",
        "{not json}",
        r#"{"a":1} trailing"#,
        r#"{"a":"unterminated"#,
        "Font directories:",
        "[bracket] text",
        "2024-13-31 10:00:00 no such month",
        "Jan 32 10:00:00 h a: no such day",
        "10.0.0.1 is alive",
        "<999>1 - - - - - -",
        "Information about things",
        "\u{0}\u{1}\u{2}",
    ] {
        let parsed = parse(format!("{line}\n").as_bytes(), Format::Unknown);
        let record = parsed.records[0];
        assert_eq!(record.format, Format::Unknown, "{line}");
        assert_eq!(record.time, crate::common::read_at(), "{line}");
        assert!(record.marks.has(Marks::UNPARSED.with(Marks::TIME_IS_READ_TIME)), "{line}");
        assert!(parsed.columns.is_empty(), "{line}");
    }
}

#[test]
fn a_joined_trace_names_its_exception() {
    let text = "2024-01-31 10:00:00,123 ERROR [main] c.e.A - boom\njava.lang.IllegalStateException: no\n\tat c.e.A.b(A.java:1)\n\
                Caused by: java.io.IOException: x\n\t... 3 more\n2024-01-31 10:00:01,123 INFO [main] c.e.A - on\n";
    let parsed = parse(text.as_bytes(), Format::Timestamped);
    assert_eq!(parsed.records.len(), 2);
    assert!(parsed.line(&parsed.records[0]).ends_with(b"\t... 3 more"));
    let fields: Vec<_> = parsed.fields(0).map(|(name, value)| (name.to_owned(), value.to_vec())).collect();
    assert!(fields.contains(&("exception".to_owned(), b"java.lang.IllegalStateException".to_vec())), "{fields:?}");
    assert_eq!(parsed.fields(1).count(), 2);
}
