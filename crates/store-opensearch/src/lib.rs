//! The store on OpenSearch or Elasticsearch: one document per record, idempotent by its id.
