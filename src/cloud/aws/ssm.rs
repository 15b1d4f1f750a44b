//! Systems Manager's Parameter Store.

use super::clients::ScopeClients;
use super::ec2::convert::time;
use super::error::call;
use crate::cloud::operations::{GET_PARAMETERS, GET_PARAMETERS_BY_PATH, PUT_PARAMETER};
use crate::cloud::port::{CloudResult, Parameter, Target};
use crate::domain::Scope;
use aws_sdk_ssm::types::ParameterType;

/// The most names that one `GetParameters` takes (SSM API reference).
const MOST_NAMES: usize = 10;

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

/// `ssm:GetParameters`.
pub(super) async fn named_parameters(
    clients: &ScopeClients,
    scope: &Scope,
    names: &[String],
) -> CloudResult<Vec<Parameter>> {
    let ssm = &clients.ssm;
    let mut found = Vec::new();
    for names in names.chunks(MOST_NAMES) {
        let request = ssm.get_parameters().set_names(Some(names.to_vec())).with_decryption(false);
        let answer = call(GET_PARAMETERS, Some(scope), request.send()).await.map_err(|e| e.on(names.join(",")))?;
        found.extend(answer.parameters().iter().filter_map(parameter));
    }
    Ok(found)
}

/// `ssm:PutParameter`. Parameter Store knows no `DryRun`.
pub(super) async fn put_parameter(clients: &ScopeClients, target: &Target, name: &str, value: &str) -> CloudResult<()> {
    if target.dry_run {
        return Ok(());
    }
    let ssm = &clients.ssm;
    let request = ssm.put_parameter().name(name).value(value).r#type(ParameterType::String).overwrite(true);
    call(PUT_PARAMETER, Some(&target.scope), request.send()).await.map(drop).map_err(|e| e.on(name))
}

fn parameter(p: &aws_sdk_ssm::types::Parameter) -> Option<Parameter> {
    Some(Parameter {
        name: p.name()?.to_owned(),
        value: p.value().unwrap_or_default().to_owned(),
        version: p.version(),
        modified_at: p.last_modified_date().and_then(time),
    })
}
