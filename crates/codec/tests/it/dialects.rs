//! "Time level logger message" in its dialects, as real services write them.

use model::{Format, Level};

use crate::common::check;

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
        (
            "2024-01-31 10:00:00,747 [myid:] - WARN  [NIOWorkerThread-1:NIOServerCnxn@383] - Close of session 0x0",
            Timestamped,
            "?2024-01-31T09:00:00.747Z",
            Level::Warn,
            "thread=NIOWorkerThread-1:NIOServerCnxn@383",
        ),
        (
            "2024-01-31 10:00:00,747 [myid:3] - INFO  [main:QuorumPeer@1] - up",
            Timestamped,
            "?2024-01-31T09:00:00.747Z",
            Level::Info,
            "myid=3|thread=main:QuorumPeer@1",
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
