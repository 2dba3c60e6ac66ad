//! The engine that runs queries: in this process, or on a cluster.

use ballista::prelude::SessionContextExt as _;
use ballista_core::extension::{
    SessionConfigExt as _, ballista_aggregate_functions, ballista_scalar_functions,
    ballista_window_functions,
};
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::prelude::{SessionConfig, SessionContext};

use crate::address::split;
use crate::error::Error;
use crate::function::merge_tallies;

/// Bytes of the largest message between the processes of a cluster. A tally is one value, and so is in one message.
pub const MESSAGE: u32 = 1 << 30;

/// The settings of every process.
pub fn config() -> SessionConfig {
    SessionConfig::new_with_ballista().with_ballista_grpc_client_max_message_size(MESSAGE as usize)
}

/// A session with all functions, those of this crate among them.
pub fn state(config: SessionConfig) -> SessionState {
    let mut aggregates = ballista_aggregate_functions();
    aggregates.push(merge_tallies());
    SessionStateBuilder::new()
        .with_default_features()
        .with_config(config)
        .with_scalar_functions(ballista_scalar_functions())
        .with_aggregate_functions(aggregates)
        .with_window_functions(ballista_window_functions())
        .build()
}

/// Where queries run.
pub struct Engine {
    pub(crate) context: SessionContext,
}

impl Engine {
    /// An engine in this process.
    pub fn embedded() -> Self {
        Self {
            context: SessionContext::new_with_state(state(config())),
        }
    }

    /// The engine of a cluster, whose scheduler listens at `HOST:PORT`. Files are read by its executors: their paths must mean the
    /// same on every machine.
    ///
    /// # Errors
    /// [`Error::Address`], [`Error::Query`].
    pub async fn cluster(address: &str) -> Result<Self, Error> {
        split(address)?;
        let url = format!("df://{address}");
        let context = SessionContext::remote_with_state(&url, state(config())).await?;
        // What becomes of a state for a cluster has Ballista's own functions alone.
        context.register_udaf(merge_tallies().as_ref().clone());
        Ok(Self { context })
    }

    /// The one of a cluster where its address is given, or else the one of this process.
    ///
    /// # Errors
    /// As [`Engine::cluster`].
    pub async fn at(cluster: Option<&str>) -> Result<Self, Error> {
        match cluster {
            Some(address) => Self::cluster(address).await,
            None => Ok(Self::embedded()),
        }
    }
}
