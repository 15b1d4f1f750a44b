//! Finding types in GuardDuty's spelling.
//!
//! GuardDuty writes `Family:Resource/Name`. Security Hub puts a namespace and a category in front and writes the first
//! `/` as `-` (`TTPs/Initial Access/UnauthorizedAccess:EC2-SSHBruteForce`), old samples write it as `.`
//! (`…/Backdoor:EC2.C&CActivity.B`), and for anomalies the family is only in the category
//! (`TTPs/Discovery/IAMUser-AnomalousBehavior`).

/// The families of GuardDuty's finding types: their purposes, as its user guide lists them, and its canary.
const FAMILIES: [&str; 22] = [
    "AttackSequence",
    "Backdoor",
    "Behavior",
    "Canary",
    "CredentialAccess",
    "CryptoCurrency",
    "DefenseEvasion",
    "Discovery",
    "Execution",
    "Exfiltration",
    "Impact",
    "InitialAccess",
    "Object",
    "PenTest",
    "Persistence",
    "Policy",
    "PrivilegeEscalation",
    "Recon",
    "ResourceConsumption",
    "Stealth",
    "Trojan",
    "UnauthorizedAccess",
];

/// The resources that GuardDuty's finding types name.
const RESOURCES: [&str; 12] =
    ["Container", "EC2", "ECS", "EKS", "IAMUser", "Kubernetes", "Lambda", "RDS", "Runtime", "S3", "EBS", "Backup"];

/// A finding's type in GuardDuty's spelling (`Family:Resource/Name`) where it is one of GuardDuty's, else as written.
pub fn normal_type(written: &str) -> String {
    guardduty_type(written).unwrap_or_else(|| written.to_owned())
}

/// The type in GuardDuty's spelling, when it is one of GuardDuty's.
pub(super) fn guardduty_type(written: &str) -> Option<String> {
    let written = written.trim();
    match written.split_once(':') {
        Some((before, name)) => {
            let family = before.rsplit('/').next()?;
            FAMILIES.contains(&family).then_some(())?;
            let (resource, rest) = split_resource(name)?;
            Some(format!("{family}:{resource}/{rest}"))
        }
        None => {
            let (before, name) = written.rsplit_once('/')?;
            let family = before.rsplit('/').next()?.replace(' ', "");
            FAMILIES.contains(&family.as_str()).then_some(())?;
            let (resource, rest) = name.split_once('-')?;
            (RESOURCES.contains(&resource) && !rest.is_empty()).then(|| format!("{family}:{resource}/{rest}"))
        }
    }
}

/// The resource and the name, whichever way they are joined.
fn split_resource(name: &str) -> Option<(&str, &str)> {
    let at = name.find(['/', '-', '.'])?;
    let (resource, joined) = name.split_at(at);
    let rest = joined.get(1..)?;
    let plain = !resource.is_empty() && resource.bytes().all(|b| b.is_ascii_alphanumeric());
    let known = !joined.starts_with('.') || RESOURCES.contains(&resource);
    (plain && known && !rest.is_empty()).then_some((resource, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guardduty_types_come_out_in_its_own_spelling() {
        for (written, normal) in [
            ("UnauthorizedAccess:EC2/SSHBruteForce", "UnauthorizedAccess:EC2/SSHBruteForce"),
            ("UnauthorizedAccess:EC2-SSHBruteForce", "UnauthorizedAccess:EC2/SSHBruteForce"),
            ("TTPs/Initial Access/UnauthorizedAccess:EC2-SSHBruteForce", "UnauthorizedAccess:EC2/SSHBruteForce"),
            ("TTPs/Policy:IAMUser-RootCredentialUsage", "Policy:IAMUser/RootCredentialUsage"),
            ("TTPs/Command and Control/Backdoor:EC2-C&CActivity.B!DNS", "Backdoor:EC2/C&CActivity.B!DNS"),
            ("Software and Configuration Checks/Backdoor:EC2.C&CActivity.B", "Backdoor:EC2/C&CActivity.B"),
            (
                "Software and Configuration Checks/Exfiltration:S3.ObjectRead.Unusual",
                "Exfiltration:S3/ObjectRead.Unusual",
            ),
            ("TTPs/Discovery/IAMUser-AnomalousBehavior", "Discovery:IAMUser/AnomalousBehavior"),
            ("TTPs/Credential Access/IAMUser-AnomalousBehavior", "CredentialAccess:IAMUser/AnomalousBehavior"),
            ("TTPs/Impact/Impact:S3-AnomalousBehavior.Delete", "Impact:S3/AnomalousBehavior.Delete"),
            ("AttackSequence:S3/CompromisedData", "AttackSequence:S3/CompromisedData"),
            ("Recon:NewThing-Something-Else", "Recon:NewThing/Something-Else"),
        ] {
            assert_eq!(normal_type(written), normal, "{written}");
        }
    }

    #[test]
    fn other_types_stay_as_written() {
        for written in [
            "Software and Configuration Checks/Vulnerabilities/CVE",
            "Software and Configuration Checks/AWS Security Best Practices/Network Reachability - Recognized port",
            "TTPs/Discovery/Something-Else",
            "Effects/Data Exposure/PCI-DSS",
            "Sensitive Data Identifications/PII",
            "Policy:",
            "Policy:Role.Thing",
            ":",
            "/",
            "",
            "\u{1f980}:\u{1f980}/\u{1f980}",
        ] {
            assert_eq!(normal_type(written), written);
        }
    }
}
