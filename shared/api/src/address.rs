//! Where a call comes from, if there are proxies in between: from the connection's other end and the headers to an address.
//! Pure. What is not clear is not known, and from there no key comes that is bound to networks.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use domain::network::Network;
use http::HeaderMap;

/// The proxies whose word is believed. Whoever else sends such headers is not asked.
#[derive(Debug, Clone, Default)]
pub struct Proxies(Vec<Network>);

/// What is known of the way of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Way {
    /// The caller's address.
    pub from: Option<IpAddr>,
    /// Whether the caller spoke TLS to a proxy, if a proxy says so.
    pub https: Option<bool>,
}

/// One hop, as the proxy saw it that wrote it down.
#[derive(Debug, Clone, Copy, Default)]
struct Hop {
    address: Option<IpAddr>,
    https: Option<bool>,
}

/// What one header says.
enum Told {
    /// It is not there.
    Nothing,
    /// It cannot be understood, or says itself that it does not know.
    Unclear,
    /// The caller.
    Caller(IpAddr, Option<bool>),
}

impl Proxies {
    /// These proxies.
    pub const fn new(networks: Vec<Network>) -> Self {
        Self(networks)
    }

    /// The way of a call that came in on a connection from there.
    pub fn way(&self, peer: IpAddr, headers: &HeaderMap) -> Way {
        let peer = peer.to_canonical();
        if !self.trusts(peer) {
            return Way { from: Some(peer), https: None };
        }
        let listed = self.caller_of(lines(headers, "x-forwarded-for").map(|lines| lines.map(|text| plain_hops(&text))));
        let forwarded = self.caller_of(lines(headers, "forwarded").map(|lines| lines.and_then(|text| forwarded_hops(&text))));
        let scheme = lines(headers, "x-forwarded-proto").map(|lines| lines.and_then(|text| scheme(last(&text))));
        let (from, told) = match (listed, forwarded) {
            (Told::Nothing, Told::Nothing) => (Some(peer), None),
            (Told::Caller(address, https), Told::Nothing) | (Told::Nothing, Told::Caller(address, https)) => {
                (Some(address), https)
            }
            // A proxy writes one of the two and lets the other through as the caller sent it.
            (Told::Caller(address, _), Told::Caller(same, https)) if address == same => (Some(address), https),
            (Told::Caller(..) | Told::Unclear | Told::Nothing, Told::Caller(..) | Told::Unclear | Told::Nothing) => (None, None),
        };
        let https = match (scheme, told) {
            (None, told) => told,
            (Some(scheme), None) => scheme,
            (Some(scheme), Some(told)) => scheme.filter(|scheme| *scheme == told),
        };
        Way { from, https }
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.holds(address))
    }

    /// From the door outwards: past every hop that is a trusted proxy, to the first that is not. `None` is no header, `Some(None)`
    /// one that cannot be read.
    fn caller_of(&self, hops: Option<Option<Vec<Hop>>>) -> Told {
        let Some(hops) = hops else { return Told::Nothing };
        let mut found = Told::Unclear;
        for hop in hops.into_iter().flatten().rev() {
            let Some(address) = hop.address else { return Told::Unclear };
            found = Told::Caller(address, hop.https);
            if !self.trusts(address) {
                break;
            }
        }
        found
    }
}

/// All lines of a header as one list; `Some(None)` if they are no text.
fn lines(headers: &HeaderMap, name: &str) -> Option<Option<String>> {
    let lines: Vec<_> = headers.get_all(name).iter().map(|line| line.to_str().ok()).collect();
    if lines.is_empty() { None } else { Some(lines.into_iter().collect::<Option<Vec<_>>>().map(|lines| lines.join(","))) }
}

/// `X-Forwarded-For`: addresses, each proxy at the end of what it got.
fn plain_hops(text: &str) -> Vec<Hop> {
    let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
    entries.map(|entry| Hop { address: node(entry), https: None }).collect()
}

