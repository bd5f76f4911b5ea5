//! Typed errors over gRPC: a `Failure` travels whole in a status's details, so that what the
//! server knew about fault and retry is what the client knows.

use lakegate_model::{Failure, FailureCode};
use prost::Message as _;
use tonic::{Code, Status};

use crate::v1;

/// The status that carries a failure.
pub fn status_of_failure(failure: &Failure) -> Status {
    let details = v1::Failure::from(failure).encode_to_vec();
    Status::with_details(grpc_code(failure.code), failure.to_string(), details.into())
}

/// The failure a status carries. A status of something else, such as a proxy or the transport,
/// becomes the failure that fits its code best.
pub fn failure_of_status(status: &Status) -> Failure {
    if !status.details().is_empty()
        && let Ok(failure) = v1::Failure::decode(status.details())
        && !failure.code.is_empty()
    {
        return failure.into();
    }
    let code = match status.code() {
        Code::InvalidArgument | Code::OutOfRange | Code::Unimplemented => FailureCode::InvalidRequest,
        Code::NotFound => FailureCode::NotFound,
        Code::AlreadyExists | Code::FailedPrecondition | Code::Aborted => FailureCode::Conflict,
        Code::PermissionDenied | Code::Unauthenticated => FailureCode::PermissionDenied,
        Code::DeadlineExceeded => FailureCode::Timeout,
        Code::Cancelled => FailureCode::Cancelled,
        Code::Unavailable | Code::ResourceExhausted | Code::Unknown => FailureCode::Unavailable,
        Code::Internal | Code::DataLoss | Code::Ok => FailureCode::Internal,
    };
    Failure::new(code, status.message())
}

fn grpc_code(code: FailureCode) -> Code {
    match code {
        FailureCode::InvalidRequest
        | FailureCode::InvalidPipeline
        | FailureCode::UnreadableData
        | FailureCode::EmptyObject
        | FailureCode::TransformFailed => Code::InvalidArgument,
        FailureCode::NotFound | FailureCode::ObjectGone | FailureCode::Unrouted => Code::NotFound,
        FailureCode::Conflict | FailureCode::ObjectChanged | FailureCode::SchemaDrift | FailureCode::QualityFailed => {
            Code::FailedPrecondition
        }
        FailureCode::Overtaken => Code::Aborted,
        FailureCode::PermissionDenied => Code::PermissionDenied,
        FailureCode::Timeout => Code::DeadlineExceeded,
        FailureCode::Cancelled => Code::Cancelled,
        FailureCode::OutOfMemory => Code::ResourceExhausted,
        FailureCode::Unavailable
        | FailureCode::WorkerLost
        | FailureCode::LakeIo
        | FailureCode::Unaudited
        | FailureCode::Ledger
        | FailureCode::Catalog => Code::Unavailable,
        FailureCode::DamagedData => Code::DataLoss,
        FailureCode::EnginePanic | FailureCode::Internal => Code::Internal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failure_survives_the_wire() {
        for code in FailureCode::ALL {
            let failure = Failure::new(*code, "nyc/flights/a.csv: line 3").hint("mend it");
            assert_eq!(failure_of_status(&status_of_failure(&failure)), failure);
        }
    }

    #[test]
    fn a_foreign_status_keeps_its_meaning_and_text() {
        let failure = failure_of_status(&Status::unavailable("connection refused"));
        assert_eq!(failure, Failure::new(FailureCode::Unavailable, "connection refused"));
        let garbled = Status::with_details(Code::NotFound, "gone", vec![0xff, 0xff].into());
        assert_eq!(failure_of_status(&garbled).code, FailureCode::NotFound);
    }
}
