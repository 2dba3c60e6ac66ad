//! Addresses of schedulers.

use crate::error::Error;

/// Host and port of an address.
///
/// # Errors
/// [`Error::Address`].
pub fn split(address: &str) -> Result<(&str, u16), Error> {
    let parts = address
        .rsplit_once(':')
        .and_then(|(host, port)| Some((host, port.parse().ok()?)));
    parts
        .filter(|(host, _)| !host.is_empty())
        .ok_or_else(|| Error::Address {
            given: address.to_owned(),
        })
}
