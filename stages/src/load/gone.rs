//! Pages that went while a sink was off: it still holds them, and nobody will
//! tell it any more.

use crate::db::Writer;
use crate::ledger;

use super::Sink;
use super::fill::FillError;

/// Takes those out of `sink` whose pages were taken out of everything else.
/// `loaded` are the keys and content hashes of what stands there. A document
/// that the ledger knows nothing of stays: another `DATA_DIR` may have loaded
/// it. Returns how many went.
///
/// # Errors
/// The ledger or the sink failed; they may be there still.
pub async fn take_out_gone(state: &Writer, sink: &dyn Sink, loaded: &[(String, String)]) -> Result<usize, FillError> {
    let gone = state.call(ledger::gone).await?;
    let keys: Vec<String> = loaded.iter().map(|(key, _)| key).filter(|key| gone.contains(*key)).cloned().collect();
    if keys.is_empty() {
        return Ok(0);
    }
    Ok(sink.remove(&keys).await?)
}
