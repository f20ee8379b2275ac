//! The table of all routes under `/es`.

use crate::EsError;
use crate::call::decode;

/// One route.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// Its methods, in capitals.
    pub methods: &'static [&'static str],
    /// Its path; `{name}` stands for one piece of it.
    pub path: &'static str,
    /// What it answers.
    pub summary: &'static str,
    /// The parameters that it knows.
    pub params: &'static [&'static str],
    pub(crate) what: What,
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Info,
    Health,
    Indices,
    FieldCaps,
    Mapping,
    Search,
    MultiSearch,
    Count,
    Bulk,
    Document,
    Create,
    Read,
    Refresh,
    Index,
    License,
    Xpack,
    Template,
    Policy,
    DataStream,
    NoPipeline,
    NotKept,
}

const SEARCH_PARAMS: &[&str] = &[
    "ignore_unavailable",
    "allow_no_indices",
    "expand_wildcards",
    "ignore_throttled",
    "preference",
    "request_cache",
    "max_concurrent_shard_requests",
    "batched_reduce_size",
    "ccs_minimize_roundtrips",
    "pre_filter_shard_size",
    "search_type",
    "typed_keys",
    "rest_total_hits_as_int",
    "q",
    "df",
    "default_operator",
    "analyze_wildcard",
    "lenient",
    "from",
    "size",
    "sort",
    "_source",
    "_source_includes",
    "_source_excludes",
    "docvalue_fields",
    "stored_fields",
    "track_total_hits",
    "track_scores",
    "timeout",
    "terminate_after",
    "allow_partial_search_results",
];
const MULTI_PARAMS: &[&str] = &[
    "ignore_unavailable",
    "allow_no_indices",
    "expand_wildcards",
    "ignore_throttled",
    "max_concurrent_searches",
    "max_concurrent_shard_requests",
    "ccs_minimize_roundtrips",
    "pre_filter_shard_size",
    "search_type",
    "typed_keys",
    "rest_total_hits_as_int",
];
const COUNT_PARAMS: &[&str] = &[
    "ignore_unavailable",
    "allow_no_indices",
    "expand_wildcards",
    "ignore_throttled",
    "preference",
    "q",
    "df",
    "default_operator",
    "analyze_wildcard",
    "lenient",
];
const CAPS_PARAMS: &[&str] = &[
    "ignore_unavailable",
    "allow_no_indices",
    "expand_wildcards",
    "fields",
    "include_unmapped",
    "include_empty_fields",
];
const MAPPING_PARAMS: &[&str] =
    &["ignore_unavailable", "allow_no_indices", "expand_wildcards", "master_timeout", "local", "include_type_name"];
const BULK_PARAMS: &[&str] = &[
    "refresh",
    "timeout",
    "wait_for_active_shards",
    "pipeline",
    "require_alias",
    "require_data_stream",
    "_source",
    "list_executed_pipelines",
    "include_source_on_error",
];
const WRITE_PARAMS: &[&str] = &[
    "refresh",
    "timeout",
    "wait_for_active_shards",
    "pipeline",
    "require_alias",
    "require_data_stream",
    "op_type",
    "include_source_on_error",
];
const HEALTH_PARAMS: &[&str] = &[
    "wait_for_status",
    "timeout",
    "master_timeout",
    "local",
    "level",
    "expand_wildcards",
    "wait_for_no_relocating_shards",
    "wait_for_active_shards",
    "wait_for_nodes",
    "wait_for_no_initializing_shards",
    "wait_for_events",
];
const CAT_PARAMS: &[&str] = &[
    "format",
    "h",
    "v",
    "s",
    "bytes",
    "time",
    "health",
    "pri",
    "expand_wildcards",
    "local",
    "help",
    "master_timeout",
    "include_unloaded_segments",
];
const READ_PARAMS: &[&str] =
    &["_source", "_source_includes", "_source_excludes", "preference", "realtime", "refresh", "stored_fields"];
const KEPT_PARAMS: &[&str] = &[
    "local",
    "master_timeout",
    "flat_settings",
    "include_type_name",
    "timeout",
    "create",
    "order",
    "cause",
    "expand_wildcards",
    "include_defaults",
    "human",
    "categories",
    "accept_enterprise",
];

