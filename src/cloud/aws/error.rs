//! From the SDK's errors to [`CloudError`]: what failed, whether to try again, and whether it may have been applied.
//!
//! EC2's model has no error shapes and every service has its own, so the error code alone decides.

use crate::cloud::codes::kind_of;
use crate::cloud::operations::{self, Effect, Operation};
use crate::cloud::port::{CloudError, CloudResult, ErrorKind};
use crate::domain::Scope;
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_sts::operation::assume_role::AssumeRoleError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::{ConnectorError, SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use std::error::Error;
use std::future::Future;

/// Sends a call and maps its error. The future is boxed first: the SDK's are tens of kilobytes.
pub(super) async fn call<T, E>(
    operation: Operation,
    scope: Option<&Scope>,
    future: impl Future<Output = Result<T, SdkError<E, HttpResponse>>> + Send,
) -> CloudResult<T>
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    Box::pin(future).await.map_err(|error| from_sdk(operation, scope, &error))
}

/// The answer of an EC2 call that may be a rehearsal: with `DryRun`, the code `DryRunOperation` is success.
pub(super) fn rehearsed<T>(dry_run: bool, answer: CloudResult<T>, instead: impl FnOnce() -> T) -> CloudResult<T> {
    match answer {
        Err(error) if dry_run && error.code == "DryRunOperation" => Ok(instead()),
        answer => answer,
    }
}

/// An answer in which something that AWS always sends is missing.
pub(super) fn incomplete(operation: Operation, scope: &Scope, what: &str) -> CloudError {
    let mut error =
        CloudError::new(operation.name, ErrorKind::Other, "IncompleteAnswer", format!("AWS answered without {what}"));
    error.may_have_applied = operation.mutates();
    error.at(scope)
}

/// Maps an SDK error.
pub(super) fn from_sdk<E>(operation: Operation, scope: Option<&Scope>, error: &SdkError<E, HttpResponse>) -> CloudError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let mut mapped = match error {
        SdkError::ServiceError(service) => {
            let status = service.raw().status().as_u16();
            of_answer(operation, service.err().code(), service.err().message(), status)
        }
        SdkError::ResponseError(response) => {
            let status = response.raw().status().as_u16();
            let message = format!("HTTP {status}, and the answer could not be read: {}", chain(error));
            let kind = if status >= 500 { ErrorKind::Unavailable } else { ErrorKind::Other };
            of(operation, kind, "UnreadableAnswer", message, true)
        }
        SdkError::TimeoutError(_) => of(operation, ErrorKind::Timeout, "Timeout", chain(error), true),
        SdkError::DispatchFailure(failure) => credentials(operation, error).unwrap_or_else(|| {
            let kind = if failure.is_timeout() { ErrorKind::Timeout } else { ErrorKind::Unavailable };
            let code = if failure.is_timeout() { "Timeout" } else { "ConnectionFailed" };
            // A call that is repeated may have been applied by an earlier attempt than the one that we see.
            let sent = operation.effect != Effect::Once || !failure.as_connector_error().is_some_and(never_connected);
            of(operation, kind, code, chain(error), sent)
        }),
        _ => credentials(operation, error)
            .unwrap_or_else(|| of(operation, ErrorKind::Invalid, "NotSent", chain(error), false)),
    };
    mapped.scope = scope.cloned();
    mapped
}

