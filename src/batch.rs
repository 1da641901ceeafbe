//! Several messages in one request, and how each of them ended.

use crate::completion::Outcome;
use crate::error::{Error, ErrorKind, Result};
use crate::message::{Receipt, Told};
use std::ops::Range;
use std::sync::Arc;

/// How a batch is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BatchOptions {
    /// 0, the default: the batch is one request, and refused when it is larger than `max_message_size`. Otherwise
    /// it is split into requests that take at most so many bytes each, up to `max_message_size`; a message that is
    /// larger by itself goes alone. A message takes its body, its properties and 22 bytes.
    pub split_bytes: usize,
}

impl BatchOptions {
    /// Sets the largest request of a batch that is split.
    pub fn with_split_bytes(mut self, split_bytes: usize) -> Self {
        self.split_bytes = split_bytes;
        self
    }
}

/// How the messages of a batch ended, in the order in which they were given.
#[derive(Clone, Debug)]
pub struct BatchResult {
    results: Vec<Result<Receipt>>,
}

impl BatchResult {
    /// The receipt of each message, or why it failed.
    pub fn results(&self) -> &[Result<Receipt>] {
        &self.results
    }

    /// The same, owned.
    pub fn into_results(self) -> Vec<Result<Receipt>> {
        self.results
    }

    /// Whether every message has a receipt.
    pub fn all_ok(&self) -> bool {
        self.first_error().is_none()
    }

    /// The first message that failed: its index, and why.
    pub fn first_error(&self) -> Option<(usize, &Error)> {
        let failed = |(index, result): (usize, &'_ Result<Receipt>)| result.is_err().then_some(index);
        let index = self.results.iter().enumerate().find_map(failed)?;
        self.results[index].as_ref().err().map(|error| (index, error))
    }
}

/// The unique ids of the messages of one producer, which are all of one length, in one piece of memory.
#[derive(Debug, Default)]
pub(crate) struct Ids {
    text: String,
    count: usize,
}

impl Ids {
    /// Room for `count` ids of at most `length` bytes.
    pub(crate) fn with_room(count: usize, length: usize) -> Self {
        Ids { text: String::with_capacity(count * length), count: 0 }
    }

    /// Adds the `count` ids that `append` appends.
    pub(crate) fn extend(&mut self, count: usize, append: impl FnOnce(&mut String)) {
        append(&mut self.text);
        self.count += count;
    }

    /// How long each of them is.
    fn length(&self) -> usize {
        self.text.len() / self.count.max(1)
    }

    /// Those of some messages; empty texts, when there are none.
    pub(crate) fn of(&self, range: Range<usize>) -> impl Iterator<Item = &str> {
        let length = self.length();
        range.map(move |index| self.text.get(index * length..(index + 1) * length).unwrap_or_default())
    }
}

/// The length of each body of a batch.
pub(crate) type Sizes = Arc<[usize]>;

/// How the requests of a batch ended. Whoever waits makes the result of it, so that the I/O thread need not.
#[derive(Debug)]
pub(crate) struct BatchEnd {
    ids: Ids,
    sizes: Sizes,
    parts: Vec<(Range<usize>, Outcome)>,
}

fn lost() -> Error {
    Error::new(ErrorKind::Internal, "the message was dropped inside the library").with_maybe_persisted(true)
}

impl BatchEnd {
    /// Of messages with these unique ids and bodies of these lengths.
    pub(crate) fn new(ids: Ids, sizes: Sizes) -> Self {
        BatchEnd { ids, sizes, parts: Vec::new() }
    }

    /// Of a batch that nobody ended.
    pub(crate) fn lost(sizes: Sizes) -> Self {
        let count = sizes.len();
        let mut end = BatchEnd::new(Ids::default(), sizes);
        end.push(0..count, Err(lost()));
        end
    }

    /// Tells of each request how it ended, how many messages it had and how long their bodies were.
    pub(crate) fn each(&self, tell: impl Fn(&Outcome, usize, usize)) {
        for (range, outcome) in &self.parts {
            tell(outcome, range.len(), self.sizes[range.clone()].iter().sum());
        }
    }

    /// The end of the request that carried these messages, which come behind those of the one before.
    pub(crate) fn push(&mut self, range: Range<usize>, outcome: Outcome) {
        self.parts.push((range, outcome));
    }