const fn route(
    methods: &'static [&'static str],
    path: &'static str,
    summary: &'static str,
    params: &'static [&'static str],
    what: What,
) -> Route {
    Route { methods, path, summary, params, what }
}

const GET: &[&str] = &["GET", "HEAD"];
const ASK: &[&str] = &["GET", "POST", "HEAD"];
const WRITE: &[&str] = &["POST", "PUT"];

/// Every route.
pub const ROUTES: &[Route] = &[
    route(GET, "/", "Who answers, and as which version.", &[], What::Info),
    route(GET, "/_cluster/health", "Whether records can be found.", HEALTH_PARAMS, What::Health),
    route(GET, "/_cluster/health/{index}", "Whether records can be found.", HEALTH_PARAMS, What::Health),
    route(GET, "/_cat/indices", "The streams, as indices.", CAT_PARAMS, What::Indices),
    route(GET, "/_cat/indices/{index}", "Some of the streams, as indices.", CAT_PARAMS, What::Indices),
    route(ASK, "/_field_caps", "The fields of all streams.", CAPS_PARAMS, What::FieldCaps),
    route(ASK, "/{index}/_field_caps", "The fields of some streams.", CAPS_PARAMS, What::FieldCaps),
    route(GET, "/_mapping", "The fields of each stream, as a tree.", MAPPING_PARAMS, What::Mapping),
    route(GET, "/{index}/_mapping", "The fields of some streams, as a tree.", MAPPING_PARAMS, What::Mapping),
    route(ASK, "/_search", "Records and aggregations of all streams.", SEARCH_PARAMS, What::Search),
    route(ASK, "/{index}/_search", "Records and aggregations of some streams.", SEARCH_PARAMS, What::Search),
    route(ASK, "/_msearch", "Several searches, one after the other.", MULTI_PARAMS, What::MultiSearch),
    route(ASK, "/{index}/_msearch", "Several searches, one after the other.", MULTI_PARAMS, What::MultiSearch),
    route(ASK, "/_count", "How many records there are.", COUNT_PARAMS, What::Count),
    route(ASK, "/{index}/_count", "How many records there are in some streams.", COUNT_PARAMS, What::Count),
    route(
        WRITE,
        "/_bulk",
        "Takes documents: each becomes a line, durable when it is answered.",
        BULK_PARAMS,
        What::Bulk,
    ),
    route(WRITE, "/{index}/_bulk", "Takes documents of one index.", BULK_PARAMS, What::Bulk),
    route(WRITE, "/{index}/_doc", "Takes a document.", WRITE_PARAMS, What::Document),
    route(WRITE, "/{index}/_doc/{id}", "Takes a document with an id.", WRITE_PARAMS, What::Document),
    route(GET, "/{index}/_doc/{id}", "A document by its id.", READ_PARAMS, What::Read),
    route(
        WRITE,
        "/{index}/_create/{id}",
        "Takes a document with an id that is not there yet.",
        WRITE_PARAMS,
        What::Create,
    ),
    route(ASK, "/_refresh", "Waits until what was written here is found.", MAPPING_PARAMS, What::Refresh),
    route(
        ASK,
        "/{index}/_refresh",
        "Waits until what was written to an index is found.",
        MAPPING_PARAMS,
        What::Refresh,
    ),
    route(GET, "/_license", "What shippers ask before they send.", KEPT_PARAMS, What::License),
    route(GET, "/_xpack", "What shippers ask before they send.", KEPT_PARAMS, What::Xpack),
    route(
        GET,
        "/_index_template/{name}",
        "The one template: every field is found without it.",
        KEPT_PARAMS,
        What::Template,
    ),
    route(GET, "/_template/{name}", "The one template, in the older form.", KEPT_PARAMS, What::Template),
    route(GET, "/_component_template/{name}", "The one template, as a component.", KEPT_PARAMS, What::Template),
    route(GET, "/_ilm/policy/{name}", "The one policy: the store's own retention.", KEPT_PARAMS, What::Policy),
    route(GET, "/_data_stream/{index}", "A stream, as a data stream.", KEPT_PARAMS, What::DataStream),
    route(GET, "/_ingest/pipeline/{name}", "There are none.", KEPT_PARAMS, What::NoPipeline),
    route(WRITE, "/_index_template/{name}", "Refused: templates are not kept.", KEPT_PARAMS, What::NotKept),
    route(WRITE, "/_template/{name}", "Refused: templates are not kept.", KEPT_PARAMS, What::NotKept),
    route(WRITE, "/_component_template/{name}", "Refused: templates are not kept.", KEPT_PARAMS, What::NotKept),
    route(WRITE, "/_ilm/policy/{name}", "Refused: policies are not kept.", KEPT_PARAMS, What::NotKept),
    route(WRITE, "/_ingest/pipeline/{name}", "Refused: pipelines are not kept.", KEPT_PARAMS, What::NotKept),
    route(GET, "/{index}", "Whether a stream is there, and its fields.", MAPPING_PARAMS, What::Index),
];

