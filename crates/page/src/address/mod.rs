//! Web addresses: parsed, made absolute and written as the URL standard says.
//!
//! What differs from the standard: names of hosts in other scripts are put into lower case and encoded, without the rest
//! of IDNA's mapping, and without its checks; drive letters mean nothing.

mod encode;
mod host;
#[cfg(test)]
mod tests;

use encode::{FRAGMENT, PATH, QUERY, SPECIAL_QUERY, USERINFO, encode};

/// An absolute address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    written: String,
    /// Where the scheme's colon is.
    colon: usize,
    /// The host: where it begins and ends. Both are at the path where there is none.
    host: (usize, usize),
    path: usize,
    /// Where the path ends.
    path_end: usize,
    /// Where the query ends.
    query_end: usize,
}

/// Schemes whose addresses have hosts, with the port they have unless one is named.
fn default_port(scheme: &str) -> Option<Option<u16>> {
    Some(match scheme {
        "http" | "ws" => Some(80),
        "https" | "wss" => Some(443),
        "ftp" => Some(21),
        "file" => None,
        _ => return None,
    })
}

impl Address {
    /// Reads an absolute address; `None` if it is none.
    pub fn parse(input: &str) -> Option<Address> {
        read(input, None)
    }

    /// Reads an address that may be relative to this one.
    pub fn join(&self, input: &str) -> Option<Address> {
        read(input, Some(self))
    }

    /// The address as the standard writes it.
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// The scheme, in lower case.
    pub fn scheme(&self) -> &str {
        &self.written[..self.colon]
    }

    /// The host.
    pub fn host(&self) -> Option<&str> {
        let host = &self.written[self.host.0..self.host.1];
        (!host.is_empty()).then_some(host)
    }

    /// The path.
    pub fn path(&self) -> &str {
        &self.written[self.path..self.path_end]
    }

    /// The query without its question mark.
    pub fn query(&self) -> Option<&str> {
        self.written[self.path_end..self.query_end].get(1..)
    }

    /// Whether nothing can be relative to it: `mailto:` and the like.
    pub fn is_opaque(&self) -> bool {
        self.path == self.colon + 1 && !self.path().starts_with('/')
    }
}

impl From<Address> for String {
    fn from(address: Address) -> String {
        address.written
    }
}

/// Reads an address: `None` if it is none, or relative without anything to be relative to.
fn read(input: &str, base: Option<&Address>) -> Option<Address> {
    let input = input.trim_matches(|c: char| c <= ' ');
    let cleaned: String;
    let input = if input.contains(['\t', '\n', '\r']) {
        cleaned = input.replace(['\t', '\n', '\r'], "");
        &cleaned
    } else {
        input
    };
    let Some((scheme, rest)) = split_scheme(input) else {
        return Writer::relative(input, base?);
    };
    let scheme = scheme.to_ascii_lowercase();
    let is_special = default_port(&scheme).is_some();
    if is_special {
        let slashes = rest.bytes().take_while(|b| is_slash(*b, true)).count();
        // `https:page` is relative to an address of the same scheme, and absolute everywhere else.
        if slashes < 2
            && let Some(base) = base.filter(|base| base.scheme() == scheme)
        {
            return Writer::relative(rest, base);
        }
        let writer = Writer::new(&scheme, true);
        if scheme == "file" {
            // Two slashes begin the host; a third is the path's.
            let rest = match slashes {
                0 | 1 => return Some(writer.no_host(rest)),
                _ => &rest[2..],
            };
            return writer.authority(rest);
        }
        return writer.authority(&rest[slashes..]);
    }
    let writer = Writer::new(&scheme, false);
    if let Some(rest) = rest.strip_prefix("//") {
        writer.authority(rest)
    } else if rest.starts_with('/') {
        Some(writer.path_and_tail(rest))
    } else {
        writer.opaque(rest)
    }
}

/// The scheme and what follows its colon.
fn split_scheme(input: &str) -> Option<(&str, &str)> {
    let end = input
        .bytes()
        .position(|b| !b.is_ascii_alphanumeric() && !matches!(b, b'+' | b'-' | b'.'))?;
    let is_scheme = input.as_bytes()[end] == b':' && input.as_bytes()[0].is_ascii_alphabetic();
    is_scheme.then(|| (&input[..end], &input[end + 1..]))
}

