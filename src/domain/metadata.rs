//! How an instance serves its metadata, its role's credentials among it.

use serde::{Deserialize, Serialize};
use std::fmt;

/// An instance's metadata options, all of them: what isn't said is set to what stood there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetadataOptions {
    /// `HttpTokens`: whether IMDSv2 is required. A forged request that can only GET reads nothing then.
    pub tokens_required: bool,
    /// `HttpPutResponseHopLimit`, 1 to 64: how many hops away a session token still arrives.
    pub hop_limit: i32,
    /// `HttpEndpoint`: whether metadata is served at all.
    pub endpoint: bool,
    /// `HttpProtocolIpv6`.
    pub ipv6: bool,
    /// `InstanceMetadataTags`: whether the instance's tags can be read there.
    pub tags: bool,
    /// `State` is `pending`: EC2 has taken the options and the instance doesn't follow them yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pending: bool,
}

impl MetadataOptions {
    /// The same options with IMDSv2 required.
    #[must_use]
    pub fn with_tokens(self) -> Self {
        Self { tokens_required: true, pending: false, ..self }
    }

    /// Whether the same is set, followed yet or not.
    pub fn same_settings(&self, other: &Self) -> bool {
        Self { pending: false, ..*self } == Self { pending: false, ..*other }
    }
}

impl fmt::Display for MetadataOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let on = |on: bool| if on { "on" } else { "off" };
        write!(
            f,
            "IMDSv2 {}, hop limit {}, endpoint {}, IPv6 {}, tags {}",
            if self.tokens_required { "required" } else { "optional" },
            self.hop_limit,
            on(self.endpoint),
            on(self.ipv6),
            on(self.tags)
        )
    }
}
