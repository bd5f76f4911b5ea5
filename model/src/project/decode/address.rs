//! Addresses: what a text such as `./lake/raw` or `sqlite:.lakegate/ledger.db` names. The scheme
//! selects the adapter.

use super::settings::Told;
use crate::{
    diagnostics::Diagnostic,
    location::Location,
    project::{CatalogAddress, LedgerAddress},
};

/// Schemes the language has and this version has not.
const LATER: &[&str] = &["s3", "sqs", "dynamodb", "glue"];

/// Turns what was told into an address, relative to a project's absolute folder.
pub(super) struct Addresses<'a> {
    pub(super) folder: &'a str,
}

impl Addresses<'_> {
    /// A zone: a path, or `file://` and an absolute path.
    pub(super) fn zone(&self, told: &Told) -> Result<Location, Diagnostic> {
        let path = match scheme(&told.text) {
            None => told.text.as_str(),
            Some(("file", rest)) if rest.starts_with("///") => rest.trim_start_matches("//"),
            Some((scheme, _)) => return Err(refused(told, scheme, "write a path, such as `./lake/raw`")),
        };
        Ok(Location::of_path(&self.absolute(told, path)?))
    }

    /// A ledger: `sqlite:path`.
    pub(super) fn ledger(&self, told: &Told) -> Result<LedgerAddress, Diagnostic> {
        self.behind("sqlite", told).map(LedgerAddress::Sqlite)
    }

    /// A table catalog: `local:path`.
    pub(super) fn catalog(&self, told: &Told) -> Result<CatalogAddress, Diagnostic> {
        self.behind("local", told).map(CatalogAddress::Local)
    }

    fn behind(&self, wanted: &str, told: &Told) -> Result<String, Diagnostic> {
        let hint = format!("write `{wanted}:` and a path");
        match scheme(&told.text) {
            Some((scheme, path)) if scheme == wanted && !path.is_empty() => self.absolute(told, path),
            Some((scheme, _)) if scheme != wanted => Err(refused(told, scheme, &hint)),
            _ => Err(Diagnostic::new(told.place.clone(), format!("`{}` is not an address", told.text)).hint(hint)),
        }
    }

    /// The absolute path, without `.` and `..`.
    fn absolute(&self, told: &Told, path: &str) -> Result<String, Diagnostic> {
        if path.starts_with('~') {
            return Err(Diagnostic::new(told.place.clone(), format!("`~` is not expanded in `{path}`")).hint("write the path out"));
        }
        let whole = if path.starts_with('/') { path.to_owned() } else { format!("{}/{path}", self.folder) };
        let mut segments: Vec<&str> = Vec::new();
        for segment in whole.split('/') {
            match segment {
                "" | "." => {}
                ".." => {
                    segments.pop();
                }
                name => segments.push(name),
            }
        }
        Ok(format!("/{}", segments.join("/")))
    }
}

/// `scheme:rest`, where there is one.
pub(super) fn scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let is_scheme = !scheme.is_empty() && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-".contains(c));
    is_scheme.then_some((scheme, rest))
}

pub(super) fn refused(told: &Told, scheme: &str, hint: &str) -> Diagnostic {
    let message = if LATER.contains(&scheme) {
        format!("`{scheme}://` addresses are not supported by this version of Lakegate")
    } else {
        format!("`{scheme}:` is not a kind of address known here")
    };
    Diagnostic::new(told.place.clone(), message).hint(hint)
}
