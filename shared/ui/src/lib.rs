//! The page: plain ES modules over the public API, embedded as they are written, and the viewer that shows the API to people. Says
//! which bytes a path has and how they may be kept; speaks no HTTP and knows no route of the API but that of its document.

use std::borrow::Cow;

use rust_embed::{EmbeddedFile, RustEmbed};

#[derive(RustEmbed)]
#[folder = "assets/"]
struct Files;

/// The viewer of the API at `/docs`, apart from the page: it is another's, and has rules of its own.
#[derive(RustEmbed)]
#[folder = "viewer/"]
struct Viewer;

/// Something that the page is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asset {
    /// Its content.
    pub bytes: Cow<'static, [u8]>,
    /// What it is.
    pub content_type: &'static str,
    /// Changes with the content; quoted, as the header wants it.
    pub etag: String,
    /// Its path changes with its content: it may be kept for ever. Everything else must be asked for again.
    pub immutable: bool,
    /// Its bytes are compressed by gzip.
    pub gzipped: bool,
    /// It is a page whose libraries write styles as they go.
    pub writes_styles: bool,
}

/// The first part of the addresses that the page itself understands (`core/route.js`), and how many parts they have at most.
const PLACES: &[(&str, usize)] = &[
    ("p", 3),
    ("add", 1),
    ("queue", 2),
    ("files", 1),
    ("keys", 2),
    ("floor", 1),
    ("people", 2),
    ("audit", 1),
    ("account", 1),
    ("sign-in", 1),
    ("store", 1),
    ("claim", 1),
];

/// What stands at a path of the page, such as `/`, `/p/{id}` or `/core/api.js`; none if nothing does.
pub fn asset(path: &str) -> Option<Asset> {
    if path == "/docs" {
        return Some(Asset { writes_styles: true, ..of("index.html", Viewer::get("index.html")?, false)? });
    }
    if let Some(name) = path.strip_prefix("/docs/").filter(|name| *name != "index.html") {
        let plain = || of(name, Viewer::get(name)?, false);
        let gzipped = || of(name, Viewer::get(&format!("{name}.gz"))?, true);
        return plain().or_else(gzipped).map(|asset| Asset { immutable: name.starts_with("scalar-"), ..asset });
    }
    let name = if is_place(path) { "index.html" } else { path.strip_prefix('/')? };
    of(name, Files::get(name)?, false).map(|asset| Asset { immutable: name.starts_with("vendor/"), ..asset })
}

fn of(name: &str, file: EmbeddedFile, gzipped: bool) -> Option<Asset> {
    let etag = file.metadata.sha256_hash().iter().take(12).map(|byte| format!("{byte:02x}")).collect::<String>();
    let (content_type, etag) = (content_type(name)?, format!("\"{etag}\""));
    Some(Asset { bytes: file.data, content_type, etag, immutable: false, gzipped, writes_styles: false })
}

fn is_place(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    match parts.first() {
        None => path == "/",
        Some(first) => PLACES.iter().any(|(place, most)| place == first && parts.len() <= *most),
    }
}

