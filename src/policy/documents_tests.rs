use super::*;
use proptest::prelude::*;
use serde_json::json;

fn grants(statements: Value) -> Grants {
    let document = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
    Grants { inline: [("p".to_owned(), document)].into(), ..Grants::default() }
}

fn allow(action: Value, resource: Value) -> Value {
    json!({"Effect": "Allow", "Action": action, "Resource": resource})
}

#[track_caller]
fn no_wider(role: Value, than: Value) {
    assert_eq!(wider(&grants(role), &grants(than)), Vec::<String>::new());
}

#[track_caller]
fn is_wider(role: Value, than: Value, says: &str) {
    let why = wider(&grants(role), &grants(than));
    assert!(why.iter().any(|w| w.contains(says)), "{why:?}");
}

#[test]
fn a_role_is_no_wider_than_itself_or_a_wider_one() {
    let some = json!([allow(json!(["s3:GetObject", "S3:PutObject"]), json!("arn:aws:s3:::a/*"))]);
    no_wider(some.clone(), some.clone());
    no_wider(some.clone(), json!([allow(json!("s3:*"), json!("*"))]));
    no_wider(
        some.clone(),
        json!([allow(json!("s3:Get*"), json!("*")), allow(json!("s3:Put*"), json!("arn:aws:s3:::a/*"))]),
    );
    no_wider(json!([]), some);
}

#[test]
fn more_actions_or_resources_are_wider() {
    let read = json!([allow(json!("s3:GetObject"), json!("arn:aws:s3:::a/*"))]);
    is_wider(json!([allow(json!("s3:Get*"), json!("arn:aws:s3:::a/*"))]), read.clone(), "allows s3:get*");
    is_wider(json!([allow(json!("s3:GetObject"), json!("arn:aws:s3:::*"))]), read.clone(), "on arn:aws:s3:::*");
    // The actions of one statement on the resources of another.
    let two = json!([allow(json!("s3:GetObject"), json!("a")), allow(json!("s3:PutObject"), json!("b"))]);
    is_wider(json!([allow(json!("s3:PutObject"), json!("a"))]), two, "s3:putobject on a");
    is_wider(json!([{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}]), read, "everything but iam:*");
}

#[test]
fn conditions_narrow_and_their_absence_widens() {
    let on = |condition: Value| json!([{"Effect": "Allow", "Action": "s3:*", "Resource": "*", "Condition": condition}]);
    let tls = json!({"Bool": {"aws:SecureTransport": "true"}});
    let two = json!({"StringEquals": {"aws:RequestedRegion": ["eu-central-1", "eu-west-1"]}});
    let one = json!({"StringEquals": {"aws:requestedregion": "eu-west-1"}});
    no_wider(on(tls.clone()), json!([allow(json!("s3:*"), json!("*"))]));
    is_wider(json!([allow(json!("s3:*"), json!("*"))]), on(tls.clone()), "s3:*");
    no_wider(on(one.clone()), on(two.clone()));
    is_wider(on(two), on(one), "s3:*");
    // Fewer values of a negative operator deny less.
    let not = |list: Value| json!({"StringNotEquals": {"aws:RequestedRegion": list}});
    is_wider(on(not(json!(["a"]))), on(not(json!(["a", "b"]))), "s3:*");
    is_wider(on(tls), on(json!({"Bool": {"aws:SecureTransport": "false"}})), "s3:*");
}

#[test]
fn what_the_original_denies_must_be_denied() {
    let all = allow(json!("*"), json!("*"));
    let deny = json!({"Effect": "Deny", "Action": "iam:*", "Resource": "*"});
    is_wider(json!([all]), json!([all, deny]), "does not deny iam:*");
    no_wider(json!([all, {"Effect": "Deny", "NotAction": "s3:*", "Resource": "*"}]), json!([all, deny]));
    is_wider(json!([all, {"Effect": "Deny", "NotAction": "i*", "Resource": "*"}]), json!([all, deny]), "iam:*");
    // A Deny on past sessions of the original says nothing about the backup's.
    let past = json!({"Effect": "Deny", "Action": "*", "Resource": "*",
        "Condition": {"DateLessThan": {"aws:TokenIssueTime": "2026-03-01T03:00:00Z"}}});
    no_wider(json!([all]), json!([all, past]));
}

#[test]
fn managed_policies_are_compared_by_arn_and_read_where_the_backup_lacks_them() {
    let arn = "arn:aws:iam::aws:policy/ReadOnlyAccess".to_owned();
    let with = Grants { attached: [arn.clone()].into(), ..Grants::default() };
    assert!(wider(&with, &Grants::default())[0].contains("attached to it alone"));
    assert!(wider(&with, &with).is_empty());
    // Unread, it may deny something; read, what it denies counts.
    assert!(wider(&Grants::default(), &with)[0].contains("can't be read"));
    let read = |statement: Value| Grants {
        managed: [(arn.clone(), json!({"Statement": statement}).to_string())].into(),
        ..with.clone()
    };
    assert!(wider(&Grants::default(), &read(allow(json!("s3:*"), json!("*")))).is_empty());
    assert!(!wider(&Grants::default(), &read(json!({"Effect": "Deny", "Action": "a:b", "Resource": "*"}))).is_empty());
}

