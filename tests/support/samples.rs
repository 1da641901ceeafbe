//! The messages of the Java tool's producer (`Samples.java`), as they must be stored.

use std::collections::BTreeMap;

use super::messages::Expected;

/// Message number `index` of `topic`.
pub fn sample(topic: &str, index: usize, body_size: usize) -> Expected {
    Expected {
        topic: topic.to_owned(),
        keys: format!("key-{index}"),
        tags: Some(format!("tag-{}", index % 3)),
        flag: i32::try_from(index * 7).unwrap_or(i32::MAX),
        properties: BTreeMap::from([
            ("index".to_owned(), index.to_string()),
            ("text".to_owned(), format!("é中文-{index}")),
        ]),
        body: body(topic, index, body_size),
    }
}

/// Messages number `first` to `first + count - 1` of `topic`.
pub fn samples(topic: &str, first: usize, count: usize, body_size: usize) -> Vec<Expected> {
    (first..first + count).map(|index| sample(topic, index, body_size)).collect()
}

fn body(topic: &str, index: usize, size: usize) -> Vec<u8> {
    let mut body = format!("{topic}#{index}:").into_bytes();
    body.truncate(size);
    let letters = (body.len()..size).map(|at| b"abcdefghijklmnopqrstuvwxyz"[(index * 31 + at * 7) % 26]);
    body.extend(letters.collect::<Vec<u8>>());
    body
}