/// The error of an answer with a code, or of one without (such as a proxy's HTML page).
fn of_answer(operation: Operation, code: Option<&str>, message: Option<&str>, status: u16) -> CloudError {
    let message = message.unwrap_or_default();
    let Some(code) = code.filter(|c| !c.is_empty()) else {
        let kind = match status {
            429 => ErrorKind::Throttled,
            500.. => ErrorKind::Unavailable,
            _ => ErrorKind::Other,
        };
        let message = format!("HTTP {status} without an error code; the answer may not come from AWS. {message}");
        // A success that can't be read is a success all the same, and a gateway doesn't know what became of the call.
        let unclear = !(300..500).contains(&status);
        return of(operation, kind, &format!("Http{status}"), message.trim_end().to_owned(), unclear);
    };
    let kind = kind_of(code, message, status);
    let unclear = matches!(kind, ErrorKind::Timeout | ErrorKind::Unavailable);
    let mut error = of(operation, kind, code, message.to_owned(), unclear);
    // Two writers of one resource's tags, of one user, or of one key: AWS asks for another try, though the state is what
    // refuses.
    let passing =
        ["ConcurrentTagAccess", "PriorRequestNotComplete", "ConcurrentModification", "ConditionalRequestConflict"];
    error.retryable |= passing.contains(&code);
    error
}

fn of(operation: Operation, kind: ErrorKind, code: &str, message: String, may_have_applied: bool) -> CloudError {
    let mut error = CloudError::new(operation.name, kind, code, message);
    error.may_have_applied = may_have_applied && operation.mutates();
    error
}