/// `Forwarded` (RFC 7239). None if it does not follow it.
fn forwarded_hops(text: &str) -> Option<Vec<Hop>> {
    let mut hops = Vec::new();
    for element in split(text, ',')? {
        if element.is_empty() {
            continue;
        }
        let (mut by_whom, mut proto) = (None, None);
        for pair in split(element, ';')? {
            if pair.is_empty() {
                continue;
            }
            let (name, value) = pair.split_once('=')?;
            let value = unquoted(value)?;
            let place = match name.to_ascii_lowercase().as_str() {
                "for" => &mut by_whom,
                "proto" => &mut proto,
                _ => continue,
            };
            if place.replace(value).is_some() {
                return None;
            }
        }
        let address = by_whom.and_then(|text| node(&text));
        hops.push(Hop { address, https: proto.and_then(|text| scheme(&text)) });
    }
    Some(hops)
}

/// What stands between separators that are in no quotes, trimmed. None if quotes are left open.
fn split(text: &str, separator: char) -> Option<Vec<&str>> {
    let (mut parts, mut start, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (at, letter) in text.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            letter if letter == separator && !quoted => {
                parts.push(text[start..at].trim());
                start = at + letter.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(text[start..].trim());
    (!quoted).then_some(parts)
}

/// A value, with or without quotes.
fn unquoted(value: &str) -> Option<String> {
    let Some(inner) = value.strip_prefix('"') else { return (!value.contains('"')).then(|| value.to_owned()) };
    let (mut text, mut escaped) = (String::new(), false);
    for (at, letter) in inner.char_indices() {
        match letter {
            _ if escaped => {
                text.push(letter);
                escaped = false;
            }
            '\\' => escaped = true,
            '"' => return (at + 1 == inner.len()).then_some(text),
            letter => text.push(letter),
        }
    }
    None
}

/// An address, with a port or without. `unknown` and names that hide one are none.
fn node(text: &str) -> Option<IpAddr> {
    let address = if let Some(rest) = text.strip_prefix('[') {
        let (address, after) = rest.split_once(']')?;
        let port_ok = after.is_empty() || after.strip_prefix(':').is_some_and(is_port);
        address.parse::<Ipv6Addr>().ok().filter(|_| port_ok)?.into()
    } else if let Ok(address) = text.parse::<IpAddr>() {
        address
    } else {
        let (address, port) = text.split_once(':')?;
        address.parse::<Ipv4Addr>().ok().filter(|_| is_port(port))?.into()
    };
    Some(address.to_canonical())
}

fn is_port(text: &str) -> bool {
    let hidden = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)) && !name.is_empty();
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.strip_prefix('_').is_some_and(hidden) || (digits && text.parse::<u16>().is_ok())
}

fn scheme(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("https") {
        Some(true)
    } else if text.eq_ignore_ascii_case("http") {
        Some(false)
    } else {
        None
    }
}

