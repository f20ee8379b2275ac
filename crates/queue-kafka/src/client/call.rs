//! Which request is answered by which response, and the newest version of it that we write.

use kafka_protocol::messages as m;
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, Message};

/// A request to a broker.
pub trait Call: Message + Encodable + HeaderVersion + Send + Sync {
    /// Its number.
    const KEY: i16;
    /// As errors call it.
    const NAME: &'static str;
    /// The newest version that is used here, though kafka-protocol may know newer ones.
    const MAX: i16;
    /// What answers it.
    type Response: Message + Decodable + HeaderVersion + Send;
}

macro_rules! calls {
    ($($request:ident => $response:ident, $key:ident, $max:expr;)*) => {$(
        impl Call for m::$request {
            const KEY: i16 = m::ApiKey::$key as i16;
            const NAME: &'static str = stringify!($key);
            const MAX: i16 = $max;
            type Response = m::$response;
        }
    )*};
}

// Versions that name topics by their name: newer ones want ids, which a topic that was made again changes.
calls! {
    ProduceRequest => ProduceResponse, Produce, 9;
    FetchRequest => FetchResponse, Fetch, 12;
    ListOffsetsRequest => ListOffsetsResponse, ListOffsets, 7;
    MetadataRequest => MetadataResponse, Metadata, 9;
    ApiVersionsRequest => ApiVersionsResponse, ApiVersions, 3;
    InitProducerIdRequest => InitProducerIdResponse, InitProducerId, 4;
    CreateTopicsRequest => CreateTopicsResponse, CreateTopics, 7;
    SaslHandshakeRequest => SaslHandshakeResponse, SaslHandshake, 1;
    SaslAuthenticateRequest => SaslAuthenticateResponse, SaslAuthenticate, 2;
    FindCoordinatorRequest => FindCoordinatorResponse, FindCoordinator, 3;
    OffsetFetchRequest => OffsetFetchResponse, OffsetFetch, 7;
    OffsetCommitRequest => OffsetCommitResponse, OffsetCommit, 8;
    OffsetDeleteRequest => OffsetDeleteResponse, OffsetDelete, 0;
    ListGroupsRequest => ListGroupsResponse, ListGroups, 4;
    DescribeGroupsRequest => DescribeGroupsResponse, DescribeGroups, 5;
    DescribeLogDirsRequest => DescribeLogDirsResponse, DescribeLogDirs, 4;
    DescribeConfigsRequest => DescribeConfigsResponse, DescribeConfigs, 4;
    DeleteRecordsRequest => DeleteRecordsResponse, DeleteRecords, 2;
    DeleteTopicsRequest => DeleteTopicsResponse, DeleteTopics, 5;
}