    /// How many messages it has.
    pub(crate) fn len(&self) -> usize {
        self.sizes.len()
    }

    /// Tells of each message, in order, which one it was of its request and how it ended.
    pub(crate) fn of_each(&self, mut tell: impl FnMut(usize, std::result::Result<Told<'_>, &Error>)) {
        let mut told = 0;
        for (range, outcome) in &self.parts {
            match outcome {
                Ok(receipt) => {
                    let each = OfBatch::new(receipt, range.len());
                    let ids = self.ids.of(range.clone()).enumerate();
                    ids.for_each(|(index, id)| tell(index, Ok(each.told(index, id))));
                }
                Err(error) => (0..range.len()).for_each(|index| tell(index, Err(error))),
            }
            told = range.end;
        }
        if told < self.len() {
            let lost = lost();
            (0..self.len() - told).for_each(|index| tell(index, Err(&lost)));
        }
    }

    /// The first message that failed: its index, and why.
    #[cfg(feature = "capi")]
    pub(crate) fn first_error(&self) -> Option<(usize, Error)> {
        let failed = |(range, outcome): &(Range<usize>, Outcome)| Some((range.start, outcome.as_ref().err()?.clone()));
        let end = self.parts.last().map_or(0, |(range, _)| range.end);
        let missing = || (end < self.len()).then(|| (end, lost()));
        self.parts.iter().find_map(failed).or_else(missing)
    }

    /// The end of each message.
    pub(crate) fn into_result(self) -> BatchResult {
        let mut results = Vec::with_capacity(self.len());
        self.of_each(|_, told| results.push(told.map(|told| told.to_receipt()).map_err(Error::clone)));
        BatchResult { results }
    }

    /// The end of the batch as one message: its first failure, or a receipt with all ids joined by commas, as the Java
    /// client has it.
    pub(crate) fn as_one(&self) -> Outcome {
        let mut one: Option<Receipt> = None;
        for (range, outcome) in &self.parts {
            let receipt = outcome.as_ref().map_err(Error::clone)?;
            let message_id = match OfBatch::new(receipt, range.len()).is_whole() {
                true => receipt.message_id.clone(),
                false => self.ids.of(range.clone()).collect::<Vec<_>>().join(","),
            };
            match &mut one {
                None => one = Some(Receipt { message_id, ..receipt.clone() }),
                Some(one) => {
                    one.message_id = format!("{},{message_id}", one.message_id);
                    one.offset_message_id = format!("{},{}", one.offset_message_id, receipt.offset_message_id);
                    one.attempts += receipt.attempts;
                    one.earlier.extend_from_slice(&receipt.earlier);
                }
            }
        }
        one.ok_or_else(|| Error::new(ErrorKind::Internal, "the batch had no requests"))
    }
}

/// The receipt of a request of several messages, taken apart.
pub(crate) struct OfBatch<'a> {
    receipt: &'a Receipt,
    offset_ids: Vec<&'a str>,
    count: usize,
}

impl<'a> OfBatch<'a> {
    pub(crate) fn new(receipt: &'a Receipt, count: usize) -> Self {
        let mut offset_ids = Vec::with_capacity(count);
        offset_ids.extend(receipt.offset_message_id.split(',').filter(|id| !id.is_empty()));
        OfBatch { receipt, offset_ids, count }
    }

    /// Whether the broker keeps the batch as one record with one id, as in a topic whose `queue.type` is `BatchCQ`.
    fn is_whole(&self) -> bool {
        self.count > 1 && self.offset_ids.len() == 1
    }

    /// The receipt of the message at `index`: messages of a batch are stored one behind the other.
    pub(crate) fn receipt(&self, index: usize, message_id: &str) -> Receipt {
        self.told(index, message_id).to_receipt()
    }

