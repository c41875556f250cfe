//! What the kit asks, put to your library. Nothing may be checked, retried, cached or tidied up here.

use crate::library::SpiffeId;
use crate::Failure;
use base64::{engine::general_purpose::STANDARD, Engine};
use serde_json::{json, Value};

type Operation = fn(&Value) -> Result<Value, Failure>;

pub const OPERATIONS: &[(&str, Operation)] = &[("id.parse", parse_id)];

pub fn implementation() -> Value {
    json!({"name": "my-spiffe", "version": "0.1.0", "language": "rust"})
}

fn parse_id(params: &Value) -> Result<Value, Failure> {
    let text = match params["id"].as_str() {
        Some(text) => text.to_owned(),
        None => {
            let bytes = STANDARD.decode(params["idB64"].as_str().unwrap_or_default());
            let bytes = bytes.map_err(|error| Failure::Fault(error.to_string()))?;
            String::from_utf8_lossy(&bytes).into_owned()
        }
    };
    // The library's own error is its verdict.
    let id = SpiffeId::parse(&text).map_err(|message| Failure::Rejected { code: "unknown", message })?;
    Ok(json!({
        "id": id.to_string(),
        "trustDomain": id.trust_domain,
        "path": id.path,
        "segments": id.path.split('/').skip(1).collect::<Vec<_>>(),
    }))
}
