//! Where the batches of a stream go: topic, partitioner, framing.

use std::collections::HashMap;

use model::BatchHeader;
use queue::{LINES, QueueError};

use super::partition::Picker;
use crate::options::{Framing, Options, Partitioner, Route};
use crate::topics::Template;

/// One way to go.
pub struct Way {
    topic: Template,
    /// The name, where it is the same for all.
    name: Option<String>,
    /// Which partition.
    pub picker: Picker,
    /// What one message is.
    pub framing: Framing,
}

impl Way {
    fn new(route: &Route) -> Result<Self, QueueError> {
        let topic = Template::topic(&route.topic)?;
        let name = topic.is_constant().then(|| route.topic.clone());
        Ok(Self { topic, name, picker: Picker::new(&route.partitioner), framing: route.framing })
    }

    /// The name of the topic.
    pub fn topic(&self, header: &BatchHeader) -> String {
        self.name.clone().unwrap_or_else(|| self.topic.render_topic(header))
    }
}

/// All ways of a producer.
pub struct Routes {
    /// The first is that of streams without a way of their own.
    pub ways: Vec<Way>,
    by_stream: HashMap<String, usize>,
    /// The way of dead letters.
    pub letters: usize,
    /// Whether all go to one topic of Kafka, so that its partitions are the seam's.
    pub one_topic: bool,
}

impl Routes {
    /// Of a topic of the seam.
    ///
    /// # Errors
    /// `Invalid` where the options cannot be right.
    pub fn new(options: &Options, topic: &str) -> Result<Self, QueueError> {
        let constant = |name: String| Route { topic: name, partitioner: Partitioner::Source, framing: Framing::Record };
        let names = options.topics_of(topic);
        let mut by_stream = HashMap::new();
        let mut ways = Vec::new();
        if topic == LINES {
            ways.push(Way::new(&options.lines)?);
            for (stream, route) in &options.streams {
                by_stream.insert(stream.clone(), ways.len());
                ways.push(Way::new(route)?);
            }
        } else {
            let name = names.first().cloned().unwrap_or_default();
            ways.push(Way::new(&constant(name))?);
        }
        let one_topic = names.len() == 1 && ways.iter().all(|way| way.name.is_some());
        let letters = ways.len();
        ways.push(Way::new(&constant(options.dead_letters.clone()))?);
        Ok(Self { ways, by_stream, letters, one_topic })
    }

    /// The way of a stream.
    pub fn way(&self, stream: &str) -> usize {
        if self.by_stream.is_empty() { 0 } else { self.by_stream.get(stream).copied().unwrap_or(0) }
    }
}