fn is_slash(byte: u8, is_special: bool) -> bool {
    byte == b'/' || (is_special && byte == b'\\')
}

/// Writes an address part by part.
struct Writer {
    out: String,
    colon: usize,
    is_special: bool,
    host: (usize, usize),
    path: usize,
}

impl Writer {
    fn new(scheme: &str, is_special: bool) -> Writer {
        let mut out = String::with_capacity(64);
        out.push_str(scheme);
        out.push(':');
        Writer {
            colon: scheme.len(),
            is_special,
            host: (out.len(), out.len()),
            path: out.len(),
            out,
        }
    }

    /// An address that is relative to another one.
    fn relative(input: &str, base: &Address) -> Option<Address> {
        let mut writer = Writer {
            out: String::with_capacity(base.path_end + input.len()),
            colon: base.colon,
            is_special: default_port(base.scheme()).is_some(),
            host: base.host,
            path: base.path,
        };
        let up_to = |end: usize| &base.written[..end];
        if base.is_opaque() {
            if !input.starts_with('#') {
                return None;
            }
            writer.out.push_str(up_to(base.query_end));
            return Some(writer.tail(input, base.path_end, Some(base.query_end)));
        }
        let slashes = input
            .bytes()
            .take(2)
            .take_while(|b| is_slash(*b, writer.is_special))
            .count();
        if slashes == 2 {
            writer.out.push_str(up_to(base.colon + 1));
            let mut rest = &input[2..];
            if writer.is_special && base.scheme() != "file" {
                rest = rest.trim_start_matches(['/', '\\']);
            }
            return writer.authority(rest);
        }
        // Without a host, a dot that stands before a path of two slashes is no part of the path.
        let has_host = base.host.0 > base.colon + 1;
        let start = if has_host { base.path } else { base.colon + 1 };
        if slashes == 1 {
            writer.path = start;
            writer.out.push_str(up_to(start));
            return Some(writer.path_and_tail(input));
        }
        match input.bytes().next() {
            None => {
                writer.out.push_str(up_to(base.query_end));
                Some(writer.tail("", base.path_end, Some(base.query_end)))
            }
            Some(b'#') => {
                writer.out.push_str(up_to(base.query_end));
                Some(writer.tail(input, base.path_end, Some(base.query_end)))
            }
            Some(b'?') => {
                writer.out.push_str(up_to(base.path_end));
                Some(writer.tail(input, base.path_end, None))
            }
            Some(_) => {
                let folder = base.path().rfind('/').unwrap_or(0);
                writer.path = start;
                writer.out.push_str(up_to(start));
                writer.out.push_str(&base.path()[..folder]);
                Some(writer.path_and_tail(input))
            }
        }
    }

    /// What follows the two slashes: user, host, port, path.
    fn authority(mut self, rest: &str) -> Option<Address> {
        let is_special = self.is_special;
        let end = rest
            .bytes()
            .position(|b| is_slash(b, is_special) || matches!(b, b'?' | b'#'));
        let (authority, rest) = rest.split_at(end.unwrap_or(rest.len()));
        let scheme = self.out[..self.colon].to_owned();
        self.out.push_str("//");
        let host = match authority.rsplit_once('@') {
            Some((user, host)) => {
                self.user(user);
                host
            }
            None => authority,
        };
        let (host, port) = split_port(host)?;
        let start = self.out.len();
        let may_be_empty = !is_special || scheme == "file";
        if host.is_empty() && (port.is_some() || authority.contains('@') || !may_be_empty) {
            return None;
        }
        if is_special {
            host::write_special(&mut self.out, host)?;
            if scheme == "file" && &self.out[start..] == "localhost" {
                self.out.truncate(start);
            }
        } else {
            host::write_opaque(&mut self.out, host)?;
        }
        self.host = (start, self.out.len());
        if let Some(port) = port.filter(|port| !port.is_empty()) {
            let number: u16 = port.parse().ok()?;
            if default_port(&scheme) != Some(Some(number)) {
                self.out.push(':');
                self.out.push_str(&number.to_string());
            }
        }
        self.path = self.out.len();
        Some(self.path_and_tail(rest))
    }

