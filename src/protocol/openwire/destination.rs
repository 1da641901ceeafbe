//! Where messages go.

use std::fmt;

use super::error::CodecError;
use super::wire::{Object, Reader, Wire, Writer};

/// The types of destinations, with their numbers on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum DestinationKind {
    /// Each message goes to one consumer.
    #[default]
    Queue = 100,
    /// Each message goes to each consumer.
    Topic = 101,
    /// A queue that ends with its connection.
    TempQueue = 102,
    /// A topic that ends with its connection.
    TempTopic = 103,
}

impl DestinationKind {
    /// The scheme of a destination's name in text.
    pub const fn scheme(self) -> &'static str {
        match self {
            DestinationKind::Queue => "queue",
            DestinationKind::Topic => "topic",
            DestinationKind::TempQueue => "temp-queue",
            DestinationKind::TempTopic => "temp-topic",
        }
    }
}

/// A queue or a topic.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Destination {
    /// Its type.
    pub kind: DestinationKind,
    /// Its name; several separated by commas are a composite one.
    pub name: String,
}

impl Destination {
    /// A queue.
    pub fn queue(name: impl Into<String>) -> Self {
        Destination { kind: DestinationKind::Queue, name: name.into() }
    }

    /// A topic.
    pub fn topic(name: impl Into<String>) -> Self {
        Destination { kind: DestinationKind::Topic, name: name.into() }
    }

    /// A queue that ends with its connection, whose id its name begins with.
    pub fn temp_queue(name: impl Into<String>) -> Self {
        Destination { kind: DestinationKind::TempQueue, name: name.into() }
    }

    /// A topic that ends with its connection, whose id its name begins with.
    pub fn temp_topic(name: impl Into<String>) -> Self {
        Destination { kind: DestinationKind::TempTopic, name: name.into() }
    }

    /// Whether it ends with its connection.
    pub fn is_temporary(&self) -> bool {
        matches!(self.kind, DestinationKind::TempQueue | DestinationKind::TempTopic)
    }

    /// Whether each message goes to one consumer.
    pub fn is_queue(&self) -> bool {
        matches!(self.kind, DestinationKind::Queue | DestinationKind::TempQueue)
    }
}

/// `queue://NAME` and the like, as ActiveMQ writes it.
impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.kind.scheme(), self.name)
    }
}

impl Object for Destination {
    const EXPECTED: &'static str = "a destination (100 to 103)";

    fn kind(&self) -> u8 {
        self.kind as u8
    }

    fn read_body(kind: u8, r: &mut Reader<'_>) -> Result<Option<Self>, CodecError> {
        let kind = match kind {
            100 => DestinationKind::Queue,
            101 => DestinationKind::Topic,
            102 => DestinationKind::TempQueue,
            103 => DestinationKind::TempTopic,
            _ => return Ok(None),
        };
        Ok(Some(Destination { kind, name: Wire::read(r, "Destination.name")? }))
    }

    fn write_body(&self, w: &mut Writer<'_>) {
        self.name.write(w, "Destination.name");
    }
}
