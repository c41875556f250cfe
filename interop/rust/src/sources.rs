//! Sources of X.509-SVIDs of the Workload API.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock, Mutex, Weak};
use std::time::Duration;

use serde_json::{Value, json};
use spiffe::x509_source::{MetricsErrorKind, MetricsRecorder, SvidPicker, X509SourceError};
use spiffe::{X509Context, X509Source, X509SourceBuilder, X509Svid};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use crate::failure::Failure;
use crate::handles::{Handles, lock};
use crate::operations::fingerprint;
use crate::params::{number, text, texts};
use crate::tell;

pub static SOURCES: LazyLock<Handles<OpenSource>> = LazyLock::new(|| Handles::new("s"));

/// A source that a call opened: it tells what happens to it, and can be waited for.
pub struct OpenSource {
    known: Arc<Known>,
    task: JoinHandle<()>,
}

/// What is known of a source.
struct Known {
    handle: String,
    state: Mutex<State>,
    /// Something may be other than it was.
    changed: watch::Sender<()>,
    /// The call that opened it was answered, and events may come.
    answered: Notify,
}

#[derive(Default)]
struct State {
    source: Option<X509Source>,
    last_error: Option<LastError>,
    has_failed: bool,
    is_closed: bool,
}

/// An error that was told, which counts until there is another revision.
struct LastError {
    revision: Option<u64>,
    code: &'static str,
    message: String,
}

impl State {
    fn revision(&self) -> Option<u64> {
        self.source.as_ref().map(|source| source.state().revision())
    }
}

/// `source.open` with the kind `workloadApi`
pub fn open(params: &Value) -> Result<Value, Failure> {
    let mut builder = X509SourceBuilder::new();
    // Without one the library looks for it.
    if !params["address"].is_null() {
        builder = builder.endpoint(text(params, "address")?);
    }
    if let Some(hint) = params["options"]["pick"]["hint"].as_str() {
        builder = builder.picker(ByHint(hint.to_owned()));
    }
    let handle = SOURCES.add(|handle| {
        let known = Arc::new(Known {
            handle: handle.to_owned(),
            state: Mutex::default(),
            changed: watch::Sender::new(()),
            answered: Notify::new(),
        });
        let task = tokio::spawn(follow(Arc::clone(&known), builder));
        OpenSource { known, task }
    });
    Ok(json!({ "handle": handle }))
}

/// The answer to the call that opened a source was written.
pub fn begin(answer: &Value) {
    if let Ok(source) = SOURCES.get(answer, "handle") {
        source.known.answered.notify_one();
    }
}

/// `source.get`
pub fn get(params: &Value) -> Result<Value, Failure> {
    Ok(SOURCES.get(params, "handle")?.known.snapshot())
}

/// `source.wait`
pub async fn wait(params: Value) -> Result<Value, Failure> {
    let known = Arc::clone(&SOURCES.get(&params, "handle")?.known);
    let end = Instant::now() + Duration::from_millis(number(&params, "timeoutMs")?);
    let mut changed = known.changed.subscribe();
    loop {
        let mut snapshot = known.snapshot();
        let is_met = is_met(&params["until"], &snapshot)?;
        if is_met || !matches!(timeout_at(end, changed.changed()).await, Ok(Ok(()))) {
            snapshot["met"] = json!(is_met);
            return Ok(snapshot);
        }
    }
}

impl OpenSource {
    /// The library's own source, which has to have an identity.
    pub fn ready(&self) -> Result<X509Source, Failure> {
        let source = lock(&self.known.state).source.clone();
        source.ok_or_else(|| Failure::Fault("source: want one that is ready".to_owned()))
    }

    pub async fn close(&self) {
        lock(&self.known.state).is_closed = true;
        self.task.abort();
        self.known.wake();
        let source = lock(&self.known.state).source.clone();
        if let Some(source) = source {
            source.shutdown().await;
        }
    }
}

async fn follow(known: Arc<Known>, builder: X509SourceBuilder) {
    known.answered.notified().await;
    let recorder = Arc::new(Recorder(Arc::downgrade(&known)));
    match builder.metrics(recorder).build().await {
        Ok(source) => {
            let mut updates = source.updated();
            lock(&known.state).source = Some(source);
            loop {
                known.updated();
                if updates.changed().await.is_err() {
                    return known.wake();
                }
            }
        }
        Err(error) => {
            lock(&known.state).has_failed = true;
            known.failed(code_of(&error), error.to_string());
        }
    }
}

