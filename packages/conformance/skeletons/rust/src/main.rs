//! Speaks the protocol of the conformance kit: one JSON object per line in, one out. There is nothing to change here.

mod library;
mod operations;

use serde_json::{json, Value};
use std::io::{self, BufRead, Write};

/// How an operation ends when it does not answer.
pub enum Failure {
    /// The library looked and said no.
    Rejected { code: &'static str, message: String },
    /// Anything else is no verdict.
    Fault(String),
}

fn main() -> io::Result<()> {
    let mut out = io::stdout().lock();
    // `lines` ends them at LF alone. The loop ends when the input does.
    for line in io::stdin().lock().lines() {
        let call: Value = serde_json::from_str(&line?)?;
        let mut answer = answer(&call);
        answer["id"] = call["id"].clone();
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    Ok(())
}

fn answer(call: &Value) -> Value {
    let op = call["op"].as_str().unwrap_or_default();
    if call["needs"].as_array().is_some_and(|needs| !needs.is_empty()) {
        // Nothing is promised that is not understood. Once `at` is honoured: any need but "clock".
        return json!({"unsupported": {"reason": format!("needs {}", call["needs"])}});
    }
    if op == "hello" {
        return hello(&call["params"]);
    }
    if op == "bye" || op == "reset" {
        return json!({"ok": {}});
    }
    let Some((_, operation)) = operations::OPERATIONS.iter().find(|(name, _)| *name == op) else {
        return json!({"unsupported": {"reason": format!("no {op}")}});
    };
    match operation(&call["params"]) {
        Ok(value) => json!({"ok": value}),
        Err(Failure::Rejected { code, message }) => json!({"reject": {"code": code, "message": message}}),
        Err(Failure::Fault(message)) => json!({"fault": {"message": message}}),
    }
}

fn hello(params: &Value) -> Value {
    let offered = params["protocol"].as_array();
    if !offered.is_some_and(|numbers| numbers.contains(&json!(1))) {
        return json!({"reject": {"code": "unknown", "message": "this adapter speaks protocol 1"}});
    }
    let ops: Vec<&str> = operations::OPERATIONS.iter().map(|(name, _)| *name).collect();
    json!({"ok": {
        "protocol": 1,
        "implementation": operations::implementation(),
        "capabilities": {"ops": ops},
    }})
}
