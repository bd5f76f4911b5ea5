//! Where traces go, as the standard `OTEL_*` variables say.

use crate::Error;

/// Spans that may wait for the exporter. Lakegate makes several for each small file, many more a
/// second than the SDK's own queue holds.
const QUEUE: usize = 16_384;
/// Links a span may have: a batch is linked to every one of its objects' traces.
const LINKS: u32 = 10_000;

/// Where traces go. The SDK and the OTLP exporter read further standard variables themselves:
/// `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_TRACES_SAMPLER`, `OTEL_EXPORTER_OTLP_HEADERS`, `_TIMEOUT` and
/// `OTEL_BSP_SCHEDULE_DELAY`, each with the default the standard gives it. To keep a share of all
/// traces, use the sampler `traceidratio`: it decides by the trace's id, so every process keeps the
/// same ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The service the spans come from; `None` leaves it to `service.name` in `OTEL_RESOURCE_ATTRIBUTES`.
    pub service: Option<String>,
    /// `OTEL_SDK_DISABLED`: nothing is exported, whatever the rest says.
    pub disabled: bool,
    /// `OTEL_TRACES_EXPORTER`: `otlp` or `none`. Absent means `otlp` if an endpoint is set.
    pub exporter: Option<String>,
    /// `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`, or else `OTEL_EXPORTER_OTLP_ENDPOINT`. Absent means the standard's `http://localhost:4317`.
    pub endpoint: Option<String>,
    /// `OTEL_EXPORTER_OTLP_TRACES_PROTOCOL`, or else `OTEL_EXPORTER_OTLP_PROTOCOL`. Absent means `grpc`.
    pub protocol: Option<String>,
    /// `OTEL_BSP_MAX_QUEUE_SIZE`: spans that may wait; more are dropped.
    pub queue: usize,
    /// `OTEL_SPAN_LINK_COUNT_LIMIT`: links a span may have; more are dropped.
    pub links: u32,
}

impl Options {
    /// Options that export nothing.
    pub fn disabled() -> Options {
        Options::read("lakegate", |_| None)
    }

    /// Reads the environment. `service` is what the spans come from unless the environment names it.
    pub fn from_env(service: &str) -> Options {
        #[expect(clippy::disallowed_methods, reason = "this is where telemetry's settings are read, once")]
        Options::read(service, |name| std::env::var(name).ok())
    }

    /// An empty variable is one that isn't set, as the standard says.
    fn read(service: &str, variable: impl Fn(&str) -> Option<String>) -> Options {
        let get = |name: &str| variable(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        let named =
            get("OTEL_RESOURCE_ATTRIBUTES").is_some_and(|list| list.split(',').any(|pair| pair.trim().starts_with("service.name=")));
        Options {
            service: get("OTEL_SERVICE_NAME").or_else(|| (!named).then(|| service.to_owned())),
            disabled: get("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true")),
            exporter: get("OTEL_TRACES_EXPORTER"),
            endpoint: get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT").or_else(|| get("OTEL_EXPORTER_OTLP_ENDPOINT")),
            protocol: get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL").or_else(|| get("OTEL_EXPORTER_OTLP_PROTOCOL")),
            queue: get("OTEL_BSP_MAX_QUEUE_SIZE").and_then(|value| value.parse().ok()).unwrap_or(QUEUE),
            links: get("OTEL_SPAN_LINK_COUNT_LIMIT").and_then(|value| value.parse().ok()).unwrap_or(LINKS),
        }
    }

    /// Whether spans are to be exported.
    ///
    /// # Errors
    /// If they are to be, in a way that isn't built in.
    pub(crate) fn exports(&self) -> Result<bool, Error> {
        if self.disabled {
            return Ok(false);
        }
        let exports = match self.exporter.as_deref() {
            None => self.endpoint.is_some(),
            Some("otlp") => true,
            Some("none") => false,
            Some(other) => return Err(Error::Exporter(other.to_owned())),
        };
        match self.protocol.as_deref() {
            Some(other) if exports && other != "grpc" => Err(Error::Protocol(other.to_owned())),
            _ => Ok(exports),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Options {
        Options::read("lakegate", |name| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn exporting_is_asked_for_by_an_endpoint_or_by_name() {
        let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4317");
        for (variables, exports) in [
            (&[][..], false),
            (&[endpoint], true),
            (&[("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://127.0.0.1:4317")], true),
            (&[("OTEL_TRACES_EXPORTER", "otlp")], true),
            (&[("OTEL_TRACES_EXPORTER", "")], false),
            (&[endpoint, ("OTEL_TRACES_EXPORTER", "none")], false),
            (&[endpoint, ("OTEL_SDK_DISABLED", "TRUE")], false),
            (&[endpoint, ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")], true),
            (&[("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")], false),
        ] {
            assert_eq!(read(variables).exports().ok(), Some(exports), "{variables:?}");
        }
    }

    #[test]
    fn what_is_not_built_in_is_refused_by_name() {
        let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318");
        let protocol = read(&[endpoint, ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")]).exports();
        assert!(matches!(protocol, Err(Error::Protocol(value)) if value == "http/protobuf"));
        let exporter = read(&[("OTEL_TRACES_EXPORTER", "zipkin")]).exports();
        assert!(matches!(exporter, Err(Error::Exporter(value)) if value == "zipkin"));
    }

    #[test]
    fn the_more_special_variable_wins() {
        let options = read(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://all"), ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://traces")]);
        assert_eq!(options.endpoint.as_deref(), Some("http://traces"));
        assert_eq!(options.service.as_deref(), Some("lakegate"));
        assert_eq!(read(&[("OTEL_SERVICE_NAME", "mine")]).service.as_deref(), Some("mine"));
        assert_eq!(read(&[("OTEL_RESOURCE_ATTRIBUTES", "a=b, service.name=mine")]).service, None);
    }
}
