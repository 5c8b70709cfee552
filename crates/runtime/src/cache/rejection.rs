//! Why something that looked like an artefact was not used.

use crate::named::named;

named! {
    /// Why an artefact was not used. The load compiles instead, and counts this reason.
    pub enum Rejection {
        /// The directory cannot be opened or trusted.
        Directory = "directory",
        /// The file is a link, a pipe or a directory, or cannot be read.
        Unreadable = "unreadable",
        /// Owner trust: another user owns the file or can write it, or the file has a second name.
        Untrusted = "untrusted",
        /// It is too short, too long, or does not begin or end as an artefact does.
        Malformed = "malformed",
        /// The seal does not match: it is for other bytes, another key, another guest or other settings.
        Forged = "forged",
        /// The artefact is genuine, but Wasmtime does not load it.
        Incompatible = "incompatible",
    }
}
