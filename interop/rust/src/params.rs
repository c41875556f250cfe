//! What a call was asked with.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;

use crate::failure::Failure;

pub fn text<'a>(params: &'a Value, name: &str) -> Result<&'a str, Failure> {
    params[name].as_str().ok_or_else(|| wrong(name, "a string"))
}

pub fn number(params: &Value, name: &str) -> Result<u64, Failure> {
    params[name].as_u64().ok_or_else(|| wrong(name, "a number"))
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

/// Text that may be given in bytes. What is not UTF-8 becomes U+FFFD: the library reads `str`.
pub fn text_or_bytes(params: &Value, name: &str) -> Result<String, Failure> {
    let in_bytes = format!("{name}B64");
    match &params[&in_bytes] {
        Value::Null => text(params, name).map(str::to_owned),
        _ => Ok(String::from_utf8_lossy(&bytes(params, &in_bytes)?).into_owned()),
    }
}

/// The kit and this adapter disagree about an operation, which is never a verdict.
fn wrong(name: &str, want: &str) -> Failure {
    Failure::Fault(format!("{name}: want {want}"))
}