    fn user(&mut self, user: &str) {
        let (name, password) = user.split_once(':').unwrap_or((user, ""));
        if name.is_empty() && password.is_empty() {
            return;
        }
        encode(&mut self.out, name, USERINFO);
        if !password.is_empty() {
            self.out.push(':');
            encode(&mut self.out, password, USERINFO);
        }
        self.out.push('@');
    }

    /// A file's address without a host.
    fn no_host(mut self, rest: &str) -> Address {
        self.out.push_str("//");
        self.path = self.out.len();
        self.host = (self.path, self.path);
        self.path_and_tail(rest)
    }

    /// A path that is none: of `mailto:` and the like.
    fn opaque(mut self, rest: &str) -> Option<Address> {
        let end = rest.find(['?', '#']).unwrap_or(rest.len());
        encode(&mut self.out, &rest[..end], encode::CONTROLS);
        let path_end = self.out.len();
        Some(self.tail(&rest[end..], path_end, None))
    }

    /// Adds a path to the one that is written, then query and fragment.
    fn path_and_tail(mut self, input: &str) -> Address {
        let is_special = self.is_special;
        let end = input.find(['?', '#']).unwrap_or(input.len());
        let (mut path, rest) = input.split_at(end);
        let is_empty = path.is_empty() && self.out.len() == self.path;
        if !is_empty || is_special {
            if path.bytes().next().is_some_and(|b| is_slash(b, is_special)) {
                path = &path[1..];
            }
            let mut rest = Some(path);
            while let Some(path) = rest {
                let end = path.bytes().position(|b| is_slash(b, is_special));
                rest = end.map(|end| &path[end + 1..]);
                self.segment(&path[..end.unwrap_or(path.len())], rest.is_none());
            }
        }
        // Without a host, two slashes would begin one.
        if self.host.0 == self.colon + 1 && self.out[self.path..].starts_with("//") {
            self.out.insert_str(self.path, "/.");
            self.path += 2;
        }
        let path_end = self.out.len();
        self.tail(rest, path_end, None)
    }

    fn segment(&mut self, segment: &str, is_last: bool) {
        let dots = dots(segment);
        if dots == 2 {
            let parent = self.out[self.path..].rfind('/').unwrap_or(0);
            self.out.truncate(self.path + parent);
        }
        if dots == 0 {
            self.out.push('/');
            encode(&mut self.out, segment, PATH);
        } else if is_last {
            self.out.push('/');
        }
    }

    /// Adds query and fragment. The query may be there already.
    fn tail(mut self, input: &str, path_end: usize, query_end: Option<usize>) -> Address {
        let (query, fragment) = match input.split_once('#') {
            Some((query, fragment)) => (query, Some(fragment)),
            None => (input, None),
        };
        if let Some(query) = query.strip_prefix('?') {
            self.out.push('?');
            let set = if self.is_special {
                SPECIAL_QUERY
            } else {
                QUERY
            };
            encode(&mut self.out, query, set);
        }
        let query_end = query_end.unwrap_or(self.out.len());
        if let Some(fragment) = fragment {
            self.out.push('#');
            encode(&mut self.out, fragment, FRAGMENT);
        }
        Address {
            written: self.out,
            colon: self.colon,
            host: self.host,
            path: self.path,
            path_end,
            query_end,
        }
    }
}

/// Host and port. The colons of an IPv6 address are none.
fn split_port(host: &str) -> Option<(&str, Option<&str>)> {
    let end = host.rfind(']').map_or(0, |bracket| bracket + 1);
    match host[end..].find(':') {
        Some(colon) => {
            let (host, port) = host.split_at(end + colon);
            let port = &port[1..];
            let is_number = port.bytes().all(|b| b.is_ascii_digit());
            is_number.then_some((host, Some(port)))
        }
        None => Some((host, None)),
    }
}

/// How many dots a segment is of, some of which may be encoded; 0 if it is anything else.
fn dots(segment: &str) -> usize {
    if segment.len() > 6 {
        return 0;
    }
    let (mut rest, mut dots) = (segment, 0);
    while !rest.is_empty() {
        let next = rest
            .strip_prefix('.')
            .or_else(|| rest.strip_prefix("%2e"))
            .or_else(|| rest.strip_prefix("%2E"));
        let Some(next) = next else { return 0 };
        rest = next;
        dots += 1;
    }
    if dots > 2 { 0 } else { dots }
}
