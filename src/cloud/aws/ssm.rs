//! Systems Manager's Parameter Store.

use super::clients::ScopeClients;
use super::ec2::convert::time;
use super::error::call;
use crate::cloud::operations::GET_PARAMETERS_BY_PATH;
use crate::cloud::port::{CloudResult, Parameter};
use crate::domain::Scope;

/// `ssm:GetParametersByPath`.
pub(super) async fn parameters(clients: &ScopeClients, scope: &Scope, path: &str) -> CloudResult<Vec<Parameter>> {
    let ssm = &clients.ssm;
    let pages = ssm
        .get_parameters_by_path()
        .path(path)
        .recursive(true)
        .with_decryption(false)
        .max_results(10) // the most that it takes
        .into_paginator()
        .send();
    let pages = call(GET_PARAMETERS_BY_PATH, Some(scope), pages.collect::<Result<Vec<_>, _>>())
        .await
        .map_err(|e| e.on(path))?;
    Ok(pages.iter().flat_map(|page| page.parameters()).filter_map(parameter).collect())
}

fn parameter(p: &aws_sdk_ssm::types::Parameter) -> Option<Parameter> {
    Some(Parameter {
        name: p.name()?.to_owned(),
        value: p.value().unwrap_or_default().to_owned(),
        version: p.version(),
        modified_at: p.last_modified_date().and_then(time),
    })
}
