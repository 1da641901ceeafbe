//! Checks a value against a JSON Schema: the keywords that `schema.json` uses, and no others.

use serde_json::Value;

/// The words that a schema may use here.
const KEYWORDS: [&str; 15] = [
    "$schema",
    "$defs",
    "$ref",
    "title",
    "description",
    "type",
    "const",
    "enum",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "minItems",
    "oneOf",
    "minimum",
];

pub struct Schema(pub Value);

impl Schema {
    /// What is wrong with the value, each with its place.
    pub fn check(&self, value: &Value) -> Vec<String> {
        let mut wrong = Vec::new();
        self.fits(&self.0, value, "", &mut wrong);
        wrong
    }

    fn fits(&self, schema: &Value, value: &Value, path: &str, wrong: &mut Vec<String>) {
        let Some(words) = schema.as_object() else { return wrong.push(format!("{path}: {schema} is no schema")) };
        for word in words.keys().filter(|word| !KEYWORDS.contains(&word.as_str())) {
            wrong.push(format!("{path}: the schema's word `{word}` is not understood here"));
        }
        if let Some(reference) = schema["$ref"].as_str() {
            match self.0.pointer(reference.trim_start_matches('#')) {
                Some(schema) => self.fits(schema, value, path, wrong),
                None => wrong.push(format!("{path}: the schema has no {reference}")),
            }
        }
        if let Some(kind) = schema["type"].as_str().filter(|kind| !has_type(kind, value)) {
            return wrong.push(format!("{path}: {value} is not of the type {kind}"));
        }
        if schema.get("const").is_some_and(|only| only != value) {
            wrong.push(format!("{path}: {value} is not {}", schema["const"]));
        }
        if schema["enum"].as_array().is_some_and(|values| !values.contains(value)) {
            wrong.push(format!("{path}: {value} is none of {}", schema["enum"]));
        }
        if schema["minimum"].as_i64().is_some_and(|least| value.as_i64().is_some_and(|number| number < least)) {
            wrong.push(format!("{path}: {value} is less than {}", schema["minimum"]));
        }
        if let Some(elements) = value.as_array() {
            if schema["minItems"].as_u64().is_some_and(|least| (elements.len() as u64) < least) {
                wrong.push(format!("{path}: there are less than {} elements", schema["minItems"]));
            }
            for (number, element) in elements.iter().enumerate().filter(|_| schema.get("items").is_some()) {
                self.fits(&schema["items"], element, &format!("{path}/{number}"), wrong);
            }
        }
        if let Some(choices) = schema["oneOf"].as_array() {
            self.fits_one(choices, value, path, wrong);
        }
        self.object(schema, value, path, wrong);
    }

    fn object(&self, schema: &Value, value: &Value, path: &str, wrong: &mut Vec<String>) {
        let Some(fields) = value.as_object() else { return };
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !fields.contains_key(name) {
                wrong.push(format!("{path}: there is no `{name}`"));
            }
        }
        for (name, field) in fields {
            let path = format!("{path}/{name}");
            match (schema["properties"].get(name), schema.get("additionalProperties")) {
                (Some(schema), _) => self.fits(schema, field, &path, wrong),
                (None, Some(Value::Bool(false))) => wrong.push(format!("{path}: there is no such field")),
                (None, Some(schema @ Value::Object(_))) => self.fits(schema, field, &path, wrong),
                _ => {}
            }
        }
    }

    /// Tells what is wrong by the choice that has the value's `do`, or the least to say.
    fn fits_one(&self, choices: &[Value], value: &Value, path: &str, wrong: &mut Vec<String>) {
        let told: Vec<Vec<String>> = choices
            .iter()
            .map(|choice| {
                let mut own = Vec::new();
                self.fits(choice, value, path, &mut own);
                own
            })
            .collect();
        match told.iter().filter(|own| own.is_empty()).count() {
            1 => {}
            0 => {
                let of_do = format!("{path}/do:");
                let about = told.iter().find(|own| !own.iter().any(|line| line.starts_with(&of_do)));
                wrong.extend(about.or(told.iter().min_by_key(|own| own.len())).into_iter().flatten().cloned());
            }
            many => wrong.push(format!("{path}: {many} forms fit {value}")),
        }
    }
}

fn has_type(kind: &str, value: &Value) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        _ => false,
    }
}