/// What the page does not ask for, such as its type declarations, has none and is not served.
fn content_type(name: &str) -> Option<&'static str> {
    match name.rsplit_once('.')?.1 {
        "html" => Some("text/html; charset=utf-8"),
        "js" => Some("text/javascript; charset=utf-8"),
        "css" => Some("text/css; charset=utf-8"),
        "svg" => Some("image/svg+xml"),
        "webmanifest" => Some("application/manifest+json"),
        "txt" => Some("text/plain; charset=utf-8"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(path: &str) -> String {
        String::from_utf8(asset(path).unwrap_or_else(|| panic!("nothing at {path}")).bytes.into_owned()).unwrap()
    }

    #[test]
    fn every_address_of_the_page_is_answered_with_it() {
        let index = asset("/").unwrap();
        for path in [
            "/p/prn_1",
            "/p/prn_1/settings",
            "/add",
            "/queue",
            "/queue/done",
            "/files",
            "/keys",
            "/keys/key_1",
            "/people/roles",
            "/audit",
            "/floor",
            "/store",
            "/claim",
            "/queue/",
        ] {
            assert_eq!(asset(path).as_ref(), Some(&index), "{path}");
        }
    }

    #[test]
    fn nothing_stands_at_an_unknown_path() {
        for path in [
            "",
            "//",
            "/nothing",
            "/v1/printers",
            "/p/a/settings/more",
            "/core",
            "/core/",
            "/vendor/preact-11.2.0.d.ts",
            "app.js",
        ] {
            assert_eq!(asset(path), None, "{path}");
        }
    }

    #[test]
    fn no_path_leads_out_of_the_assets() {
        for path in [
            "/../Cargo.toml",
            "/../src/lib.rs",
            "/core/../../jsconfig.json",
            "/..%2fjsconfig.json",
            "/../types/api.d.ts",
            "/../take-vendor.mjs",
            "/../../../LICENSE.txt",
            "//etc/hosts.txt",
        ] {
            assert_eq!(asset(path), None, "{path}");
        }
    }

    #[test]
    fn what_it_is_follows_from_the_name() {
        let types = ["/app.js", "/style.css", "/icon.svg", "/"].map(|path| asset(path).unwrap().content_type);
        assert_eq!(
            types,
            ["text/javascript; charset=utf-8", "text/css; charset=utf-8", "image/svg+xml", "text/html; charset=utf-8"]
        );
    }

    #[test]
    fn only_what_has_its_version_in_its_name_may_be_kept_for_ever() {
        assert!(asset("/vendor/preact-11.2.0.js").unwrap().immutable);
        assert!(!asset("/").unwrap().immutable && !asset("/app.js").unwrap().immutable);
        for name in Files::iter().filter(|name| name.starts_with("vendor/") && name.ends_with(".js")) {
            assert!(name.chars().any(|c| c.is_ascii_digit()), "{name} has no version");
        }
    }

    #[test]
    fn the_viewer_of_the_api_comes_compressed_and_with_the_licences_of_its_parts() {
        let page = asset("/docs").unwrap();
        assert!(page.writes_styles && !page.immutable && !page.gzipped);
        for quoted in text("/docs").split("=\"/docs/").skip(1).map(|rest| rest.split('"').next().unwrap()) {
            let part = asset(&format!("/docs/{quoted}")).unwrap_or_else(|| panic!("{quoted} is not there"));
            assert!(!part.writes_styles, "{quoted}");
            assert_eq!(
                (part.gzipped, part.immutable),
                (quoted.starts_with("scalar-"), quoted.starts_with("scalar-")),
                "{quoted}"
            );
        }
        let gzip = asset("/docs/scalar-1.72.1.js").unwrap();
        assert_eq!((gzip.content_type, &gzip.bytes[..2]), ("text/javascript; charset=utf-8", &[0x1f, 0x8b][..]));
        for path in ["/docs/", "/docs/index.html", "/docs/SHA256SUMS", "/docs/scalar-1.72.1.js.gz", "/docs/../Cargo.toml"] {
            assert_eq!(asset(path), None, "{path}");
        }
    }

    #[test]
    fn what_others_wrote_is_byte_for_byte_what_was_taken() {
        fn check<E: RustEmbed>(folder: &str) {
            let sums = E::get(&format!("{folder}SHA256SUMS")).unwrap();
            let sums = String::from_utf8(sums.data.into_owned()).unwrap();
            for (sum, name) in sums.lines().filter_map(|line| line.split_once("  ")) {
                let hash = E::get(&format!("{folder}{name}")).unwrap().metadata.sha256_hash();
                assert_eq!(hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>(), sum, "{name}");
            }
            assert!(sums.lines().count() >= 2);
        }
        check::<Files>("vendor/");
        check::<Viewer>("");
    }

    #[test]
    fn the_etag_follows_the_content() {
        let (app, again, style) = (asset("/app.js").unwrap(), asset("/app.js").unwrap(), asset("/style.css").unwrap());
        assert_eq!(app.etag, again.etag);
        assert_ne!(app.etag, style.etag);
        assert!(app.etag.starts_with('"') && app.etag.ends_with('"'));
    }

    #[test]
    fn the_index_holds_no_inline_script_or_style() {
        let index = text("/");
        for script in index.split("<script").skip(1) {
            let (head, rest) = script.split_once('>').unwrap();
            assert!(head.contains("src=\"/") && rest.starts_with("</script>"), "{script}");
        }
        for banned in ["<style", " style=", " onclick=", "javascript:", "http://", "https://"] {
            assert!(!index.contains(banned), "{banned}");
        }
    }

    #[test]
    fn the_index_asks_for_every_module_at_once() {
        let index = text("/");
        for name in Files::iter().filter(|name| name.ends_with(".js")) {
            assert!(index.contains(&format!("=\"/{name}\"")), "{name} would be found late");
        }
    }

    #[test]
    fn whatever_the_index_and_the_modules_name_is_there() {
        let index = text("/");
        for quoted in index.split("=\"/").skip(1).map(|rest| rest.split('"').next().unwrap()) {
            assert!(asset(&format!("/{quoted}")).is_some(), "{quoted}");
        }
        for name in Files::iter().filter(|name| name.ends_with(".js")) {
            let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
            let module = text(&format!("/{name}"));
            // Also as it is written where blanks are saved; a text that ends with the word is none.
            let ways = [" from '", "}from'", "}from\"", " from \""];
            for wanted in ways.iter().flat_map(|way| module.split(way).skip(1)) {
                let wanted = wanted.split(['\'', '"']).next().unwrap();
                let resolved = wanted.split('/').fold(folder.to_owned(), |at, part| match part {
                    "." => at,
                    ".." => at.rsplit_once('/').map_or(String::new(), |(up, _)| up.to_owned()),
                    part if at.is_empty() => part.to_owned(),
                    part => format!("{at}/{part}"),
                });
                assert!(wanted.starts_with('.') && Files::get(&resolved).is_some(), "{name} wants {wanted}");
            }
        }
    }

    #[test]
    fn the_modules_are_not_written_for_an_outside_host_or_an_inline_style() {
        for name in Files::iter().filter(|name| name.ends_with(".js") && !name.starts_with("vendor/")) {
            let module = text(&format!("/{name}"));
            for banned in ["http://", "https://", " style=", "eval(", "innerHTML", "dangerouslySetInnerHTML"] {
                assert!(!module.contains(banned), "{name}: {banned}");
            }
        }
    }
}
