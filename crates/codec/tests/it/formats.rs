//! Lines as real services write them, and what must be read from them.

use crate::common::{check, parse};
use model::{Format, Level, Marks};

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
        // PostgreSQL's jsonlog, hclog, loguru, the levels between of Go's slog
        (
            r#"{"timestamp":"2024-01-31 10:00:00.123 UTC","pid":7,"error_severity":"FATAL","message":"no"}"#,
            Json,
            "2024-01-31T10:00:00.123Z",
            Level::Fatal,
            "timestamp=2024-01-31 10:00:00.123 UTC|pid=7|error_severity=FATAL|message=no",
        ),
        (
            r#"{"@level":"warn","@message":"m","@timestamp":"2024-01-31T10:00:00.000001Z"}"#,
            Json,
            "2024-01-31T10:00:00.000001Z",
            Level::Warn,
            "@level=warn|@message=m|@timestamp=2024-01-31T10:00:00.000001Z",
        ),
        (
            r#"{"record":{"level":{"name":"ERROR","no":40},"time":{"timestamp":1706695200.123456}}}"#,
            Json,
            "2024-01-31T10:00:00.123456Z",
            Level::Error,
            "record.level.name=ERROR|record.level.no=40|record.time.timestamp=1706695200.123456",
        ),
        (r#"{"level":"INFO+2"}"#, Json, "read", Level::Info, "level=INFO+2"),
        (r#"{"level":"DEBUG-4"}"#, Json, "read", Level::Trace, "level=DEBUG-4"),
        (r#"{"level":"info-x"}"#, Json, "read", Level::Unknown, "level=info-x"),
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
        // What is appended under a name has that name.
        (
            r#"10.0.0.1 - - [31/Jan/2024:10:00:00 +0000] "GET / HTTP/1.1" 200 1 "-" "a b" rt=0.012 uct="-" urt="0.010, 0.002" host=x.example 0.5 =y"#,
            Access,
            "2024-01-31T10:00:00Z",
            Level::Info,
            "client=10.0.0.1|method=GET|path=/|protocol=HTTP/1.1|status=200|bytes=1|user_agent=a b|rt=0.012|urt=0.010, 0.002|host=x.example|request_time=0.5|extra1==y",
        ),
        (
            r#"10.0.0.1 - - [31/Jan/2024:10:00:00 +0000] "GET / HTTP/1.1" 500 1 rt="open"#,
            Access,
            "2024-01-31T10:00:00Z",
            Level::Error,
            "client=10.0.0.1|method=GET|path=/|protocol=HTTP/1.1|status=500|bytes=1|extra1=rt=\"open",
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