#[test]
fn what_is_not_understood_counts_as_wider() {
    let fine = json!([allow(json!("*"), json!("*"))]);
    is_wider(json!([{"Effect": "Allow", "Action": "s3:*"}]), fine.clone(), "not understood");
    is_wider(json!([{"Effect": "Allow", "Action": "s3:*", "Resource": "*", "Principal": "*"}]), fine, "not understood");
    let broken = Grants { inline: [("p".into(), "{".into())].into(), ..Grants::default() };
    assert!(wider(&broken, &Grants::default())[0].contains("not JSON"));
    let boundary = Grants { boundary: Some("arn:aws:iam::1:policy/b".into()), ..Grants::default() };
    assert!(wider(&Grants::default(), &boundary)[0].contains("boundary"));
    assert!(wider(&boundary, &Grants::default()).is_empty());
}

#[test]
fn patterns_are_covered_as_iam_reads_them() {
    for (wide, narrow, covered) in [
        ("s3:*", "s3:Get*", true),
        ("s3:Get*", "s3:*", false),
        ("a?c", "abc", true),
        ("a?c", "a*c", false),
        ("a*c", "a?c", true),
        ("*b*", "abc", true),
        ("a*b*c", "axbyc", true),
        ("a*b*c", "axyc", false),
        ("arn:aws:s3:::home/*", "arn:aws:s3:::home/${aws:username}/*", true),
        ("arn:aws:s3:::home/${aws:username}/*", "arn:aws:s3:::home/ana/*", false),
        ("arn:aws:s3:::home/????", "arn:aws:s3:::home/${aws:username}", false),
    ] {
        assert_eq!(covers_pattern(wide, narrow), covered, "{wide} {narrow}");
    }
}

fn matches(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern.first(), text.first()) {
        (None, None) => true,
        (Some(b'*'), _) => matches(&pattern[1..], text) || !text.is_empty() && matches(pattern, &text[1..]),
        (Some(b'?'), Some(_)) => matches(&pattern[1..], &text[1..]),
        (Some(p), Some(t)) if p == t => matches(&pattern[1..], &text[1..]),
        _ => false,
    }
}

proptest! {
    /// What is said to be covered is: no text matches the narrow pattern and not the wide one. And a text that is said
    /// to be outside of an exclusion is.
    #[test]
    fn a_covered_pattern_matches_nothing_more(wide in "[ab*?]{0,5}", narrow in "[ab*?]{0,5}", text in "[ab]{0,6}") {
        let (in_wide, in_narrow) = (matches(wide.as_bytes(), text.as_bytes()), matches(narrow.as_bytes(), text.as_bytes()));
        prop_assert!(!covers_pattern(&wide, &narrow) || !in_narrow || in_wide);
        prop_assert!(!(are_apart(&wide, &narrow) && in_narrow && in_wide));
    }
}

#[test]
fn ec2_must_be_trusted_and_nobody_new() {
    let trust = |principal: Value| {
        json!({"Statement": [{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}]}).to_string()
    };
    let ec2 = trust(json!({"Service": "ec2.amazonaws.com"}));
    let both =
        trust(json!({"Service": ["ec2.amazonaws.com", "ssm.amazonaws.com"], "AWS": "arn:aws:iam::999999999999:root"}));
    assert_eq!(trust_fits(&ec2, &both, &Partition::Aws), Ok(()));
    assert_eq!(trust_fits(&both, &both, &Partition::Aws), Ok(()));
    assert!(trust_fits(&both, &ec2, &Partition::Aws).unwrap_err().contains("ssm.amazonaws.com"));
    assert!(trust_fits(&trust(json!({"Service": "lambda.amazonaws.com"})), &both, &Partition::Aws).is_err());
    let china = trust(json!({"Service": "ec2.amazonaws.com.cn"}));
    assert_eq!(trust_fits(&china, &china, &Partition::AwsCn), Ok(()));
    assert!(trust_fits(&china, &china, &Partition::Aws).is_err());
    // On a condition, or only denied: an instance may not get it.
    let condition = json!({"Statement": {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"},
        "Action": "sts:AssumeRole", "Condition": {"StringEquals": {"aws:SourceAccount": "1"}}}});
    assert!(trust_fits(&condition.to_string(), &ec2, &Partition::Aws).is_err());
    assert!(trust_fits("no", &ec2, &Partition::Aws).is_err());
    assert_eq!(other_trustees(&both, &Partition::Aws), ["arn:aws:iam::999999999999:root", "ssm.amazonaws.com"]);
    assert!(other_trustees(&ec2, &Partition::Aws).is_empty());
}
