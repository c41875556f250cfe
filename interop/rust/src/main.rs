//! Answers the calls of the conformance kit with the crates `spiffe` and `spiffe-rustls`: one JSON object per line in,
//! one out. It adds no check, no retry and no normalisation of its own.

mod failure;
mod operations;
mod params;
mod rules;

use std::any::Any;
use std::io::{self, BufRead, Write};
use std::panic::catch_unwind;

use serde_json::{Value, json};

use failure::Failure;
use operations::OPERATIONS;

const PROTOCOL: u64 = 1;

/// Of the crate `spiffe`, which Cargo.toml pins to it.
const LIBRARY_VERSION: &str = "0.19.0";

fn main() -> io::Result<()> {
    let mut out = io::stdout().lock();
    for line in io::stdin().lock().split(b'\n') {
        let call: Value = serde_json::from_slice(&line?)?;
        let mut answer = answer(&call);
        answer["id"] = call["id"].clone();
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    Ok(())
}

/// The answer to a call, without its id, in one of the four words of the protocol.
fn answer(call: &Value) -> Value {
    if let Some(need) = call["needs"].as_array().and_then(|needs| needs.first()) {
        return json!({ "unsupported": { "reason": format!("the need {need}") } });
    }
    let params = &call["params"];
    let op = call["op"].as_str().unwrap_or_default();
    let result = match op {
        "hello" => hello(params),
        "bye" | "reset" => Ok(json!({})),
        _ => match OPERATIONS.iter().find(|(name, _)| *name == op) {
            Some((_, operation)) => catch_unwind(|| operation(params))
                .unwrap_or_else(|panic| Err(Failure::Fault(text_of(&*panic)))),
            None => return json!({ "unsupported": { "reason": format!("the operation {op}") } }),
        },
    };
    match result {
        Ok(value) => json!({ "ok": value }),
        Err(Failure::Rejected { code, message }) => {
            json!({ "reject": { "code": code, "message": message } })
        }
        Err(Failure::Fault(message)) => json!({ "fault": { "message": message } }),
    }
}

fn hello(params: &Value) -> Result<Value, Failure> {
    let offered = params["protocol"].as_array();
    if !offered.is_some_and(|numbers| numbers.contains(&json!(PROTOCOL))) {
        return Err(Failure::rejected(
            "unknown",
            format!("this adapter speaks protocol {PROTOCOL}"),
        ));
    }
    Ok(json!({
        "protocol": PROTOCOL,
        "implementation": {
            "name": "rust-spiffe",
            "version": LIBRARY_VERSION,
            "language": "rust",
            "homepage": "https://github.com/maxlambrecht/rust-spiffe",
        },
        "capabilities": {
            "ops": OPERATIONS.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
            "clock": false,
            "concurrency": 1,
            "profiles": [],
            "rules": rules::KINDS,
            "build": ["segments"],
            "resetIsClean": true,
        },
    }))
}

fn text_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("a panic")
        .to_owned()
}
