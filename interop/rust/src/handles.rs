//! What calls open and others close.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use crate::failure::Failure;
use crate::params::text;

/// What is open of one kind, by handle.
pub struct Handles<T> {
    prefix: &'static str,
    /// How many were opened, and those that are open.
    things: Mutex<(u64, HashMap<String, Arc<T>>)>,
}

impl<T> Handles<T> {
    pub fn new(prefix: &'static str) -> Self {
        Self {
            prefix,
            things: Mutex::default(),
        }
    }

    /// Keeps what `make` makes for a new handle, and gives the handle.
    pub fn add(&self, make: impl FnOnce(&str) -> T) -> String {
        let mut things = lock(&self.things);
        things.0 += 1;
        let handle = format!("{}{}", self.prefix, things.0);
        let thing = Arc::new(make(&handle));
        things.1.insert(handle.clone(), thing);
        handle
    }

    /// What the parameter `name` is the handle of.
    pub fn get(&self, params: &Value, name: &str) -> Result<Arc<T>, Failure> {
        let handle = text(params, name)?;
        let found = lock(&self.things).1.get(handle).cloned();
        found.ok_or_else(|| Failure::Fault(format!("{name}: {handle} is not open")))
    }

    /// Takes out what a handle is of, if it is one of these.
    pub fn take(&self, params: &Value) -> Option<Arc<T>> {
        let handle = params["handle"].as_str()?;
        lock(&self.things).1.remove(handle)
    }

    /// Takes out everything.
    pub fn take_all(&self) -> Vec<Arc<T>> {
        lock(&self.things)
            .1
            .drain()
            .map(|(_, thing)| thing)
            .collect()
    }
}

/// What a panic left behind is used all the same.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
