//! What stands before the message where it is unusual: times of day, other clocks, other brackets.

use model::{Format, Level};

use crate::common::check;

#[test]
fn times_of_day_and_other_clocks() {
    use Format::{Timestamped, Unknown};
    check(&[
        // logback and WildFly as they come; read at 12:00 UTC, which is 13:00 there.
        (
            "10:00:00.123 [main] DEBUG c.e.shop.Cart - added: 3",
            Timestamped,
            "?2024-03-01T09:00:00.123Z",
            Level::Debug,
            "thread=main|logger=c.e.shop.Cart",
        ),
        (
            "13:00:59,123 ERROR [org.jboss.as.server] (Controller Boot Thread) WFLYSRV0055: boom",
            Timestamped,
            "?2024-03-01T12:00:59.123Z",
            Level::Error,
            "logger=org.jboss.as.server",
        ),
        // Later than a minute after it was read: yesterday.
        ("13:01:01 [WARNING] slow", Timestamped, "?2024-02-29T12:01:01Z", Level::Warn, ""),
        (
            "[10:00:00] [Server thread/INFO]: Starting",
            Timestamped,
            "?2024-03-01T09:00:00Z",
            Level::Info,
            "thread=Server thread",
        ),
        // Without a level it may be any figure.
        ("10:00:00 up 3 days, 2 users", Unknown, "read", Level::Unknown, ""),
        ("10:00:00", Unknown, "read", Level::Unknown, ""),
        // Sling, and dates with dots
        (
            "31.01.2024 10:00:00.123 *ERROR* [qtp-12] c.e.Shop boom",
            Timestamped,
            "?2024-01-31T09:00:00.123Z",
            Level::Error,
            "thread=qtp-12",
        ),
        ("32.01.2024 10:00:00 ERROR boom", Unknown, "read", Level::Unknown, ""),
        // log4j where nothing is configured
        ("1234 [main] WARN  c.e.Shop null - slow", Timestamped, "read", Level::Warn, "thread=main"),
        ("1234 [main] not a level", Unknown, "read", Level::Unknown, ""),
        // java.util.logging writes two lines
        ("Jan 31, 2024 1:00:00 PM c.e.Shop start", Timestamped, "?2024-01-31T12:00:00Z", Level::Unknown, ""),
        ("SEVERE: boom", Timestamped, "read", Level::Error, ""),
        // PostgreSQL's csvlog
        (
            r#"2024-01-31 10:00:00.123 UTC,"ann","shop",71,"10.0.0.1:5",65ba.1,3,"INSERT",2024-01-31 09:00:00 UTC,3/9,0,ERROR,22012,"division by zero",,,"#,
            Timestamped,
            "2024-01-31T10:00:00.123Z",
            Level::Error,
            "",
        ),
    ]);
}

#[test]
fn odd_heads() {
    use Format::Timestamped;
    check(&[
        // A name that ends its line with ": " is followed by nothing at all.
        ("2024-01-31T10:00:00Z app: ", Timestamped, "2024-01-31T10:00:00Z", Level::Unknown, ""),
        // MariaDB pads the hour
        (
            "2024-01-31  9:00:00 0 [Note] InnoDB: Buffer pool(s) load completed at 240131  9:00:00",
            Timestamped,
            "?2024-01-31T08:00:00Z",
            Level::Info,
            "pid=0|logger=InnoDB",
        ),
        ("240131  9:00:00 mysqld_safe Starting", Timestamped, "?2024-01-31T08:00:00Z", Level::Unknown, ""),
        // Rust's env_logger
        (
            "[2024-01-31T10:00:00Z INFO  my_app::server] listening",
            Timestamped,
            "2024-01-31T10:00:00Z",
            Level::Info,
            "logger=my_app::server",
        ),
        // Airflow
        (
            "[2024-01-31T10:00:00.123+0000] {scheduler_job.py:12} ERROR - boom",
            Timestamped,
            "2024-01-31T10:00:00.123Z",
            Level::Error,
            "logger=scheduler_job.py:12",
        ),
        (
            "[2024-01-31, 10:00:00 UTC] {taskinstance.py:1150} INFO - Starting",
            Timestamped,
            "2024-01-31T10:00:00Z",
            Level::Info,
            "logger=taskinstance.py:1150",
        ),
        // ClickHouse
        (
            "2024.01.31 10:00:00.123456 [ 123 ] {a-b} <Error> executeQuery: Code: 60",
            Timestamped,
            "?2024-01-31T09:00:00.123456Z",
            Level::Error,
            "pid=123|logger=executeQuery",
        ),
        // RabbitMQ's <…> is no level, a {…} without one is the message
        ("2024-01-31 10:00:00.123 [info] <0.222.0> up", Timestamped, "?2024-01-31T09:00:00.123Z", Level::Info, ""),
        ("2024-01-31 10:00:00.123 {a} up", Timestamped, "?2024-01-31T09:00:00.123Z", Level::Unknown, ""),
        // NATS
        (
            "[7] 2024/01/31 10:00:00.123456 [INF] Server is ready",
            Timestamped,
            "?2024-01-31T09:00:00.123456Z",
            Level::Info,
            "pid=7",
        ),
        // CockroachDB
        (
            "W240131 10:00:00.123456 123 server/server.go:12  [n1] slow",
            Timestamped,
            "?2024-01-31T09:00:00.123456Z",
            Level::Warn,
            "pid=123",
        ),
        // BIND
        (
            "31-Jan-2024 10:00:00.123 queries: info: client @0x7f 10.0.0.1#5",
            Timestamped,
            "?2024-01-31T09:00:00.123Z",
            Level::Info,
            "logger=queries",
        ),
        // PHP
        (
            "[31-Jan-2024 10:00:00 UTC] PHP Warning:  Undefined variable $x in /a.php on line 1",
            Timestamped,
            "2024-01-31T10:00:00Z",
            Level::Warn,
            "",
        ),
    ]);
}
