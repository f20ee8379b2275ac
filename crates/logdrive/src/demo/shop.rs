//! The shop, a service that logs JSON.

use serde_json::json;

use super::chance::Chance;
use super::moment::Moment;
use super::request::{Ending, Reach, Request};

pub(crate) fn lines(request: &Request, now: &Moment, chance: &mut Chance, out: &mut String) {
    if request.reach == Reach::Web {
        return;
    }
    let (level, message) = match request.ending {
        Ending::Fine => ("info", "request handled"),
        Ending::NotFound => ("warn", "no such product"),
        Ending::Declined => ("warn", "payment declined"),
        Ending::LockTimeout => ("error", "timeout waiting for orders service"),
        Ending::Fault => ("error", "unhandled error in request"),
        Ending::Refused => ("error", "cannot reach orders service: connection refused"),
    };
    let mut line = json!({
        "ts": now.utc(),
        "level": level,
        "service": "shop",
        "msg": message,
        "trace_id": request.id,
        "method": request.method,
        "path": request.path,
        "status": request.status,
        "duration_ms": request.millis,
        "user_id": request.user,
    });
    match request.ending {
        Ending::Fault => {
            line["error"] = json!("TypeError: unsupported operand type(s) for +: 'NoneType' and 'decimal.Decimal'");
            line["stack"] = json!(
                "Traceback (most recent call last):\n  File \"/srv/shop/app.py\", line 118, in handle\n    total = \
                 cart.total()\n  File \"/srv/shop/cart.py\", line 64, in total\n    return self.discount + sum(prices)\n"
            );
        }
        Ending::LockTimeout => line["upstream"] = json!({ "service": "orders", "timeout_ms": 5000, "attempt": 3 }),
        Ending::Refused => line["upstream"] = json!({ "service": "orders", "address": "10.0.0.21:9000" }),
        _ => line["cache"] = json!({ "hit": chance.happens(0.8) }),
    }
    out.push_str(&line.to_string());
    out.push('\n');
}
