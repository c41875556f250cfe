//! What a call was asked with.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;

use crate::failure::Failure;

pub fn text<'a>(params: &'a Value, name: &str) -> Result<&'a str, Failure> {
    params[name].as_str().ok_or_else(|| wrong(name, "a string"))
}

pub fn texts<'a>(params: &'a Value, name: &str) -> Result<Vec<&'a str>, Failure> {
    let list = params[name]
        .as_array()
        .map(|list| list.iter().map(Value::as_str).collect());
    list.flatten()
        .ok_or_else(|| wrong(name, "a list of strings"))
}

pub fn bytes(params: &Value, name: &str) -> Result<Vec<u8>, Failure> {
    STANDARD
        .decode(text(params, name)?)
        .map_err(|_| wrong(name, "base64"))
}

/// The kit and this adapter disagree about an operation, which is never a verdict.
fn wrong(name: &str, want: &str) -> Failure {
    Failure::Fault(format!("{name}: want {want}"))
}