/// The error where the credentials failed before the call was sent: none, expired, or a role that can't be assumed.
fn credentials(operation: Operation, error: &(dyn Error + 'static)) -> Option<CloudError> {
    find::<CredentialsError>(error)?;
    if let Some(refused) = find::<AssumeRoleError>(error) {
        let code = refused.code().unwrap_or("AssumeRoleFailed");
        let message = refused.message().unwrap_or_default();
        let kind = match kind_of(code, message, 400) {
            ErrorKind::Other => ErrorKind::Credentials,
            kind => kind,
        };
        return Some(of(operations::ASSUME_ROLE, kind, code, message.to_owned(), false));
    }
    Some(of(operation, ErrorKind::Credentials, "NoCredentials", chain(error), false))
}

/// Whether the connection was never there, so that nothing was sent.
fn never_connected(error: &ConnectorError) -> bool {
    use std::io::ErrorKind as Io;
    let refused = find::<std::io::Error>(error).is_some_and(|io| {
        matches!(io.kind(), Io::ConnectionRefused | Io::HostUnreachable | Io::NetworkUnreachable | Io::AddrNotAvailable)
    });
    refused || chain(error).contains("HTTP connect timeout") || chain(error).contains("dns error")
}

/// The first error of this type in a chain of causes.
fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// An error and its causes on one line; a cause that only repeats what stands there already is left out.
pub(super) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let said = cause.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::operations::{CREATE_SNAPSHOTS, CREATE_TAGS, DESCRIBE_INSTANCES};
    use aws_sdk_ec2::operation::create_tags::CreateTagsError;
    use aws_smithy_types::body::SdkBody;
    use aws_smithy_types::error::ErrorMetadata;

    type Sdk = SdkError<CreateTagsError, HttpResponse>;

    fn answer(status: u16) -> HttpResponse {
        HttpResponse::new(status.try_into().unwrap(), SdkBody::from("<html>"))
    }

    fn service(code: Option<&str>, status: u16) -> Sdk {
        let mut meta = ErrorMetadata::builder();
        meta = match code {
            Some(code) => meta.code(code).message("said AWS"),
            None => meta,
        };
        Sdk::service_error(CreateTagsError::generic(meta.build()), answer(status))
    }

    #[test]
    fn an_answer_says_that_nothing_happened_and_silence_does_not() {
        let scope = Scope::parse("111122223333", "eu-central-1").unwrap();
        let refused = from_sdk(CREATE_TAGS, Some(&scope), &service(Some("TagLimitExceeded"), 400));
        assert_eq!(refused.scope, Some(scope));
        assert_eq!((refused.operation.as_str(), refused.code.as_str()), ("ec2:CreateTags", "TagLimitExceeded"));
        assert!(!refused.retryable && !refused.may_have_applied);

        let silent = from_sdk(CREATE_TAGS, None, &Sdk::timeout_error("too late"));
        assert_eq!(silent.kind, ErrorKind::Timeout);
        assert!(silent.retryable && silent.may_have_applied);
        let look = from_sdk(DESCRIBE_INSTANCES, None, &Sdk::timeout_error("too late"));
        assert!(look.retryable && !look.may_have_applied);

        let broken = from_sdk(CREATE_SNAPSHOTS, None, &service(Some("InternalError"), 500));
        assert!(broken.retryable && broken.may_have_applied);
        let throttled = from_sdk(CREATE_SNAPSHOTS, None, &service(Some("RequestLimitExceeded"), 503));
        assert!(throttled.retryable && !throttled.may_have_applied);
        let unbuilt = from_sdk(CREATE_TAGS, None, &Sdk::construction_failure("no Region"));
        assert_eq!(unbuilt.kind, ErrorKind::Invalid);
        assert!(!unbuilt.may_have_applied);
    }

    #[test]
    fn a_connection_that_never_was_applied_nothing() {
        let refused = || {
            let io = std::io::Error::new(std::io::ErrorKind::ConnectionRefused, "refused");
            Sdk::dispatch_failure(ConnectorError::io(io.into()))
        };
        let once = from_sdk(CREATE_SNAPSHOTS, None, &refused());
        assert_eq!(once.kind, ErrorKind::Unavailable);
        assert!(once.retryable && !once.may_have_applied);
        // What is repeated may have got through before the connection went away.
        assert!(from_sdk(CREATE_TAGS, None, &refused()).may_have_applied);
        let cut = std::io::Error::new(std::io::ErrorKind::ConnectionReset, "reset");
        let cut = from_sdk(CREATE_SNAPSHOTS, None, &Sdk::dispatch_failure(ConnectorError::io(cut.into())));
        assert!(cut.may_have_applied);
    }

    #[test]
    fn an_answer_without_a_code_shows_its_status() {
        let page = from_sdk(CREATE_TAGS, None, &service(None, 404));
        assert_eq!((page.kind, page.code.as_str()), (ErrorKind::Other, "Http404"));
        assert!(page.message.contains("HTTP 404"), "{}", page.message);
        assert!(!page.may_have_applied);
        let proxy = from_sdk(CREATE_TAGS, None, &service(None, 502));
        assert_eq!(proxy.kind, ErrorKind::Unavailable);
        assert!(proxy.may_have_applied);
    }

    #[test]
    fn missing_credentials_are_said_as_such() {
        let none = CredentialsError::not_loaded("no provider in chain");
        let error = from_sdk(CREATE_TAGS, None, &Sdk::dispatch_failure(ConnectorError::other(none.into(), None)));
        assert_eq!(error.kind, ErrorKind::Credentials);
        assert!(!error.may_have_applied && !error.retryable);
        let refused = AssumeRoleError::generic(ErrorMetadata::builder().code("AccessDenied").message("no").build());
        let refused =
            CredentialsError::provider_error(SdkError::<_, HttpResponse>::service_error(refused, answer(403)));
        let error = from_sdk(CREATE_TAGS, None, &Sdk::dispatch_failure(ConnectorError::other(refused.into(), None)));
        assert_eq!((error.operation.as_str(), error.kind), ("sts:AssumeRole", ErrorKind::Denied));
    }

    #[test]
    fn a_rehearsal_that_would_have_worked_is_a_success() {
        let would = || Err(from_sdk(CREATE_TAGS, None, &service(Some("DryRunOperation"), 412)));
        assert_eq!(rehearsed(true, would(), || 7), Ok(7));
        assert!(rehearsed(false, would(), || 7).is_err());
        let denied = Err(from_sdk(CREATE_TAGS, None, &service(Some("UnauthorizedOperation"), 403)));
        assert_eq!(rehearsed(true, denied, || 7).unwrap_err().kind, ErrorKind::Denied);
    }
}
