//! What brokers answer, as [`QueueError`]: which server, what it said, what to do.

use kafka_protocol::error::ResponseError;
use queue::QueueError;

/// What to do about an answer of a broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Ask again after a while.
    Wait,
    /// Ask where the partitions are now, then there.
    Refresh,
    /// Somebody has to change something, there or here.
    Change,
}

/// What an answer asks for.
pub fn remedy(code: ResponseError) -> Remedy {
    use ResponseError as R;
    match code {
        R::NotLeaderOrFollower
        | R::LeaderNotAvailable
        | R::UnknownTopicOrPartition
        | R::ReplicaNotAvailable
        | R::KafkaStorageError
        | R::FencedLeaderEpoch
        | R::UnknownLeaderEpoch
        | R::NotController
        | R::UnknownTopicId
        | R::InconsistentTopicId
        | R::ListenerNotFound
        | R::BrokerNotAvailable
        | R::NotCoordinator => Remedy::Refresh,
        code if code.is_retriable() => Remedy::Wait,
        _ => Remedy::Change,
    }
}

/// What a broker's code means, and what to do, in a few words. `about`: which topic, group, ….
pub fn explain(code: ResponseError, about: &str) -> String {
    use ResponseError as R;
    let what = match code {
        R::UnknownTopicOrPartition => {
            format!("there is no {about}; create it, or set kafka.create_topics = true")
        }
        R::TopicAuthorizationFailed => format!("this user may not use {about}; grant it, or use another username"),
        R::GroupAuthorizationFailed => format!("this user may not use {about}; grant READ on the group"),
        R::ClusterAuthorizationFailed => {
            format!("this user may not do that ({about}); grant IDEMPOTENT_WRITE or CREATE on the cluster")
        }
        R::SaslAuthenticationFailed => format!("authentication refused ({about}); check username and password"),
        R::UnsupportedSaslMechanism => format!("this way of authentication is not enabled there ({about})"),
        R::UnsupportedVersion => format!("it does not know this version of the request ({about})"),
        R::MessageTooLarge | R::RecordListTooLarge => {
            format!(
                "the message is too large for {about}; raise the topic's max.message.bytes, or lower kafka.message_bytes_max"
            )
        }
        R::InvalidTimestamp => format!("its clock and ours are too far apart for {about}; set the clocks"),
        R::NotEnoughReplicas | R::NotEnoughReplicasAfterAppend => {
            format!("too few replicas of {about} are in sync (min.insync.replicas); start the missing brokers")
        }
        R::InvalidReplicationFactor => {
            format!("the replication of {about} cannot be had with the brokers there are; lower kafka.replication")
        }
        R::PolicyViolation => format!("a policy of the cluster forbids {about}"),
        R::InvalidTopicException => format!("{about} cannot be called so"),
        R::InvalidRequiredAcks => format!("it does not take these acks for {about}"),
        R::LeaderNotAvailable => format!("{about} has no leader now; start the brokers that have it"),
        code => format!("{} for {about}", name(code)),
    };
    format!("{what} [{}]", name(code))
}

/// A code as Kafka's documentation writes it.
pub fn name(code: ResponseError) -> String {
    let camel = format!("{code:?}");
    let mut out = String::with_capacity(camel.len() + 8);
    for (n, c) in camel.trim_end_matches("Exception").chars().enumerate() {
        if c.is_ascii_uppercase() && n > 0 {
            out.push('_');
        }
        out.push(c.to_ascii_uppercase());
    }
    out
}

/// An answer that refuses, as an error: lasting where only a change of settings here helps.
pub fn refused(at: &str, code: ResponseError, about: &str) -> QueueError {
    let lasting = matches!(
        code,
        ResponseError::SaslAuthenticationFailed
            | ResponseError::UnsupportedSaslMechanism
            | ResponseError::UnsupportedVersion
            | ResponseError::InvalidTopicException
            | ResponseError::InvalidReplicationFactor
            | ResponseError::PolicyViolation
    );
    QueueError::Refused { at: at.to_owned(), reason: explain(code, about), lasting }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_named_as_in_the_documentation() {
        assert_eq!(name(ResponseError::NotLeaderOrFollower), "NOT_LEADER_OR_FOLLOWER");
        assert_eq!(name(ResponseError::InvalidTopicException), "INVALID_TOPIC");
    }

    #[test]
    fn a_missing_topic_says_how_to_get_one() {
        let error = refused("k1:9092", ResponseError::UnknownTopicOrPartition, "topic 'x'").to_string();
        assert!(error.contains("k1:9092") && error.contains("topic 'x'") && error.contains("create_topics = true"));
    }
}
