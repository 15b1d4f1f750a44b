//! AWS's answer when it refuses, by its own error codes.

use crate::cloud::port::ErrorKind;

/// A refused call: AWS's code and a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: &'static str,
    pub(super) message: String,
    /// The operation that was refused, where it isn't the one that was called.
    pub(super) operation: Option<&'static str>,
}

impl Refusal {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), operation: None }
    }

    /// Says that it was another operation that was refused, before the one that was called.
    pub(super) fn of(self, operation: &'static str) -> Self {
        Self { operation: Some(operation), ..self }
    }

    /// What kind of failure the code is.
    pub(super) fn kind(&self) -> ErrorKind {
        match self.code {
            "NotFound" | "InvalidID" | "NoSuchEntity" | "NoSuchBucket" => ErrorKind::NotFound,
            "PreconditionFailed" => ErrorKind::AlreadyExists,
            "UnauthorizedOperation"
            | "AuthFailure"
            | "AccessDenied"
            | "AccessDeniedException"
            | "AuthorizationError"
            | "OptInRequired"
            | "InvalidAccessException" => ErrorKind::Denied,
            "RequestLimitExceeded"
            | "TooManyRequestsException"
            | "ThrottlingException"
            | "Throttling"
            | "ThrottledException" => ErrorKind::Throttled,
            "OperationNotPermitted"
            | "IncorrectState"
            | "IncorrectInstanceState"
            | "UnsupportedOperation"
            | "UnmodifiableEntity"
            | "DeleteConflict" => ErrorKind::Conflict,
            "EntityAlreadyExists" => ErrorKind::AlreadyExists,
            "SandboxStore" => ErrorKind::Unavailable,
            code if code.ends_with(".NotFound") => ErrorKind::NotFound,
            "NetworkAclEntryAlreadyExists" => ErrorKind::AlreadyExists,
            code if code.ends_with(".Duplicate") => ErrorKind::AlreadyExists,
            code if code.ends_with("LimitExceeded") => ErrorKind::Conflict,
            _ => ErrorKind::Invalid,
        }
    }
}

/// What a rule answers.
pub(super) type Ruling<T> = Result<T, Refusal>;

/// The code with which a service denies a call, which differs from service to service.
pub(super) fn denial_code(operation: &str) -> &'static str {
    match operation.split(':').next() {
        Some("ec2") => "UnauthorizedOperation",
        Some("sns") => "AuthorizationError",
        Some("sts" | "iam" | "s3") => "AccessDenied",
        _ => "AccessDeniedException",
    }
}

/// The code with which a service asks to slow down.
pub(super) fn throttle_code(operation: &str) -> &'static str {
    match operation.split(':').next() {
        Some("ec2") => "RequestLimitExceeded",
        Some("sns") => "ThrottledException",
        Some("s3") => "SlowDown",
        Some("securityhub") => "TooManyRequestsException",
        Some("iam") => "Throttling",
        _ => "ThrottlingException",
    }
}
