//! Addresses: what a text such as `./lake/raw` or `sqlite:.lakegate/ledger.db` names. The scheme
//! selects the adapter.

use super::settings::Told;
use crate::{
    diagnostics::Diagnostic,
    location::Location,
    project::{CatalogAddress, LedgerAddress},
};

/// Turns what was told into an address, relative to a project's absolute folder.
pub(super) struct Addresses<'a> {
    pub(super) folder: &'a str,
}

impl Addresses<'_> {
    /// A zone: a path, `file://` and an absolute path, or `s3://bucket/prefix`.
    pub(super) fn zone(&self, told: &Told) -> Result<Location, Diagnostic> {
        let path = match scheme(&told.text) {
            None => told.text.as_str(),
            Some(("file", rest)) if rest.starts_with("///") => rest.trim_start_matches("//"),
            Some(("s3", rest)) => return s3_zone(told, rest),
            Some((scheme, _)) => return Err(refused(told, scheme, "write a path, such as `./lake/raw`, or `s3://bucket/prefix`")),
        };
        Ok(Location::of_path(&self.absolute(told, path)?))
    }

    /// A ledger: `sqlite:path` or `dynamodb://table-prefix`.
    pub(super) fn ledger(&self, told: &Told) -> Result<LedgerAddress, Diagnostic> {
        let hint = "write `sqlite:` and a path, or `dynamodb://` and what its tables' names begin with";
        match scheme(&told.text) {
            Some(("dynamodb", rest)) => {
                let prefix = rest.trim_start_matches("//");
                let plain = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
                if prefix.is_empty() || !prefix.chars().all(plain) {
                    let message = format!("`{}` does not begin table names: they are made of letters, digits, `_`, `-` and `.`", told.text);
                    return Err(Diagnostic::new(told.place.clone(), message).hint("write `dynamodb://lakegate`"));
                }
                Ok(LedgerAddress::DynamoDb(prefix.to_owned()))
            }
            _ => self.behind("sqlite", told, hint).map(LedgerAddress::Sqlite),
        }
    }

    /// A table catalog: `local:path` or `glue://database-prefix`.
    pub(super) fn catalog(&self, told: &Told) -> Result<CatalogAddress, Diagnostic> {
        let hint = "write `local:` and a path, or `glue://` and what its databases' names begin with";
        match scheme(&told.text) {
            Some(("glue", rest)) => {
                let prefix = rest.trim_start_matches("//");
                let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
                if !prefix.chars().all(plain) {
                    let message = format!("`{}` does not begin database names: they are made of small letters, digits and `_`", told.text);
                    return Err(Diagnostic::new(told.place.clone(), message).hint("write `glue://lake_`, or `glue://` for none"));
                }
                Ok(CatalogAddress::Glue(prefix.to_owned()))
            }
            _ => self.behind("local", told, hint).map(CatalogAddress::Local),
        }
    }

    fn behind(&self, wanted: &str, told: &Told, hint: &str) -> Result<String, Diagnostic> {
        match scheme(&told.text) {
            Some((scheme, path)) if scheme == wanted && !path.is_empty() => self.absolute(told, path),
            Some((scheme, _)) if scheme != wanted => Err(refused(told, scheme, hint)),
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

/// `s3:` has been taken off.
fn s3_zone(told: &Told, rest: &str) -> Result<Location, Diagnostic> {
    let (bucket, prefix) = rest.trim_start_matches("//").split_once('/').unwrap_or((rest.trim_start_matches("//"), ""));
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-".contains(c);
    let named = (3..=63).contains(&bucket.len()) && bucket.chars().all(plain);
    let clean = prefix.trim_end_matches('/').split('/').all(|segment| !matches!(segment, "." | "..")) && !prefix.contains("//");
    if !(rest.starts_with("//") && named && clean) {
        return Err(Diagnostic::new(told.place.clone(), format!("`{}` is not a bucket and a prefix", told.text))
            .hint("write `s3://bucket/prefix`: the bucket's name has 3 to 63 small letters, digits, `.` and `-`"));
    }
    Ok(Location::new(told.text.clone()))
}

/// An SQS queue: `sqs://name`, or its whole URL.
pub(super) fn queue(told: &Told) -> Result<String, Diagnostic> {
    let wrong = || {
        Diagnostic::new(told.place.clone(), format!("`{}` is not a queue", told.text))
            .hint("write `sqs://` and the queue's name or, for another account's, its whole URL: `https://sqs.…/123456789012/name`")
    };
    if told.text.starts_with("https://") || told.text.starts_with("http://") {
        return if told.text.split('/').count() >= 5 { Ok(told.text.clone()) } else { Err(wrong()) };
    }
    let name = told.text.strip_prefix("sqs://").unwrap_or_default();
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
    let base = name.strip_suffix(".fifo").unwrap_or(name);
    if base.is_empty() || name.len() > 80 || !base.chars().all(plain) { Err(wrong()) } else { Ok(name.to_owned()) }
}

/// `scheme:rest`, where there is one.
pub(super) fn scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let is_scheme = !scheme.is_empty() && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-".contains(c));
    is_scheme.then_some((scheme, rest))
}

pub(super) fn refused(told: &Told, scheme: &str, hint: &str) -> Diagnostic {
    Diagnostic::new(told.place.clone(), format!("`{scheme}:` is not a kind of address known here")).hint(hint)
}