/// The route of a request, and the pieces of its path that have names.
pub(crate) struct Found {
    pub route: &'static Route,
    pieces: Vec<(&'static str, String)>,
}

impl Found {
    /// A piece of the path by its name.
    pub fn piece(&self, name: &str) -> Option<&str> {
        self.pieces.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }
}

/// Finds the route of a request.
pub(crate) fn find(method: &str, path: &str) -> Result<Found, EsError> {
    let given: Vec<&str> = path.trim_matches('/').split('/').collect();
    let mut allowed: Vec<&str> = Vec::new();
    for route in ROUTES {
        let Some(pieces) = fits(route.path, &given) else { continue };
        if route.methods.contains(&method) {
            let pieces = pieces.into_iter().map(|(name, value)| Ok((name, decode(value)?)));
            return Ok(Found { route, pieces: pieces.collect::<Result<_, EsError>>()? });
        }
        allowed.extend(route.methods.iter().filter(|method| !allowed.contains(*method)).collect::<Vec<_>>());
    }
    if !allowed.is_empty() {
        return Err(EsError::method(method, path, &allowed.join(", ")));
    }
    Err(EsError::unsupported(format!("[{method} {path}]")))
}

/// The pieces with names, where the path fits. A name of an index never begins with `_`, save `_all`.
fn fits<'a>(path: &'static str, given: &[&'a str]) -> Option<Vec<(&'static str, &'a str)>> {
    let known: Vec<&'static str> = path.trim_matches('/').split('/').collect();
    if known.len() != given.len() {
        return None;
    }
    let mut pieces = Vec::new();
    for (known, given) in known.into_iter().zip(given) {
        match known.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            Some("index") if given.is_empty() || (given.starts_with('_') && *given != "_all") => return None,
            Some(name) => pieces.push((name, *given)),
            None if known == *given => {}
            None => return None,
        }
    }
    Some(pieces)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn what(method: &str, path: &str) -> Result<(What, Option<String>), u16> {
        let found = find(method, path).map_err(|error| error.status)?;
        Ok((found.route.what, found.piece("index").map(str::to_owned)))
    }

    #[test]
    fn paths_lead_somewhere() {
        let index = |name: &str| Some(name.to_owned());
        for (method, path, is) in [
            ("GET", "", Ok((What::Info, None))),
            ("HEAD", "/", Ok((What::Info, None))),
            ("POST", "/_msearch", Ok((What::MultiSearch, None))),
            ("GET", "/logs-*/_search", Ok((What::Search, index("logs-*")))),
            ("GET", "/a%2Cb/_search", Ok((What::Search, index("a,b")))),
            ("POST", "/_all/_count", Ok((What::Count, index("_all")))),
            ("POST", "/web/_bulk", Ok((What::Bulk, index("web")))),
            ("PUT", "/web/_doc/1", Ok((What::Document, index("web")))),
            ("GET", "/web/_doc/1", Ok((What::Read, index("web")))),
            ("HEAD", "/web", Ok((What::Index, index("web")))),
            ("PUT", "/_index_template/x", Ok((What::NotKept, None))),
            ("DELETE", "/web", Err(405)),
            ("DELETE", "/web/_doc/1", Err(405)),
            ("GET", "/_bulk", Err(405)),
            ("POST", "/web/_update/1", Err(400)),
            ("GET", "/_nodes/http", Err(400)),
        ] {
            assert_eq!(what(method, path), is, "{method} {path}");
        }
    }
}
