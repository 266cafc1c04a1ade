//! What many items share is down, and none of them is to blame: the store
//! ends the run, a service pauses its stage until it is back.

mod probe;
mod service;
mod store;

pub(crate) use probe::{keep_probing, probe_provider, probe_sinks};
pub(crate) use service::ServiceOutages;
pub(crate) use store::{Outage, Place, StoreOutage, TRY_AGAIN};
