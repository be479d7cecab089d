//! The address of a web printer, read once. Knows URLs, opens nothing.

use reqwest::Url;

use crate::contract::LinkProblem;

/// An `http` or `https` URL under which everything of the printer stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebAddress(Url);

impl WebAddress {
    /// Reads what a person entered.
    ///
    /// # Errors
    /// [`LinkProblem::BadSetting`] if it is no such URL.
    pub fn read(text: &str) -> Result<Self, LinkProblem> {
        let bad = |detail: &str| LinkProblem::BadSetting { setting: "address", detail: detail.to_owned() };
        let url = Url::parse(text.trim()).map_err(|_| bad("it must be a URL such as http://192.168.1.20"))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(bad("it must begin with http:// or https:// and name a host"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(bad("a name or password does not belong into it"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(bad("it must end before ? and #"));
        }
        Ok(Self(url))
    }

    /// The URL of a path (with its query) under the address.
    pub fn join(&self, path: &str) -> String {
        format!("{}{path}", self.0.as_str().trim_end_matches('/'))
    }

    /// The path of the address, which stands before every other.
    pub fn path(&self) -> &str {
        self.0.path().trim_end_matches('/')
    }

    /// Whether it asks for TLS.
    pub(super) fn is_encrypted(&self) -> bool {
        self.0.scheme() == "https"
    }
}

impl std::fmt::Display for WebAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_put_under_the_address_with_its_own_path() {
        let address = WebAddress::read(" http://pi.local:5000/octoprint/ ").unwrap();
        assert_eq!(address.join("/api/job"), "http://pi.local:5000/octoprint/api/job");
        assert_eq!(address.to_string(), "http://pi.local:5000/octoprint");
    }

    #[test]
    fn an_address_without_scheme_or_with_a_password_is_refused() {
        for bad in ["192.168.1.20", "ftp://pi", "http://", "http://me:secret@pi", "http://pi/?a=b"] {
            let problem = WebAddress::read(bad).unwrap_err();
            assert!(matches!(&problem, LinkProblem::BadSetting { setting: "address", .. }), "{bad}");
            assert!(!problem.to_string().contains("secret"));
        }
    }
}
