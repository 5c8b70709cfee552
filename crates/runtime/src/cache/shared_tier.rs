//! The shared tier: a store of artefacts that several machines have in common. The embedder brings it.

use crate::executor::deadlines::Expire;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A store of sealed artefacts by name. Nothing it says is trusted: an artefact is verified before it is used.
pub trait SharedTier: Debug + Send + Sync {
    /// Looks for an artefact. Must not block: the answer may come later, from any thread.
    fn get(&self, name: &str, answer: SharedAnswer);

    /// Keeps an artefact. No load waits for it. Must not block.
    fn put(&self, name: &str, sealed: Vec<u8>);
}

/// The way back for what [`SharedTier::get`] finds. Dropped unused, it says that there is no such artefact.
pub struct SharedAnswer(Arc<Asked>);

impl SharedAnswer {
    /// Gives the artefact, or `None` if there is none. Ignored if the load went on without it.
    pub fn give(self, sealed: Option<Vec<u8>>) {
        self.0.end(sealed);
    }
}

impl Drop for SharedAnswer {
    fn drop(&mut self) {
        self.0.end(None);
    }
}

type Then = Box<dyn FnOnce(Option<Vec<u8>>) + Send>;

/// A load that waits for the shared tier. It goes on once: with the answer, or without one when its time is over.
pub(crate) struct Asked(Mutex<Option<Then>>);

impl Asked {
    pub(crate) fn new(then: impl FnOnce(Option<Vec<u8>>) + Send + 'static) -> Arc<Asked> {
        Arc::new(Asked(Mutex::new(Some(Box::new(then)))))
    }

    pub(crate) fn answer(self: &Arc<Asked>) -> SharedAnswer {
        SharedAnswer(self.clone())
    }

    fn end(&self, sealed: Option<Vec<u8>>) {
        let then = self.then().take();
        if let Some(then) = then {
            then(sealed);
        }
    }

    fn then(&self) -> MutexGuard<'_, Option<Then>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Expire for Asked {
    fn is_over(&self) -> bool {
        self.then().is_none()
    }

    fn expire(&self) {
        self.end(None);
    }
}
