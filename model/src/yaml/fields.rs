//! The keys of a mapping: which are known, which must be there.

use marked_yaml::{Node, types::MarkedMappingNode};

use super::{Report, Value};
use crate::diagnostics::{Diagnostic, Place, nearest};

/// A mapping whose keys have been checked against the known ones.
pub(crate) struct Fields<'n> {
    report: &'n Report<'n>,
    mapping: &'n MarkedMappingNode,
    place: Place,
    /// Known keys that a misspelt key stands for: they are not reported missing as well.
    misspelt: Vec<&'static str>,
}

impl<'n> Fields<'n> {
    pub(super) fn new(
        report: &'n Report<'n>,
        mapping: &'n MarkedMappingNode,
        place: Place,
        known: &[&'static str],
        unsupported: &[&'static str],
    ) -> Fields<'n> {
        let mut fields = Fields { report, mapping, place, misspelt: Vec::new() };
        for (key, node) in mapping.iter() {
            let name = key.as_str();
            if known.contains(&name) {
                continue;
            }
            let value = Value::of_key(report, key, node);
            if unsupported.contains(&name) {
                value.unsupported_key(name);
                continue;
            }
            let near = nearest(name, known.iter().copied());
            fields.misspelt.extend(known.iter().filter(|key| Some(**key) == near));
            let hint = match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("known here: {}", known.join(", ")),
            };
            report.add(Diagnostic::new(value.key_place(), format!("unknown key `{name}`")).hint(hint));
        }
        fields
    }

    /// The value of a key, if the key is there.
    pub(crate) fn get(&self, key: &str) -> Option<Value<'n>> {
        let (key, node): (_, &'n Node) = self.mapping.get_key_value(key)?;
        Some(Value::of_key(self.report, key, node))
    }

    /// The value of a key; reports it missing if it is not there.
    pub(crate) fn require(&self, key: &'static str) -> Option<Value<'n>> {
        let value = self.get(key);
        if value.is_none() && !self.misspelt.contains(&key) {
            self.report.add(Diagnostic::new(self.place.clone(), format!("missing key `{key}`")));
        }
        value
    }

    /// The one of these keys that is there; reports none and several.
    pub(crate) fn exactly_one(&self, keys: &[&'static str]) -> Option<(&'static str, Value<'n>)> {
        let mut there = keys.iter().filter_map(|key| Some((*key, self.get(key)?)));
        match (there.next(), there.next()) {
            (Some(one), None) => Some(one),
            (Some((first, _)), Some((second, value))) => {
                self.report.add(Diagnostic::new(value.key_place(), format!("both `{first}` and `{second}`; one of them is to be given")));
                None
            }
            (None, _) => {
                if !keys.iter().any(|key| self.misspelt.contains(key)) {
                    let names: Vec<String> = keys.iter().map(|key| format!("`{key}`")).collect();
                    self.report.add(Diagnostic::new(self.place.clone(), format!("missing key {}", names.join(" or "))));
                }
                None
            }
        }
    }
}
