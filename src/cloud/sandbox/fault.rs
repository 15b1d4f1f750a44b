//! What goes wrong on purpose: at which call, and how.

use crate::cloud::port::ErrorKind;

/// How a call goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FaultKind {
    /// A plain, final failure before anything was applied.
    Fail,
    /// AWS asks to slow down; nothing was applied.
    Throttle,
    /// The caller may not do this; nothing was applied.
    Deny,
    /// No answer in time, and the call was not applied. The caller can't tell it from [`FaultKind::TimeoutAfter`].
    TimeoutBefore,
    /// No answer in time, and the call was applied.
    TimeoutAfter,
    /// The connection broke; nothing was applied, and the caller can't know.
    Unavailable,
    /// The call never returns and is not applied: a test drops the future, as a crash before the call would.
    HangBefore,
    /// The call is applied and never returns: a test drops the future, as a crash before the answer would.
    HangAfter,
    /// A failure with this kind and code, before anything was applied.
    Error(ErrorKind, &'static str),
}

/// One thing that goes wrong: which calls it looks at, at which of them it strikes, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    operation: String,
    resource: Option<String>,
    nth: u64,
    always: bool,
    kind: FaultKind,
    seen: u64,
}

impl Fault {
    /// A fault at the next call of an operation, `service:Operation`: it fails. `*` is any operation.
    pub fn on(operation: &str) -> Self {
        Self { operation: operation.to_owned(), resource: None, nth: 1, always: false, kind: FaultKind::Fail, seen: 0 }
    }

    /// Only at calls on this resource.
    #[must_use]
    pub fn resource(mut self, resource: impl ToString) -> Self {
        self.resource = Some(resource.to_string());
        self
    }

    /// At the nth matching call, counted from 1 and from when the fault was injected.
    #[must_use]
    pub fn nth(mut self, nth: u64) -> Self {
        self.nth = nth;
        self
    }

    /// At every matching call from the nth on.
    #[must_use]
    pub fn always(mut self) -> Self {
        self.always = true;
        self
    }

    /// How it goes wrong.
    #[must_use]
    pub fn kind(mut self, kind: FaultKind) -> Self {
        self.kind = kind;
        self
    }

    fn matches(&self, operation: &str, resource: Option<&str>) -> bool {
        (self.operation == "*" || self.operation == operation)
            && self.resource.as_deref().is_none_or(|wanted| resource == Some(wanted))
    }
}

/// All faults in force.
#[derive(Debug, Clone, Default)]
pub(super) struct FaultPlan {
    faults: Vec<Fault>,
}

impl FaultPlan {
    pub(super) fn add(&mut self, fault: Fault) {
        self.faults.push(fault);
    }

    pub(super) fn clear(&mut self) {
        self.faults.clear();
    }

    /// Whether faults are left that have not struck yet.
    pub(super) fn pending(&self) -> usize {
        self.faults.iter().filter(|f| f.seen < f.nth).count()
    }

    /// Counts a call and says how it goes wrong, if it does: the fault injected first strikes first.
    pub(super) fn strike(&mut self, operation: &str, resource: Option<&str>) -> Option<FaultKind> {
        let mut struck = None;
        for fault in self.faults.iter_mut().filter(|f| f.matches(operation, resource)) {
            fault.seen += 1;
            if struck.is_none() && (fault.seen == fault.nth || fault.always && fault.seen > fault.nth) {
                struck = Some(fault.kind.clone());
            }
        }
        struck
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_strikes_at_its_call_alone() {
        let mut plan = FaultPlan::default();
        plan.add(Fault::on("ec2:CreateTags").resource("eni-1").nth(2).kind(FaultKind::Throttle));
        assert_eq!(plan.strike("ec2:CreateTags", Some("eni-1")), None);
        assert_eq!(plan.strike("ec2:CreateTags", Some("eni-2")), None);
        assert_eq!(plan.strike("ec2:DeleteTags", Some("eni-1")), None);
        assert_eq!(plan.pending(), 1);
        assert_eq!(plan.strike("ec2:CreateTags", Some("eni-1")), Some(FaultKind::Throttle));
        assert_eq!(plan.strike("ec2:CreateTags", Some("eni-1")), None);
        assert_eq!(plan.pending(), 0);
    }

    #[test]
    fn always_means_from_the_nth_on() {
        let mut plan = FaultPlan::default();
        plan.add(Fault::on("*").nth(2).always());
        let struck: Vec<bool> = (0..4).map(|_| plan.strike("ec2:CreateTags", None).is_some()).collect();
        assert_eq!(struck, [false, true, true, true]);
    }
}
