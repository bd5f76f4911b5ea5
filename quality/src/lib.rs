//! Data quality: the rule language (DQDL) and its evaluation over Polars frames.
//!
//! Nothing lives here yet. The parser, the checks, the shared pass and the verdict will; until
//! they do, a pipeline file with a `quality` step is refused by `lakegate check`.
