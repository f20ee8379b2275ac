//! `/api/v1/agents/{host}/sources`: agents on other machines report their files, for the account.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use model::SourceReport;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::problem::{self, Problem};
use crate::reports::{HostReports, Refused};

/// What an agent knows of all its files. It takes the place of what it said before.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "AgentReports")]
pub(crate) struct Reports {
    /// Its sources.
    #[schemars(with = "Vec<serde_json::Value>")]
    sources: Vec<SourceReport>,
    /// What it cannot read or follow: path and reason.
    #[serde(default)]
    problems: Vec<(String, String)>,
}

/// How much was taken.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ReportsTaken")]
pub(crate) struct Taken {
    sources: usize,
    problems: usize,
}

/// The agents that report to us.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Agents")]
pub(crate) struct AgentsAnswer {
    agents: Vec<Agent>,
}

/// An agent on another machine.
#[derive(Serialize, JsonSchema)]
struct Agent {
    host: String,
    /// When it reported last.
    reported_at: String,
    /// Sources in its report.
    sources: usize,
    /// What it cannot read or follow.
    problems: usize,
}

pub(crate) async fn list(State(app): State<Arc<App>>) -> Json<AgentsAnswer> {
    let agents = app.remote.all().into_iter().map(|reports| Agent {
        host: reports.host.clone(),
        reported_at: reports.at.to_string(),
        sources: reports.sources.len(),
        problems: reports.problems.len(),
    });
    Json(AgentsAnswer { agents: agents.collect() })
}

pub(crate) async fn sources(
    State(app): State<Arc<App>>,
    Path(host): Path<String>,
    body: Result<Json<Reports>, JsonRejection>,
) -> Result<Json<Taken>, Problem> {
    let reports = super::body(body)?;
    if host.is_empty() || host.len() > 255 {
        return Err(Problem::parameter("host", "host: write a name of 1 to 255 bytes"));
    }
    let taken = Taken { sources: reports.sources.len(), problems: reports.problems.len() };
    let at = app.parts.clock.now();
    let reports = HostReports { host, at, sources: reports.sources, problems: reports.problems };
    app.remote.put(reports, &app.parts.limits).map_err(|refused| {
        let detail = match refused {
            Refused::TooManySources(max) => format!("{max} sources and problems are the most for one agent"),
            Refused::TooManyHosts(max) => format!("{max} agents are the most; raise the bound `remote_hosts`"),
        };
        Problem::new(&problem::EXHAUSTED, detail)
    })?;
    Ok(Json(taken))
}
