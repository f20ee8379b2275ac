//! A request of a customer, from which every service writes its own lines.

use super::chance::Chance;
use super::story::{Incident, Trouble};

/// Which services a request passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// The web server alone.
    Web,
    /// The shop behind it.
    Shop,
    /// The orders service behind that, and the database.
    Orders,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Fine,
    NotFound,
    /// The customer's card was refused, say.
    Declined,
    /// The database made it wait for too long.
    LockTimeout,
    /// The shop's fault.
    Fault,
    /// The orders service is not there.
    Refused,
}

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub id: String,
    pub client: String,
    pub method: &'static str,
    pub path: String,
    pub reach: Reach,
    pub ending: Ending,
    pub status: u16,
    pub millis: u64,
    pub bytes: u64,
    pub agent: &'static str,
    pub user: u64,
    pub order: u64,
}

const AGENTS: [&str; 5] = [
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/604.1",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    "shop-app/3.9 (Android 15)",
    "curl/8.14.1",
];

/// Method, path (`#` is a number), how often, how far it reaches, typical milliseconds.
const ROUTES: [(&str, &str, u64, Reach, u64); 10] = [
    ("GET", "/", 14, Reach::Web, 2),
    ("GET", "/static/app.3f2a1c.js", 16, Reach::Web, 1),
    ("GET", "/static/shop.css", 10, Reach::Web, 1),
    ("GET", "/products?page=#", 14, Reach::Shop, 18),
    ("GET", "/api/products/#", 18, Reach::Shop, 9),
    ("GET", "/api/cart", 10, Reach::Shop, 12),
    ("POST", "/api/cart", 7, Reach::Shop, 22),
    ("POST", "/api/checkout", 6, Reach::Orders, 140),
    ("GET", "/api/orders/#", 8, Reach::Orders, 35),
    ("GET", "/health", 4, Reach::Web, 1),
];

impl Request {
    pub(crate) fn make(chance: &mut Chance, trouble: Option<Trouble>) -> Self {
        let total: u64 = ROUTES.iter().map(|route| route.2).sum();
        let mut at = chance.range(0, total - 1);
        let route = ROUTES.iter().find(|route| {
            let found = at < route.2;
            at = at.saturating_sub(route.2);
            found
        });
        let (method, path, _, reach, typical) = *route.unwrap_or(&ROUTES[0]);
        let mut path = path.replace('#', &chance.range(1, 4000).to_string());
        let mut ending = ending(chance, reach, trouble);
        if reach == Reach::Web && chance.happens(0.02) {
            path = chance.pick(&["/wp-login.php", "/.env", "/favicon.ico", "/robots.txt"]).to_owned();
            ending = Ending::NotFound;
        }
        let (status, millis) = outcome(chance, ending, typical);
        Self {
            id: format!("{:016x}", chance.next()),
            client: client(chance),
            method,
            path,
            reach,
            ending,
            status,
            millis,
            bytes: if status == 200 { chance.millis(4200) } else { chance.range(120, 320) },
            agent: chance.pick(&AGENTS),
            user: chance.range(1000, 1400),
            order: chance.range(70_000, 99_999),
        }
    }
}

/// A few customers come often, many seldom.
fn client(chance: &mut Chance) -> String {
    let octet = chance.range(0, 15) * chance.range(0, 15);
    format!("203.0.113.{}", octet.min(254) + 1)
}

fn ending(chance: &mut Chance, reach: Reach, trouble: Option<Trouble>) -> Ending {
    if let Some(trouble) = trouble {
        let (reached, ending) = match trouble.incident {
            Incident::DatabaseLock => (reach == Reach::Orders, Ending::LockTimeout),
            Incident::BadRelease => (reach == Reach::Shop, Ending::Fault),
            Incident::OutOfMemory => (reach == Reach::Orders, Ending::Refused),
        };
        if reached && chance.happens(trouble.share) {
            return ending;
        }
    }
    match reach {
        Reach::Orders if chance.happens(0.03) => Ending::Declined,
        Reach::Shop if chance.happens(0.004) => Ending::Fault,
        Reach::Shop if chance.happens(0.02) => Ending::NotFound,
        _ => Ending::Fine,
    }
}

fn outcome(chance: &mut Chance, ending: Ending, typical: u64) -> (u16, u64) {
    match ending {
        Ending::Fine if chance.happens(0.05) => (304, chance.millis(typical)),
        Ending::Fine => (200, chance.millis(typical)),
        Ending::NotFound => (404, chance.millis(2)),
        Ending::Declined => (402, chance.millis(typical)),
        Ending::LockTimeout => (504, 5000 + chance.range(0, 40)),
        Ending::Fault => (500, chance.millis(typical)),
        Ending::Refused => (502, chance.range(1, 4)),
    }
}
