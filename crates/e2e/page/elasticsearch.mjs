import assert from "node:assert/strict";
import { Client, errors } from "@elastic/elasticsearch";

const es = new Client({ node: `${process.argv[2]}/es`, maxRetries: 0 });
assert.equal(await es.ping(), true);
assert.match((await es.info()).version.number, /^8\./);

const documents = Array.from({ length: 500 }, (_, n) => ({
    "@timestamp": new Date(Date.UTC(2026, 0, 31, 10, 0, n)).toISOString(), n, level: n % 5 ? "info" : "warn",
}));
const done = await es.helpers.bulk({
    datasource: documents,
    onDocument: (document) => ({ create: { _index: "js", _id: String(document.n) } }),
});
assert.deepEqual([done.total, done.successful, done.failed], [500, 500, 0]);
const again = await es.bulk({ operations: [{ create: { _index: "js", _id: "7" } }, { n: 7 }] });
assert.equal(again.items[0].create.status, 409);
await es.indices.refresh({ index: "js" });

assert.equal((await es.count({ index: "js" })).count, 500);
assert.equal((await es.get({ index: "js", id: "7" }))._source.n, 7);
const found = await es.search({
    index: "js",
    size: 5,
    query: { query_string: { query: "level:warn AND n:>=100" } },
    sort: [{ "@timestamp": "asc" }, { _doc: "asc" }],
    aggs: { levels: { terms: { field: "level" } } },
});
assert.deepEqual(found.hits.hits.map((hit) => hit._source.n), [100, 105, 110, 115, 120]);
assert.deepEqual(found.aggregations.levels.buckets, [{ key: "warn", doc_count: 80 }]);
await assert.rejects(es.search({ index: "gone" }), (error) => error instanceof errors.ResponseError && error.statusCode === 404);
await assert.rejects(es.search({ query: { fuzzy: { a: "b" } } }), /fuzzy/);
await assert.rejects(es.deleteByQuery({ index: "js", query: { match_all: {} } }), /not supported/);
console.log("node client: all well");
