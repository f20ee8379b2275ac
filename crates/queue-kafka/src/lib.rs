//! The queue on Apache Kafka: one message per record, so that any consumer reads the plain lines.
