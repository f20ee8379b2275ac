//! The orders service, in Java: logback lines, and stack traces when something breaks.

use std::fmt::Write as _;

use super::chance::Chance;
use super::moment::Moment;
use super::request::{Ending, Reach, Request};
use super::story::Trouble;

const SERVICE: &str = "com.example.orders.OrderService";

pub(crate) fn lines(request: &Request, now: &Moment, chance: &mut Chance, out: &mut String) {
    if request.reach != Reach::Orders || request.ending == Ending::Refused {
        return;
    }
    let (time, worker, id, order) = (now.java(), chance.range(1, 8), &request.id, request.order);
    let head = |level: &str, logger: &str| format!("{time} {level:<5} [http-nio-9000-exec-{worker}] {logger} -");
    // Writing to a String cannot fail, here and below.
    let _ = match request.ending {
        Ending::LockTimeout => writeln!(
            out,
            "{} order {order} failed, trace {id}\n\
             org.springframework.dao.QueryTimeoutException: could not update order {order}; SQL [update orders set state = ?]\n\
             \tat org.springframework.jdbc.support.SQLStateSQLExceptionTranslator.doTranslate(SQLStateSQLExceptionTranslator.java:123)\n\
             \tat com.example.orders.OrderRepository.update(OrderRepository.java:87)\n\
             \tat com.example.orders.OrderService.checkout(OrderService.java:142)\n\
             \tat java.base/java.lang.Thread.run(Thread.java:1583)\n\
             Caused by: org.postgresql.util.PSQLException: ERROR: canceling statement due to lock timeout\n\
             \tat org.postgresql.core.v3.QueryExecutorImpl.receiveErrorResponse(QueryExecutorImpl.java:2725)\n\
             \t... 31 more",
            head("ERROR", SERVICE)
        ),
        Ending::Declined => writeln!(
            out,
            "{} payment for order {order} declined: insufficient funds, trace {id}",
            head("WARN", "com.example.orders.PaymentGateway")
        ),
        _ if chance.happens(0.6) => {
            writeln!(out, "{} order {order} is paid, {} ms, trace {id}", head("INFO", SERVICE), request.millis)
        }
        _ => writeln!(out, "{} loaded order {order}, trace {id}", head("DEBUG", "com.example.orders.OrderRepository")),
    };
}

/// What it says without being asked.
pub(crate) fn background(now: &Moment, chance: &mut Chance, out: &mut String) {
    let _ = match chance.range(0, 2) {
        0 => writeln!(
            out,
            "{} INFO  [scheduling-1] com.example.orders.ShipmentJob - {} shipments handed over",
            now.java(),
            chance.range(0, 40)
        ),
        1 => writeln!(
            out,
            "{} DEBUG [HikariPool-1 housekeeper] com.zaxxer.hikari.pool.HikariPool - HikariPool-1 - Pool stats (total=20, \
             active={}, idle={}, waiting=0)",
            now.java(),
            chance.range(1, 6),
            chance.range(10, 19)
        ),
        _ => writeln!(
            out,
            "{} WARN  [GC-watch] com.example.orders.Memory - pause of {} ms, heap {} of 2048 MB",
            now.java(),
            chance.millis(30),
            chance.range(400, 1900)
        ),
    };
}

/// It comes back after it was killed.
pub(crate) fn restart(trouble: Trouble, now: &Moment, out: &mut String) {
    let time = now.java();
    let _ = writeln!(
        out,
        "{time} INFO  [main] com.example.orders.Application - starting orders 4.2.{} with PID {}\n\
         {time} INFO  [main] com.zaxxer.hikari.HikariDataSource - HikariPool-1 - Start completed.\n\
         {time} INFO  [main] com.example.orders.Application - started in 3.412 seconds",
        trouble.number,
        20_000 + trouble.number
    );
}
