//! AWS's error codes: what kind of failure each is. One table for the real AWS and for what simulates it.

use super::port::ErrorKind;

/// The kind of an error code. `message` and the HTTP status decide only where the code is not enough.
pub fn kind_of(code: &str, message: &str, status: u16) -> ErrorKind {
    match code {
        "RequestLimitExceeded"
        | "Throttling"
        | "ThrottlingException"
        | "ThrottledException"
        | "Throttled"
        | "TooManyRequestsException"
        | "RequestThrottled"
        | "RequestThrottledException"
        | "BandwidthLimitExceeded"
        | "SlowDown"
        | "EC2ThrottledException"
        | "SnapshotCreationPerVolumeRateExceeded"
        // Parameter Store, of several writers at once.
        | "TooManyUpdates"
        // Security Hub's throttle has the name that EC2 gives to quotas.
        | "LimitExceededException" => ErrorKind::Throttled,
        // One EC2 code for "who are you" and "not yours".
        "AuthFailure" if !message.contains("credentials") => ErrorKind::Denied,
        "AuthFailure"
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "RequestExpired"
        | "InvalidClientTokenId"
        | "UnrecognizedClientException"
        | "InvalidToken"
        | "InvalidTokenException"
        | "InvalidAccessKeyId"
        | "SignatureDoesNotMatch"
        | "InvalidSignatureException"
        | "IncompleteSignature"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "TokenRefreshRequired"
        | "InvalidIdentityToken" => ErrorKind::Credentials,
        "UnauthorizedOperation"
        | "AccessDenied"
        | "AccessDeniedException"
        | "AuthorizationError"
        | "AuthorizationErrorException"
        | "InvalidAccessException"
        | "OptInRequired"
        | "Blocked"
        | "PendingVerification" => ErrorKind::Denied,
        "NotFound"
        | "NotFoundException"
        | "ResourceNotFoundException"
        | "ParameterNotFound"
        | "NoSuchEntity"
        | "NoSuchBucket"
        | "NoSuchKey"
        | "ObjectLockConfigurationNotFoundError"
        | "InvocationDoesNotExist" => ErrorKind::NotFound,
        "PreconditionFailed" | "NetworkAclEntryAlreadyExists" | "AlreadyExistsException" | "EntityAlreadyExists" => {
            ErrorKind::AlreadyExists
        }
        "RequestTimeout" | "RequestTimeoutException" => ErrorKind::Timeout,
        "InternalError"
        | "InternalFailure"
        | "InternalException"
        | "InternalErrorException"
        | "InternalServerError"
        | "InternalServerErrorException"
        | "ServiceUnavailable"
        | "ServiceUnavailableException"
        | "ServiceFailure"
        | "Unavailable" => ErrorKind::Unavailable,
        "IncorrectState"
        | "IncorrectInstanceState"
        | "DependencyViolation"
        | "OperationNotPermitted"
        | "UnsupportedOperation"
        | "ConcurrentTagAccess"
        | "ConditionalRequestConflict"
        | "PriorRequestNotComplete"
        | "ResourceInUseException"
        | "ResourceConflictException"
        | "DeleteConflict"
        | "UnmodifiableEntity"
        | "EntityTemporarilyUnmodifiable"
        | "ConcurrentModification"
        // "There are multiple interfaces attached to instance …"
        | "InvalidInstanceID" => ErrorKind::Conflict,
        _ if code.ends_with(".NotFound") => ErrorKind::NotFound,
        _ if code.ends_with(".Duplicate") => ErrorKind::AlreadyExists,
        _ if code.ends_with("LimitExceeded") || code.ends_with(".InUse") || code.ends_with("QuotaExceeded") => {
            ErrorKind::Conflict
        }
        _ if code.starts_with("Invalid")
            || code.starts_with("Missing")
            || code.starts_with("Malformed")
            || code.starts_with("Validation")
            || code.starts_with("Unknown")
            || code.ends_with(".Malformed") =>
        {
            ErrorKind::Invalid
        }
        _ if status >= 500 => ErrorKind::Unavailable,
        _ => ErrorKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_kinds() {
        for (code, kind) in [
            ("RequestLimitExceeded", ErrorKind::Throttled),
            ("TooManyRequestsException", ErrorKind::Throttled),
            ("LimitExceededException", ErrorKind::Throttled),
            ("UnauthorizedOperation", ErrorKind::Denied),
            ("AccessDeniedException", ErrorKind::Denied),
            ("ExpiredToken", ErrorKind::Credentials),
            ("InvalidClientTokenId", ErrorKind::Credentials),
            ("InvalidGroup.NotFound", ErrorKind::NotFound),
            ("InvalidPermission.NotFound", ErrorKind::NotFound),
            ("InvalidInstanceID.NotFound", ErrorKind::NotFound),
            ("InvalidInstanceID.Malformed", ErrorKind::Invalid),
            ("InvalidInstanceID", ErrorKind::Conflict),
            ("InvalidGroup.Duplicate", ErrorKind::AlreadyExists),
            ("NetworkAclEntryAlreadyExists", ErrorKind::AlreadyExists),
            ("TagLimitExceeded", ErrorKind::Conflict),
            ("SecurityGroupsPerInterfaceLimitExceeded", ErrorKind::Conflict),
            ("InvalidParameterValue", ErrorKind::Invalid),
            ("ValidationException", ErrorKind::Invalid),
            ("InternalError", ErrorKind::Unavailable),
            ("NoSuchEntity", ErrorKind::NotFound),
            ("LimitExceeded", ErrorKind::Conflict),
            ("UnmodifiableEntity", ErrorKind::Conflict),
            ("MalformedPolicyDocument", ErrorKind::Invalid),
            ("ServiceFailure", ErrorKind::Unavailable),
            ("SomethingNew", ErrorKind::Other),
        ] {
            assert_eq!(kind_of(code, "", 400), kind, "{code}");
        }
        assert_eq!(kind_of("SomethingNew", "", 503), ErrorKind::Unavailable);
        assert_eq!(
            kind_of("AuthFailure", "AWS was not able to validate the provided credentials", 401),
            ErrorKind::Credentials
        );
        assert_eq!(kind_of("AuthFailure", "Not authorized for image", 403), ErrorKind::Denied);
    }
}
