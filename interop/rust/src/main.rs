//! Answers the calls of the conformance kit with the crates `spiffe` and `spiffe-rustls`: one JSON object per line in,
//! one out. It adds no check, no retry and no normalisation of its own.

mod connections;
mod failure;
mod handles;
mod operations;
mod params;
mod rules;
mod sources;
mod workload;

use std::any::Any;
use std::io::{self, BufRead, Write};

use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use failure::Failure;
use operations::{OPERATIONS, Operation, close_all};

const PROTOCOL: u64 = 1;

/// Of the crate `spiffe`, which Cargo.toml pins to it.
const LIBRARY_VERSION: &str = "0.19.0";

/// Answers calls as they come: one that waits holds up no other.
fn main() -> io::Result<()> {
    let runtime = Runtime::new()?;
    let mut calls = JoinSet::new();
    for line in io::stdin().lock().split(b'\n') {
        let call: Value = serde_json::from_slice(&line?)?;
        while calls.try_join_next().is_some() {}
        calls.spawn_on(reply(call), runtime.handle());
    }
    runtime.block_on(calls.join_all());
    Ok(())
}

/// Writes one message.
fn tell(message: &Value) {
    let mut out = io::stdout().lock();
    // Without a reader there is nothing left to do, and the input ends too.
    let _ = writeln!(out, "{message}").and_then(|()| out.flush());
}

async fn reply(call: Value) {
    let mut answer = answer(&call).await;
    answer["id"] = call["id"].clone();
    tell(&answer);
    if call["op"] == "source.open" {
        sources::begin(&answer["ok"]);
    }
}

/// The answer to a call, without its id, in one of the four words of the protocol.
async fn answer(call: &Value) -> Value {
    if let Some(need) = call["needs"].as_array().and_then(|needs| needs.first()) {
        return json!({ "unsupported": { "reason": format!("the need {need}") } });
    }
    let params = call["params"].clone();
    let op = call["op"].as_str().unwrap_or_default();
    let result = match op {
        "hello" => hello(&params),
        "bye" | "reset" => {
            close_all().await;
            Ok(json!({}))
        }
        _ => match OPERATIONS.iter().find(|(name, _)| *name == op) {
            // A task of its own, for what the library may panic over.
            Some((_, operation)) => tokio::spawn(async move {
                match operation {
                    Operation::Now(answer) => answer(&params),
                    Operation::Later(answer) => answer(params).await,
                }
            })
            .await
            .unwrap_or_else(|end| Err(Failure::Fault(text_of(&*end.into_panic())))),
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
            "sources": ["workloadApi", "workloadApiJwt"],
            "endpoints": ["unix", "tcp"],
            "options": ["bundles", "pick"],
            "protocols": ["line"],
            "events": ["source.update", "source.error"],
            "stats": [],
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
