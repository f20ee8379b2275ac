import sys
from elasticsearch import Elasticsearch, helpers, NotFoundError, ConflictError, BadRequestError

es = Elasticsearch(sys.argv[1] + "/es", request_timeout=60)
assert es.ping()
assert es.info()["version"]["number"].startswith("8.")
assert es.cluster.health(wait_for_status="yellow")["status"] == "green"

docs = [{"_op_type": "create", "_index": "py", "_id": str(n), "@timestamp": "2026-01-31T10:%02d:%02dZ" % (n // 60, n % 60),
         "message": "document %d" % n, "level": "error" if n % 10 == 0 else "info", "took": n, "host": {"name": "h%d" % (n % 3)}}
        for n in range(1000)]
ok, errors = helpers.bulk(es, docs, refresh="wait_for")
assert (ok, errors) == (1000, []), (ok, errors)
ok, errors = helpers.bulk(es, docs[:10], raise_on_error=False)
assert ok == 0 and {e["create"]["status"] for e in errors} == {409}, (ok, errors)
ok, errors = helpers.bulk(es, ({**d, "_op_type": "index"} for d in docs[:10]))
assert (ok, errors) == (10, [])
assert sum(ok for ok, _ in helpers.streaming_bulk(es, ({"_index": "py2", "n": n} for n in range(2500)), chunk_size=500)) == 2500

es.indices.refresh(index="py,py2")
assert es.count(index="py")["count"] == 1000
assert es.count(index="py*", query={"term": {"level": "error"}})["count"] == 100
assert es.indices.exists(index="py") and not es.indices.exists(index="nothing")
assert es.get(index="py", id="7")["_source"]["took"] == 7
assert es.exists(index="py", id="7") and not es.exists(index="py", id="7000")
assert es.index(index="py", document={"message": "alone"})["result"] == "created"
assert es.create(index="py", id="alone", document={"message": "alone"})["result"] == "created"
for call, error in [
    (lambda: es.create(index="py", id="7", document={"a": 1}), ConflictError),
    (lambda: es.index(index="py", id="7", document={"a": 1}), BadRequestError),
    (lambda: es.get(index="py", id="none"), NotFoundError),
    (lambda: es.search(index="nothing"), NotFoundError),
    (lambda: es.search(index="py", query={"fuzzy": {"a": "b"}}), BadRequestError),
    (lambda: es.update(index="py", id="7", doc={"a": 1}), BadRequestError),
    (lambda: es.search(index="py", scroll="1m"), BadRequestError),
]:
    try:
        call()
    except error as found:
        assert found.body["error"]["reason"] if "error" in found.body else found.body["found"] is False
    else:
        raise AssertionError("no " + error.__name__)

found = es.search(index="py", size=3, query={"bool": {"filter": [{"range": {"@timestamp": {"gte": "2026-01-31T10:00:00Z", "lt": "2026-01-31T10:01:00Z"}}}, {"query_string": {"query": "level:error AND host.name:h0"}}]}},
                  sort=[{"@timestamp": "asc"}, {"_doc": "asc"}],
                  aggs={"t": {"date_histogram": {"field": "@timestamp", "fixed_interval": "30s"}}, "s": {"stats": {"field": "took"}}})
assert [hit["_source"]["took"] for hit in found["hits"]["hits"]] == [0, 30], found
assert [b["doc_count"] for b in found["aggregations"]["t"]["buckets"]] == [1, 1], found["aggregations"]
assert found["aggregations"]["s"]["max"] == 30

seen, after = 0, None
while True:
    page = es.search(index="py", size=300, sort=[{"@timestamp": "desc"}, {"_doc": "desc"}], search_after=after, source=False)["hits"]["hits"]
    if not page:
        break
    seen, after = seen + len(page), page[-1]["sort"]
assert seen == 1002, seen

many = es.msearch(searches=[{"index": "py"}, {"size": 0}, {"index": "gone"}, {"size": 0}])
assert [r["status"] for r in many["responses"]] == [200, 404]
assert es.field_caps(index="py", fields="*")["fields"]["took"]["long"]["aggregatable"]
assert es.indices.get_mapping(index="py")["py"]["mappings"]["properties"]["took"]["type"] == "long"
assert {row["index"] for row in es.cat.indices(format="json")} >= {"py", "py2"}
terms = es.search(index="py", size=0, aggs={"h": {"terms": {"field": "host.name"}, "aggs": {"d": {"date_histogram": {"field": "@timestamp", "calendar_interval": "minute"}, "aggs": {"m": {"max": {"field": "took"}}}}}}})
assert [b["doc_count"] for b in terms["aggregations"]["h"]["buckets"]][:3] == [334, 333, 333], terms
print("python client: all well")
