//! The ledger's kept numbers against its items.

use crate::db::Connection;
use crate::ledger;

use super::{Finding, FindingKind, Mend, Report, VerifyError};

pub(super) fn check(state: &Connection, report: &mut Report) -> Result<(), VerifyError> {
    for why in ledger::miscounts(state)? {
        report.findings.push(Finding::new(FindingKind::Miscount, "state.db", &why, Mend::Recount));
    }
    Ok(())
}
