//! Hosts.

use super::encode::{CONTROLS, decode, encode};
use std::net::{Ipv4Addr, Ipv6Addr};

/// Bytes of a name from which on it is none: names of hosts have at most 253.
const MAX_NAME: usize = 1_000;

/// Writes the host of a web address; `None` if it is none.
pub(super) fn write_special(out: &mut String, host: &str) -> Option<()> {
    if host.starts_with('[') {
        return write_ipv6(out, host);
    }
    if host.len() > MAX_NAME {
        return None;
    }
    let start = out.len();
    let decoded: String;
    let host = if host.contains('%') {
        decoded = decode(host)?;
        &decoded
    } else {
        host
    };
    if host.is_ascii() {
        out.push_str(host);
        out[start..].make_ascii_lowercase();
    } else {
        // Ideographic full stops part labels, too; soft hyphens and joiners are nothing.
        let lower = host.to_lowercase();
        let name = lower.replace(['\u{ad}', '\u{200b}', '\u{2060}', '\u{feff}'], "");
        for (place, label) in name.split(['.', '。', '．', '｡']).enumerate() {
            if place > 0 {
                out.push('.');
            }
            if label.is_ascii() {
                out.push_str(label);
            } else {
                out.push_str("xn--");
                punycode(out, label)?;
            }
        }
    }
    let written = &out[start..];
    let is_name = written.bytes().all(|b| {
        b > b' '
            && !matches!(
                b,
                b'#' | b'/'
                    | b':'
                    | b'<'
                    | b'>'
                    | b'?'
                    | b'@'
                    | b'['
                    | b'\\'
                    | b']'
                    | b'^'
                    | b'|'
                    | b'%'
                    | 0x7f
            )
    });
    if !is_name {
        return None;
    }
    let name = written.strip_suffix('.').unwrap_or(written);
    let last = name.rsplit('.').next().unwrap_or_default();
    if (!last.is_empty() && last.bytes().all(|b| b.is_ascii_digit())) || number(last).is_some() {
        let address = Ipv4Addr::from_bits(ipv4(name)?);
        out.truncate(start);
        out.push_str(&address.to_string());
    }
    Some(())
}

/// An IPv4 address in up to four parts, of which the last takes all bytes that are left.
fn ipv4(name: &str) -> Option<u32> {
    let parts: Option<Vec<u64>> = name.split('.').take(5).map(number).collect();
    let parts = parts?;
    let (last, first) = parts.split_last()?;
    let left = 4usize.checked_sub(first.len()).filter(|left| *left > 0)?;
    if first.iter().any(|part| *part > 255) || *last >= 1 << (8 * left) {
        return None;
    }
    let first = first.iter().fold(0, |address, part| address << 8 | part);
    u32::try_from(first << (8 * left) | last).ok()
}

/// A number in base ten, in base eight after a zero, or in base sixteen after `0x`.
fn number(written: &str) -> Option<u64> {
    let (digits, radix) = match written.strip_prefix("0x") {
        Some("") => return Some(0),
        Some(digits) => (digits, 16),
        None if written.len() > 1 && written.starts_with('0') => (written, 8),
        None => (written, 10),
    };
    // A sign is no digit.
    let are_digits = digits.bytes().all(|b| char::from(b).is_digit(radix));
    let number = are_digits.then(|| u64::from_str_radix(digits, radix))?;
    Some(number.unwrap_or(u64::MAX)).filter(|_| !digits.is_empty())
}

/// Writes the host of an address of another kind.
pub(super) fn write_opaque(out: &mut String, host: &str) -> Option<()> {
    if host.starts_with('[') {
        return write_ipv6(out, host);
    }
    let is_forbidden = |b: u8| {
        matches!(
            b,
            0 | b'\t'
                | b'\n'
                | b'\r'
                | b' '
                | b'#'
                | b'/'
                | b':'
                | b'<'
                | b'>'
                | b'?'
                | b'@'
                | b'['
                | b'\\'
                | b']'
                | b'^'
                | b'|'
        )
    };
    if host.bytes().any(is_forbidden) {
        return None;
    }
    encode(out, host, CONTROLS);
    Some(())
}

fn write_ipv6(out: &mut String, host: &str) -> Option<()> {
    let address = host.strip_prefix('[')?.strip_suffix(']')?;
    let parts = address.parse::<Ipv6Addr>().ok()?.segments();
    // The longest run of zeros is left out.
    let (mut run, mut longest) = (0..0, 0..0);
    for (at, part) in parts.iter().enumerate() {
        run = if *part == 0 {
            run.start..at + 1
        } else {
            at + 1..at + 1
        };
        if run.len() > longest.len() {
            longest = run.clone();
        }
    }
    out.push('[');
    for (at, part) in parts.iter().enumerate() {
        if longest.len() > 1 && longest.contains(&at) {
            if at == longest.start {
                out.push_str(if at == 0 { "::" } else { ":" });
            }
            continue;
        }
        out.push_str(&format!("{part:x}"));
        if at < 7 {
            out.push(':');
        }
    }
    out.push(']');
    Some(())
}

/// Writes a label in Punycode (RFC 3492); `None` if it is too long.
fn punycode(out: &mut String, label: &str) -> Option<()> {
    out.extend(label.chars().filter(char::is_ascii));
    let basic = label.bytes().filter(u8::is_ascii).count();
    if basic > 0 {
        out.push('-');
    }
    let total = label.chars().count();
    let (mut code, mut delta, mut bias, mut done) = (128u32, 0u32, 72u32, basic);
    while done < total {
        let next = label.chars().map(u32::from).filter(|c| *c >= code).min()?;
        delta = delta.checked_add((next - code).checked_mul(done as u32 + 1)?)?;
        code = next;
        for c in label.chars().map(u32::from) {
            if c < code {
                delta = delta.checked_add(1)?;
            }
            if c != code {
                continue;
            }
            let (mut rest, mut k) = (delta, 36);
            loop {
                let threshold = k.max(bias + 1).min(bias + 26) - bias;
                if rest < threshold {
                    break;
                }
                push_digit(out, threshold + (rest - threshold) % (36 - threshold));
                rest = (rest - threshold) / (36 - threshold);
                k += 36;
            }
            push_digit(out, rest);
            bias = adapt(delta, done as u32 + 1, done == basic);
            delta = 0;
            done += 1;
        }
        delta = delta.checked_add(1)?;
        code += 1;
    }
    Some(())
}

fn push_digit(out: &mut String, digit: u32) {
    let base = if digit < 26 { b'a' } else { b'0' - 26 };
    out.push(char::from(base + digit as u8));
}

fn adapt(delta: u32, points: u32, is_first: bool) -> u32 {
    let mut delta = if is_first { delta / 700 } else { delta / 2 };
    delta += delta / points;
    let mut k = 0;
    while delta > 455 {
        delta /= 35;
        k += 36;
    }
    k + 36 * delta / (delta + 38)
}
