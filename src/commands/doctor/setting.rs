//! The settings. Bad ones never come so far: they end every command, all of
//! them named.

use super::Patient;
use super::check::Check;
use crate::settings::source::Origin;

pub(super) fn checks(patient: &Patient<'_>) -> Vec<Check> {
    let set = patient.loaded.entries.iter().filter(|entry| !matches!(entry.origin, Origin::Default | Origin::Machine));
    let found = format!("settings of your own: {}, all of them good; `docmill config` shows each", set.count());
    let warnings = patient.loaded.warnings.iter().map(|warning| Check::warn("settings", warning, ""));
    std::iter::once(Check::ok("settings", found)).chain(warnings).collect()
}