fn last(text: &str) -> &str {
    text.rsplit(',').next().unwrap_or_default().trim()
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};
    use proptest::prelude::*;

    use super::*;

    /// A peer, the header lines that came from it, and what follows.
    type Case<'a, T> = (&'a str, &'a [(&'static str, &'a str)], T);

    const PROXIES: &[&str] = &["127.0.0.1", "10.0.0.0/8", "fd00::/8"];

    fn proxies() -> Proxies {
        Proxies::new(PROXIES.iter().map(|network| network.parse().unwrap()).collect())
    }

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        lines
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_bytes(value.as_bytes()).unwrap()))
            .collect()
    }

    /// The caller's address, or `?`.
    fn from(peer: &str, lines: &[(&'static str, &str)]) -> String {
        let way = proxies().way(peer.parse().unwrap(), &headers(lines));
        way.from.map_or_else(|| "?".to_owned(), |address| address.to_string())
    }

    #[test]
    fn a_caller_is_believed_only_as_far_as_trusted_proxies_saw_them() {
        const X: &str = "x-forwarded-for";
        let cases: &[Case<'_, &str>] = &[
            // Nobody in between, or somebody who is not asked.
            ("203.0.113.9", &[], "203.0.113.9"),
            ("::ffff:203.0.113.9", &[], "203.0.113.9"),
            ("2001:db8::9", &[], "2001:db8::9"),
            ("203.0.113.9", &[(X, "10.0.0.1")], "203.0.113.9"),
            ("203.0.113.9", &[("forwarded", "for=10.0.0.1")], "203.0.113.9"),
            ("203.0.113.9", &[(X, "nonsense")], "203.0.113.9"),
            ("11.0.0.1", &[(X, "198.51.100.1")], "11.0.0.1"),
            // A trusted proxy.
            ("127.0.0.1", &[], "127.0.0.1"),
            ("127.0.0.1", &[(X, "198.51.100.1")], "198.51.100.1"),
            ("::ffff:127.0.0.1", &[(X, "198.51.100.1")], "198.51.100.1"),
            ("fd00::1", &[(X, "198.51.100.1")], "198.51.100.1"),
            ("127.0.0.1", &[(X, "::ffff:198.51.100.1")], "198.51.100.1"),
            ("127.0.0.1", &[(X, "2001:db8::1")], "2001:db8::1"),
            ("127.0.0.1", &[(X, "[2001:db8::1]")], "2001:db8::1"),
            ("127.0.0.1", &[(X, "[2001:db8::1]:443")], "2001:db8::1"),
            ("127.0.0.1", &[(X, "198.51.100.1:51234")], "198.51.100.1"),
            ("127.0.0.1", &[(X, " 198.51.100.1 ")], "198.51.100.1"),
            // What the caller sent stands to the left of what the proxy saw.
            ("127.0.0.1", &[(X, "10.0.0.1, 198.51.100.1")], "198.51.100.1"),
            ("127.0.0.1", &[(X, "nonsense, 198.51.100.1")], "198.51.100.1"),
            ("127.0.0.1", &[(X, "192.0.2.1, 198.51.100.1, 10.0.0.7")], "198.51.100.1"),
            ("127.0.0.1", &[(X, "192.0.2.1"), (X, "198.51.100.1"), (X, "10.0.0.7")], "198.51.100.1"),
            ("127.0.0.1", &[(X, "198.51.100.1,10.0.0.7,fd00::7")], "198.51.100.1"),
            ("127.0.0.1", &[(X, "198.51.100.1,")], "198.51.100.1"),
            // The caller is in a network of proxies itself.
            ("127.0.0.1", &[(X, "10.0.0.9")], "10.0.0.9"),
            ("127.0.0.1", &[(X, "10.0.0.9, 10.0.0.7")], "10.0.0.9"),
            // What is not clear is not known.
            ("127.0.0.1", &[(X, "")], "?"),
            ("127.0.0.1", &[(X, "unknown")], "?"),
            ("127.0.0.1", &[(X, "198.51.100.1, unknown")], "?"),
            ("127.0.0.1", &[(X, "198.51.100.1, 10.0.0.256")], "?"),
            ("127.0.0.1", &[(X, "198.51.100.1, nonsense, 10.0.0.7")], "?"),
            ("127.0.0.1", &[(X, "198.51.100.1:99999")], "?"),
            ("127.0.0.1", &[(X, "198.51.100.1:")], "?"),
            ("127.0.0.1", &[(X, "198.51.100.1 10.0.0.1")], "?"),
            ("127.0.0.1", &[(X, "fe80::1%eth0")], "?"),
            ("127.0.0.1", &[(X, "[2001:db8::1")], "?"),
            ("127.0.0.1", &[(X, "198.51.100.\u{e9}")], "?"),
            ("127.0.0.1", &[(X, "0198.51.100.1")], "?"),
            // RFC 7239.
            ("127.0.0.1", &[("forwarded", "for=198.51.100.1")], "198.51.100.1"),
            ("127.0.0.1", &[("forwarded", "For=\"[2001:db8:cafe::17]:4711\"")], "2001:db8:cafe::17"),
            ("127.0.0.1", &[("forwarded", "for=192.0.2.60;proto=http;by=203.0.113.43")], "192.0.2.60"),
            (
                "127.0.0.1",
                &[("forwarded", "for=192.0.2.43, for=\"198.51.100.17:80\";by=10.0.0.7, for=10.0.0.7")],
                "198.51.100.17",
            ),
            ("127.0.0.1", &[("forwarded", "for=192.0.2.43"), ("forwarded", "for=198.51.100.17")], "198.51.100.17"),
            ("127.0.0.1", &[("forwarded", "by=\"a,b;for=1.2.3.4\";for=198.51.100.17")], "198.51.100.17"),
            ("127.0.0.1", &[("forwarded", "for=\"198.51.100.\\17\"")], "198.51.100.17"),
            ("127.0.0.1", &[("forwarded", "for=\"198.51.100.17:_port\"")], "198.51.100.17"),
            ("127.0.0.1", &[("forwarded", "for=unknown")], "?"),
            ("127.0.0.1", &[("forwarded", "for=_hidden, for=10.0.0.7")], "?"),
            ("127.0.0.1", &[("forwarded", "proto=https")], "?"),
            ("127.0.0.1", &[("forwarded", "for=198.51.100.17;for=10.0.0.1")], "?"),
            ("127.0.0.1", &[("forwarded", "for=\"198.51.100.17")], "?"),
            ("127.0.0.1", &[("forwarded", "for=198.51.100.17, \"")], "?"),
            ("127.0.0.1", &[("forwarded", "198.51.100.17")], "?"),
            // Both: one of them is as the caller sent it.
            ("127.0.0.1", &[(X, "198.51.100.1"), ("forwarded", "for=198.51.100.1")], "198.51.100.1"),
            ("127.0.0.1", &[(X, "198.51.100.1"), ("forwarded", "for=10.0.0.1")], "?"),
            ("127.0.0.1", &[(X, "10.0.0.1"), ("forwarded", "for=198.51.100.1")], "?"),
            ("127.0.0.1", &[(X, "198.51.100.1"), ("forwarded", "for=unknown")], "?"),
        ];
        for (peer, lines, expected) in cases {
            assert_eq!(from(peer, lines), *expected, "{peer} {lines:?}");
        }
    }

    #[test]
    fn a_trusted_proxy_says_whether_the_caller_speaks_tls() {
        const P: &str = "x-forwarded-proto";
        let cases: &[Case<'_, Option<bool>>] = &[
            ("203.0.113.9", &[(P, "https")], None),
            ("127.0.0.1", &[], None),
            ("127.0.0.1", &[(P, "https")], Some(true)),
            ("127.0.0.1", &[(P, "HTTPS")], Some(true)),
            ("127.0.0.1", &[(P, "http")], Some(false)),
            ("127.0.0.1", &[(P, "http, https")], Some(true)),
            ("127.0.0.1", &[(P, "gopher")], None),
            ("127.0.0.1", &[(P, "https\u{e9}")], None),
            ("127.0.0.1", &[("forwarded", "for=198.51.100.1;proto=https")], Some(true)),
            (
                "127.0.0.1",
                &[("forwarded", "for=192.0.2.1;proto=http,for=198.51.100.1;proto=https,for=10.0.0.7;proto=http")],
                Some(true),
            ),
            ("127.0.0.1", &[("forwarded", "for=198.51.100.1;proto=https"), (P, "https")], Some(true)),
            ("127.0.0.1", &[("forwarded", "for=198.51.100.1;proto=https"), (P, "http")], None),
        ];
        for (peer, lines, expected) in cases {
            assert_eq!(proxies().way(peer.parse().unwrap(), &headers(lines)).https, *expected, "{peer} {lines:?}");
        }
    }

    fn cases() -> ProptestConfig {
        ProptestConfig::with_cases(if std::env::var_os("GANTRY_FULL").is_some() { 200_000 } else { 2_000 })
    }

    /// Pieces that headers are made of, right and wrong.
    fn like_a_header() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            prop::sample::select(vec![
                "for=",
                "For=",
                "by=",
                "proto=https",
                "\"",
                "\\",
                ";",
                ",",
                ", ",
                "[",
                "]",
                ":",
                "=",
                "_x",
                "unknown",
                "10.0.0.1",
                "198.51.100.1",
                "2001:db8::1",
                "[::1]:80",
                "::ffff:10.0.0.1",
                "%",
                "0",
                "\t",
            ])
            .prop_map(|piece| piece.as_bytes().to_vec()),
            prop::collection::vec(any::<u8>(), 0..4),
        ];
        prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
    }

    fn line(name: &'static str, bytes: &[u8]) -> Option<(HeaderName, HeaderValue)> {
        HeaderValue::from_bytes(bytes).ok().map(|value| (HeaderName::from_static(name), value))
    }

    proptest! {
        #![proptest_config(cases())]

        /// Whoever is no proxy cannot say anything about themselves.
        #[test]
        fn no_header_moves_a_caller_who_is_no_proxy(x in like_a_header(), forwarded in like_a_header(), proto in like_a_header()) {
            let lines = [line("x-forwarded-for", &x), line("forwarded", &forwarded), line("x-forwarded-proto", &proto)];
            let headers: HeaderMap = lines.into_iter().flatten().collect();
            let peer = "203.0.113.9".parse().unwrap();
            prop_assert_eq!(proxies().way(peer, &headers), Way { from: Some(peer), https: None });
        }

        /// Whatever a caller sends before it, what the proxy saw counts, or nothing is known.
        #[test]
        fn no_header_lets_a_caller_pass_for_another(sent in like_a_header(), own_line in any::<bool>()) {
            let seen: IpAddr = "198.51.100.77".parse().unwrap();
            let mut headers: HeaderMap = HeaderMap::new();
            let whole = if own_line {
                headers.extend(line("x-forwarded-for", &sent).map(|(name, value)| (Some(name), value)));
                b"198.51.100.77".to_vec()
            } else {
                [sent.as_slice(), b", 198.51.100.77"].concat()
            };
            if let Some((name, value)) = line("x-forwarded-for", &whole) {
                headers.append(name, value);
                let from = proxies().way("127.0.0.1".parse().unwrap(), &headers).from;
                prop_assert!(from.is_none_or(|from| from == seen), "{:?}", from);
            }
        }

        /// The same for the header that the proxy does not write.
        #[test]
        fn the_other_header_moves_nobody(sent in like_a_header()) {
            let mut headers = headers(&[("x-forwarded-for", "198.51.100.77")]);
            if let Some((name, value)) = line("forwarded", &sent) {
                headers.append(name, value);
            }
            let from = proxies().way("10.0.0.7".parse().unwrap(), &headers).from;
            prop_assert!(from.is_none_or(|from| from.to_string() == "198.51.100.77"), "{:?}", from);
        }

        /// What a proxy writes as the standard has it is understood.
        #[test]
        fn a_right_header_is_understood(octets in any::<[u8; 16]>(), short in any::<bool>(), port in prop::option::of(any::<u16>())) {
            let address = if short { IpAddr::from([octets[0], octets[1], octets[2], octets[3]]) } else { IpAddr::from(octets) };
            let shown = if short { address.to_string() } else { format!("[{address}]") };
            let port = port.map(|port| format!(":{port}")).unwrap_or_default();
            let alone = Proxies::new(vec!["127.0.0.1".parse().unwrap()]);
            for (name, value) in [("x-forwarded-for", format!("{shown}{port}")), ("forwarded", format!("for=\"{shown}{port}\""))] {
                let headers = headers(&[(name, &value)]);
                prop_assert_eq!(alone.way("127.0.0.1".parse().unwrap(), &headers).from, Some(address.to_canonical()), "{}", value);
            }
        }
    }
}
