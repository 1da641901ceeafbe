//! What a case's values mean: placeholders, made-up values, and patterns.

use serde_json::{Map, Value};

/// Where made-up values come from.
pub trait Source {
    /// The field of an outcome that was saved.
    fn saved(&self, name: &str, field: &str) -> Option<Value>;
    /// A property of a stored message.
    fn stored(&self, topic: &str, index: usize, property: &str) -> Option<String>;
    /// What a placeholder stands for.
    fn placeholders(&self) -> &[(&'static str, String)];
}

/// The only field of an object, when it is `$something`.
fn operator(value: &Value) -> Option<(&str, &Value)> {
    let (name, argument) = value.as_object().filter(|object| object.len() == 1)?.iter().next()?;
    name.starts_with('$').then_some((name, argument))
}

/// The value with its placeholders and made-up parts filled in; `number` is that of the repetition.
pub fn resolve(value: &Value, number: usize, source: &dyn Source) -> Result<Value, String> {
    let deeper = |value: &Value| resolve(value, number, source);
    match value {
        Value::String(text) => {
            let mut text = text.replace("{n}", &number.to_string());
            for (placeholder, meaning) in source.placeholders() {
                text = text.replace(placeholder, meaning);
            }
            Ok(Value::String(text))
        }
        Value::Array(elements) => elements.iter().map(deeper).collect(),
        Value::Object(fields) => match operator(value) {
            Some((name @ ("$repeat" | "$saved" | "$stored"), argument)) => made_up(name, &deeper(argument)?, source),
            _ => {
                let pairs = fields.iter().map(|(name, value)| Ok((name.clone(), deeper(value)?)));
                pairs.collect::<Result<Map<_, _>, String>>().map(Value::Object)
            }
        },
        other => Ok(other.clone()),
    }
}

fn made_up(name: &str, argument: &Value, source: &dyn Source) -> Result<Value, String> {
    let number = |at: usize| argument[at].as_u64().map(|number| number as usize);
    let text = |at: usize| argument[at].as_str();
    let made = match name {
        "$repeat" => text(0).zip(number(1)).map(|(text, times)| Value::String(text.repeat(times))),
        "$saved" => {
            argument.as_str().and_then(|path| path.split_once('.')).and_then(|(name, field)| source.saved(name, field))
        }
        _ => match (text(0), number(1), text(2)) {
            (Some(topic), Some(index), Some(property)) => source.stored(topic, index, property).map(Value::String),
            _ => None,
        },
    };
    made.ok_or_else(|| format!("there is no {name} {argument}"))
}

/// Adds a line for each difference between a pattern and a value.
pub fn compare(pattern: &Value, value: &Value, path: &str, differences: &mut Vec<String>) {
    let fits = |pattern: &Value, value: &Value| {
        let mut own = Vec::new();
        compare(pattern, value, path, &mut own);
        own.is_empty()
    };
    if let Some((operator, argument)) = operator(pattern) {
        let mut wrong = |what: String| differences.push(format!("{path}: {what}"));
        match (operator, value) {
            ("$contains", Value::String(text)) => {
                let parts = argument.as_array().cloned().unwrap_or_else(|| vec![argument.clone()]);
                for part in parts.iter().filter(|part| !part.as_str().is_some_and(|part| text.contains(part))) {
                    wrong(format!("{} does not hold {part}", short(value)));
                }
            }
            ("$present", Value::String(text)) if argument.is_boolean() => {
                if argument.as_bool() == Some(text.is_empty()) {
                    wrong(format!("is {}", short(value)));
                }
            }
            ("$not", _) => {
                if fits(argument, value) {
                    wrong(format!("is {}, and should not be", short(value)));
                }
            }
            ("$unordered", Value::Array(elements)) if argument.is_array() => {
                let patterns = argument.as_array().map(Vec::as_slice).unwrap_or_default();
                if patterns.len() != elements.len() {
                    wrong(format!("has {} elements, not {}: {}", elements.len(), patterns.len(), short(value)));
                    return;
                }
                let mut left: Vec<&Value> = elements.iter().collect();
                for pattern in patterns {
                    match left.iter().position(|element| fits(pattern, element)) {
                        Some(at) => drop(left.remove(at)),
                        None => wrong(format!("no element of {left:?} is {}", short(pattern))),
                    }
                }
            }
            ("$each", Value::Array(elements)) => {
                if elements.is_empty() {
                    wrong("is empty".to_owned());
                }
                for (number, element) in elements.iter().enumerate() {
                    compare(argument, element, &format!("{path}[{number}]"), differences);
                }
            }
            _ => wrong(format!("{} is not for {}", pattern, short(value))),
        }
        return;
    }
    match (pattern, value) {
        (Value::Object(patterns), Value::Object(fields)) => {
            for (name, pattern) in patterns {
                let path = format!("{path}.{name}");
                let absent = operator(pattern).is_some_and(|(operator, _)| operator == "$absent");
                match (fields.get(name), absent) {
                    (Some(field), true) => differences.push(format!("{path}: is {}, and should not be", short(field))),
                    (None, true) => {}
                    (Some(field), false) => compare(pattern, field, &path, differences),
                    (None, false) => differences.push(format!("{path}: there is none in {}", short(value))),
                }
            }
        }
        (Value::Array(patterns), Value::Array(elements)) => {
            if patterns.len() != elements.len() {
                let lengths = (elements.len(), patterns.len());
                differences.push(format!("{path}: has {} elements, not {}: {}", lengths.0, lengths.1, short(value)));
            }
            for (number, (pattern, element)) in patterns.iter().zip(elements).enumerate() {
                compare(pattern, element, &format!("{path}[{number}]"), differences);
            }
        }
        _ if pattern == value => {}
        _ => differences.push(format!("{path}: is {}, not {}", short(value), short(pattern))),
    }
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(400) {
        Some((end, _)) => format!("{}... ({} characters)", &text[..end], text.chars().count()),
        None => text,
    }
}

/// The bytes of a body as cases write it.
pub fn body_bytes(text: &str) -> Result<Vec<u8>, String> {
    let Some(digits) = text.strip_prefix("hex:") else { return Ok(text.as_bytes().to_vec()) };
    let pairs = digits.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap_or_default());
    let bytes: Result<Vec<u8>, _> = pairs.map(|pair| u8::from_str_radix(pair, 16)).collect();
    bytes.map_err(|error| format!("`{text}`: {error}"))
}
