//! Record batches as requests, and answers as fates.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use kafka_protocol::error::ParseResponseErrorCode as _;
use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::produce_response::PartitionProduceResponse;
use kafka_protocol::messages::{ProduceRequest, ProduceResponse};

use super::lane::{Fate, Refusal};
use crate::client::topic_name;
use crate::options::Acks;

/// A record batch that is part of a request.
#[derive(Clone, Debug)]
pub struct Sent {
    /// Which lane.
    pub lane: usize,
    /// The number it bears.
    pub sequence: i32,
    /// Its topic.
    pub topic: Arc<str>,
    /// Its partition.
    pub partition: i32,
}

/// How long a leader waits for its replicas.
const REPLICAS_WITHIN_MS: i32 = 20_000;

/// One request of record batches of different partitions.
pub fn request(acks: Acks, batches: Vec<(Sent, Bytes)>) -> (ProduceRequest, Vec<Sent>) {
    let mut topics: Vec<TopicProduceData> = Vec::new();
    let mut sent = Vec::with_capacity(batches.len());
    for (one, bytes) in batches {
        let data = PartitionProduceData::default().with_index(one.partition).with_records(Some(bytes));
        match topics.iter_mut().find(|topic| topic.name.0 == *one.topic) {
            Some(topic) => topic.partition_data.push(data),
            None => topics
                .push(TopicProduceData::default().with_name(topic_name(&one.topic)).with_partition_data(vec![data])),
        }
        sent.push(one);
    }
    let acks = match acks {
        Acks::All => -1,
        Acks::Leader => 1,
        Acks::None => 0,
    };
    let request = ProduceRequest::default().with_acks(acks).with_timeout_ms(REPLICAS_WITHIN_MS).with_topic_data(topics);
    (request, sent)
}

/// What became of each; those that the answer does not name are lost.
pub fn fates(sent: Vec<Sent>, answer: ProduceResponse) -> Vec<(Sent, Fate)> {
    let mut told = HashMap::new();
    for topic in answer.responses {
        for partition in topic.partition_responses {
            told.insert((topic.name.0.to_string(), partition.index), fate(&partition));
        }
    }
    let found = |one: &Sent| told.remove(&(one.topic.to_string(), one.partition)).unwrap_or(Fate::Lost);
    let fates: Vec<Fate> = sent.iter().map(found).collect();
    sent.into_iter().zip(fates).collect()
}

fn fate(answer: &PartitionProduceResponse) -> Fate {
    match answer.error_code.err() {
        None => Fate::Durable(answer.base_offset),
        // It was there already: sent twice, taken once.
        Some(ResponseError::DuplicateSequenceNumber) => Fate::Durable(-1),
        Some(code) => {
            let text = |text: &str| text.replace('\n', " ");
            let records = answer.record_errors.iter().map(|error| {
                let why = error.batch_index_error_message.as_ref().map_or(String::new(), |why| text(why));
                (error.batch_index.max(0) as u32, why)
            });
            let said = answer.error_message.as_ref().map_or(String::new(), |said| text(said));
            Fate::Refused(Refusal { code, said, records: records.collect() })
        }
    }
}