impl Known {
    /// How it is now.
    fn snapshot(&self) -> Value {
        self.snapshot_of(&lock(&self.state))
    }

    fn snapshot_of(&self, state: &State) -> Value {
        let observed = state.source.as_ref().map(X509Source::state);
        let identity = observed
            .as_ref()
            .map(|one| Ok((one.svid()?, one.context()?)));
        let last = state.last_error.as_ref();
        let last = last.filter(|last| last.revision == observed.as_ref().map(|one| one.revision()));
        let mut error = last.map(|last| (last.code, last.message.clone()));
        let mut snapshot = match identity {
            _ if state.is_closed => json!({ "state": "closed", "bundles": {} }),
            Some(Ok((svid, context))) => describe(&svid, &context),
            Some(Err(reason)) => {
                error = Some((code_of(&reason), reason.to_string()));
                json!({ "state": "empty", "bundles": {} })
            }
            None if state.has_failed => json!({ "state": "failed", "bundles": {} }),
            None => json!({ "state": "waiting", "bundles": {} }),
        };
        snapshot["generation"] = json!(observed.map_or(0, |one| one.revision() + 1));
        if let Some((code, message)) = error {
            snapshot["lastError"] = json!({ "code": code, "message": message });
        }
        snapshot
    }

    fn updated(&self) {
        let state = lock(&self.state);
        self.tell(&state, "source.update", self.snapshot_of(&state));
    }

    fn failed(&self, code: &'static str, message: String) {
        let mut state = lock(&self.state);
        let data = json!({ "code": code, "message": message });
        let revision = state.revision();
        state.last_error = Some(LastError {
            revision,
            code,
            message,
        });
        self.tell(&state, "source.error", data);
    }

    /// Writes an event, with the state held: none comes after the answer that closes it.
    fn tell(&self, state: &State, event: &str, data: Value) {
        if !state.is_closed {
            tell(&json!({ "event": event, "handle": self.handle, "data": data }));
        }
        self.wake();
    }

    fn wake(&self) {
        self.changed.send_replace(());
    }
}

/// What the library tells of errors that it lives with.
struct Recorder(Weak<Known>);

impl MetricsRecorder for Recorder {
    fn record_update(&self) {}

    fn record_reconnect(&self) {}

    fn record_error(&self, kind: MetricsErrorKind) {
        if let Some(known) = self.0.upgrade() {
            known.failed("unknown", kind.as_str().to_owned());
        }
    }
}

struct ByHint(String);

impl SvidPicker for ByHint {
    fn pick_svid(&self, svids: &[Arc<X509Svid>]) -> Option<usize> {
        svids.iter().position(|svid| svid.hint() == Some(&self.0))
    }
}

fn describe(svid: &X509Svid, context: &X509Context) -> Value {
    let chain: Vec<_> = svid.cert_chain().iter().map(fingerprint).collect();
    let bundles: BTreeMap<_, Vec<_>> = context
        .bundle_set()
        .iter()
        .map(|(name, bundle)| {
            let authorities = bundle.authorities().iter().map(fingerprint).collect();
            (name.as_str(), authorities)
        })
        .collect();
    json!({
        "state": "ready",
        "id": svid.spiffe_id().to_string(),
        "leafSha256": chain[0],
        "chainSha256": chain,
        "bundles": bundles,
    })
}

fn is_met(until: &Value, snapshot: &Value) -> Result<bool, Failure> {
    if !until["leafSha256"].is_null() {
        return Ok(snapshot["leafSha256"] == until["leafSha256"]);
    }
    if !until["bundle"].is_null() {
        let bundle = &until["bundle"];
        let wanted: BTreeSet<_> = texts(bundle, "sha256")?.into_iter().collect();
        let held = snapshot["bundles"][text(bundle, "trustDomain")?].as_array();
        let held: BTreeSet<_> = held
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        return Ok(held == wanted);
    }
    if until["error"] == json!(true) {
        return Ok(!snapshot["lastError"].is_null());
    }
    Ok(snapshot["state"] == until["state"])
}

fn code_of(error: &X509SourceError) -> &'static str {
    match error {
        X509SourceError::Withdrawn(_) => "workload.denied",
        _ => "unknown",
    }
}
