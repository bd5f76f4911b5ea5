//! OpenTelemetry set-up, trace contexts, and logs.