    /// The same, lent.
    fn told<'t>(&'t self, index: usize, message_id: &'t str) -> Told<'t> {
        let of_message = match self.offset_ids.len() {
            1 => self.offset_ids.first(),
            ids if ids == self.count => self.offset_ids.get(index),
            // Not to be told apart.
            _ => None,
        };
        let receipt = self.receipt;
        Told {
            message_id,
            offset_message_id: of_message.copied().unwrap_or_default(),
            queue_offset: match receipt.queue_offset {
                first if first >= 0 => first + index as i64,
                none => none,
            },
            status: receipt.status,
            topic: &receipt.topic,
            broker_name: &receipt.broker_name,
            queue_id: receipt.queue_id,
            transaction_id: &receipt.transaction_id,
            region_id: &receipt.region_id,
            recall_handle: &receipt.recall_handle,
            attempts: receipt.attempts,
            earlier: &receipt.earlier,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::SendStatus;

    fn receipt(offset_ids: &str, queue_offset: i64) -> Receipt {
        Receipt {
            status: SendStatus::Ok,
            message_id: "BATCH".into(),
            offset_message_id: offset_ids.into(),
            topic: "T".into(),
            broker_name: "b".into(),
            queue_id: 2,
            queue_offset,
            transaction_id: String::new(),
            region_id: String::new(),
            recall_handle: String::new(),
            attempts: 1,
            earlier: Vec::new(),
        }
    }

    fn ended(parts: Vec<(Range<usize>, Outcome)>) -> BatchEnd {
        let count = parts.iter().map(|(range, _)| range.len()).sum();
        let mut ids = Ids::default();
        ids.extend(count, |text| (0..count).for_each(|number| *text += &format!("M{number}")));
        BatchEnd { ids, sizes: vec![1; count].into(), parts }
    }

    fn shown(end: BatchEnd) -> Vec<(String, String, i64)> {
        let results = end.into_result().into_results().into_iter().map(Result::unwrap);
        results.map(|one| (one.message_id, one.offset_message_id, one.queue_offset)).collect()
    }

    fn row(id: &str, offset_id: &str, offset: i64) -> (String, String, i64) {
        (id.into(), offset_id.into(), offset)
    }

    /// Rows: BA-05.
    #[test]
    fn each_message_has_its_own_ids_and_offset() {
        let parts = || vec![(0..2, Ok(receipt("A,B", 7))), (2..3, Ok(receipt("C", 0)))];
        assert_eq!(shown(ended(parts())), [row("M0", "A", 7), row("M1", "B", 8), row("M2", "C", 0)]);
        let one = ended(parts()).as_one().unwrap();
        assert_eq!((&*one.message_id, &*one.offset_message_id, one.queue_offset), ("M0,M1,M2", "A,B,C", 7));
        assert_eq!(one.attempts, 2);
    }

    /// Rows: BA-05.
    #[test]
    fn a_batch_that_the_broker_keeps_whole_has_one_offset_id() {
        let whole = || ended(vec![(0..2, Ok(receipt("A", 7)))]);
        assert_eq!(shown(whole()), [row("M0", "A", 7), row("M1", "A", 8)]);
        assert_eq!(whole().as_one().unwrap().message_id, "BATCH");
        let odd = ended(vec![(0..3, Ok(receipt("A,B", -1)))]);
        assert_eq!(shown(odd), [row("M0", "", -1), row("M1", "", -1), row("M2", "", -1)]);
    }

    #[test]
    fn the_first_failure_is_found_and_what_nobody_ended_is_lost() {
        let failed = Error::new(ErrorKind::Timeout, "late");
        let mixed = ended(vec![(0..1, Ok(receipt("A", 0))), (1..3, Err(failed))]);
        assert_eq!(mixed.as_one().unwrap_err().message(), "late");
        let mixed = mixed.into_result();
        assert!(!mixed.all_ok() && mixed.results()[0].is_ok() && mixed.results()[2].is_err());
        assert_eq!(mixed.first_error().map(|(index, error)| (index, error.message())), Some((1, "late")));
        let lost = BatchEnd::lost(vec![1, 2].into()).into_result();
        assert!(lost.results().iter().all(|result| result.as_ref().unwrap_err().maybe_persisted()));
        assert!(ended(vec![(0..1, Ok(receipt("A", 0)))]).into_result().all_ok());
        let mut some = ended(vec![(0..1, Ok(receipt("A", 0))), (1..2, Ok(receipt("B", 0)))]);
        some.parts.pop();
        let some = some.into_result();
        assert_eq!(some.first_error().map(|(index, error)| (index, error.maybe_persisted())), Some((1, true)));
    }
}
