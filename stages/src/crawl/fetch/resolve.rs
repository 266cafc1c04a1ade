//! Looks up hosts, with an error that can be told from a failed connection.

use std::net::{SocketAddr, ToSocketAddrs as _};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// The system's resolver.
#[derive(Debug)]
pub(super) struct Resolver;

/// A host's name leads nowhere.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct ResolveError(String);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let host = name.as_str().to_owned();
            // The port is put in by the client.
            let looked_up = tokio::task::spawn_blocking(move || (host.as_str(), 0).to_socket_addrs()).await;
            let addresses: Vec<SocketAddr> = looked_up
                .map_err(|error| ResolveError(error.to_string()))?
                .map_err(|error| ResolveError(error.to_string()))?
                .collect();
            if addresses.is_empty() {
                return Err(ResolveError("it has no address".to_owned()).into());
            }
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}
