//! Why something that looked like an artefact was not used.

use crate::named::named;

named! {
    /// Why an artefact was not used: it costs a compile, and a counter by this reason.
    pub enum Rejection {
        /// The directory cannot be opened, or not trusted.
        Directory = "directory",
        /// The file is a link, a pipe or a directory, or cannot be read.
        Unreadable = "unreadable",
        /// Owner trust: somebody else owns the file, can write it, or gave it a second name.
        Untrusted = "untrusted",
        /// It is too short, too long, or does not begin or end as an artefact does.
        Malformed = "malformed",
        /// The seal does not fit: other bytes, another key, or another guest's or setting's artefact.
        Forged = "forged",
        /// It is genuine, and Wasmtime does not take it.
        Incompatible = "incompatible",
    }
}
