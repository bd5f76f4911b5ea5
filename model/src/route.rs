//! Which pipeline takes which key.

use std::collections::BTreeMap;

use crate::{ids::DatasetId, object::is_data, pipeline::Pipeline};

/// What becomes of a key in the raw zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Routing {
    /// It is a dataset's; `relative` is the rest of its key, which names its outputs.
    To {
        /// Whose.
        dataset: DatasetId,
        /// The key below the route's prefix; for `<team>/<dataset>/` what follows it.
        relative: String,
    },
    /// It is no data: a marker, a hidden or temporary file.
    Ignore,
    /// No pipeline takes it. `reason` says why, for people.
    Unrouted {
        /// Why.
        reason: String,
    },
}

/// Routes by the longest matching prefix; `<team>/<dataset>/` of every pipeline is one.
#[derive(Clone, Debug, Default)]
pub struct Routes {
    by_prefix: BTreeMap<String, Vec<(String, DatasetId)>>,
}

impl Routes {
    /// The routes of these pipelines.
    pub fn of<'a>(pipelines: impl IntoIterator<Item = &'a Pipeline>) -> Routes {
        let mut routes = Routes::default();
        for pipeline in pipelines {
            let own = format!("{}/", pipeline.dataset);
            routes.by_prefix.entry(own).or_default().push((String::new(), pipeline.dataset.clone()));
            for route in &pipeline.routes {
                routes.by_prefix.entry(route.prefix.clone()).or_default().push((route.suffix.clone(), pipeline.dataset.clone()));
            }
        }
        for targets in routes.by_prefix.values_mut() {
            // The longest suffix decides first; the order of equal ones is the datasets' own.
            targets.sort_by(|a, b| b.0.len().cmp(&a.0.len()).then_with(|| a.cmp(b)));
        }
        routes
    }

    /// What becomes of this key.
    pub fn route(&self, key: &str) -> Routing {
        if !is_data(key) {
            return Routing::Ignore;
        }
        let longest_first = self.by_prefix.iter().filter(|(prefix, _)| key.starts_with(prefix.as_str())).max_by_key(|(prefix, targets)| {
            let taken = targets.iter().any(|(suffix, _)| key.ends_with(suffix.as_str()));
            (taken, prefix.len())
        });
        if let Some((prefix, targets)) = longest_first
            && let Some((_, dataset)) = targets.iter().find(|(suffix, _)| key.ends_with(suffix.as_str()))
        {
            let relative = key.get(prefix.len()..).unwrap_or(key).to_owned();
            return Routing::To { dataset: dataset.clone(), relative };
        }
        Routing::Unrouted { reason: self.why_unrouted(key) }
    }

    fn why_unrouted(&self, key: &str) -> String {
        let known: Vec<String> = self.by_prefix.values().flatten().map(|(_, dataset)| dataset.to_string()).collect();
        match key.splitn(3, '/').collect::<Vec<_>>().as_slice() {
            [team, dataset, _] => {
                let wanted = format!("{team}/{dataset}");
                let near = known.iter().filter(|name| strsim::damerau_levenshtein(name, &wanted) <= 2).min();
                match near {
                    Some(near) => format!("no pipeline takes {wanted}; did you mean {near}?"),
                    None => format!("no pipeline takes {wanted}"),
                }
            }
            _ => "the key does not start with <team>/<dataset>/ and no route takes it".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::{DriftPolicy, Route};

    fn pipeline(team: &str, dataset: &str, routes: &[(&str, &str)]) -> Pipeline {
        let routes = routes.iter().map(|(prefix, suffix)| Route { prefix: (*prefix).into(), suffix: (*suffix).into() }).collect();
        Pipeline { dataset: DatasetId::new(team, dataset), routes, drift: DriftPolicy::Evolve, stages: Vec::new() }
    }

    fn to(team: &str, dataset: &str, relative: &str) -> Routing {
        Routing::To { dataset: DatasetId::new(team, dataset), relative: relative.into() }
    }

    #[test]
    fn keys_go_where_the_longest_prefix_says() {
        let pipelines = [
            pipeline("nyc", "flights", &[("inbox/", ".flights.csv")]),
            pipeline("nyc", "weather", &[("inbox/", ""), ("nyc/flights/weather/", "")]),
        ];
        let routes = Routes::of(&pipelines);
        assert_eq!(routes.route("nyc/flights/2013/01.csv"), to("nyc", "flights", "2013/01.csv"));
        assert_eq!(routes.route("nyc/flights/weather/a.csv"), to("nyc", "weather", "a.csv"));
        assert_eq!(routes.route("inbox/x.flights.csv"), to("nyc", "flights", "x.flights.csv"));
        assert_eq!(routes.route("inbox/x.csv"), to("nyc", "weather", "x.csv"));
        assert_eq!(routes.route("nyc/flights/"), Routing::Ignore);
    }

    #[test]
    fn a_key_nobody_takes_says_what_is_near() {
        let routes = Routes::of(&[pipeline("nyc", "flights", &[])]);
        let Routing::Unrouted { reason } = routes.route("nyc/flihgts/a.csv") else { unreachable!("routed") };
        assert_eq!(reason, "no pipeline takes nyc/flihgts; did you mean nyc/flights?");
        assert!(matches!(routes.route("a.csv"), Routing::Unrouted { .. }));
    }
}
