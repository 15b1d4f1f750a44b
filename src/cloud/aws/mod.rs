//! stub
use aws_config as _; use aws_sdk_ec2 as _; use aws_sdk_securityhub as _; use aws_sdk_ssm as _; use aws_sdk_sns as _; use aws_sdk_sts as _;
