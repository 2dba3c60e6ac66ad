//! The processes of a cluster: one scheduler, and executors. They are Ballista's, with the functions of this crate.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use ballista_executor::executor_process::{ExecutorProcessConfig, start_executor_process};
use ballista_scheduler::cluster::BallistaCluster;
use ballista_scheduler::config::SchedulerConfig;
use ballista_scheduler::scheduler_process::start_server;

use crate::address::split;
use crate::engine::{MESSAGE, config, state};
use crate::error::Error;

/// Seconds for which an executor looks for its scheduler.
const PATIENCE: u16 = 30;

/// Runs the scheduler of a cluster, until it is killed.
///
/// # Errors
/// [`Error::Cluster`].
pub async fn scheduler(bind: SocketAddr) -> Result<(), Error> {
    let failed = |error: ballista_core::error::BallistaError| Error::Cluster {
        role: "scheduler",
        address: bind.to_string(),
        why: error.to_string(),
    };
    let settings = SchedulerConfig {
        bind_host: bind.ip().to_string(),
        external_host: bind.ip().to_string(),
        bind_port: bind.port(),
        grpc_server_max_decoding_message_size: MESSAGE,
        grpc_server_max_encoding_message_size: MESSAGE,
        grpc_client_max_message_size: MESSAGE,
        override_config_producer: Some(Arc::new(config)),
        override_session_builder: Some(Arc::new(|config| Ok(state(config)))),
        ..SchedulerConfig::default()
    };
    let cluster = BallistaCluster::new_from_config(&settings)
        .await
        .map_err(failed)?;
    start_server(cluster, bind, Arc::new(settings))
        .await
        .map_err(failed)
}

/// Runs an executor, until it is killed. It listens at `bind`'s port, and at the next one for the scheduler.
///
/// # Errors
/// [`Error::Address`], [`Error::Cluster`].
pub async fn executor(scheduler: &str, bind: SocketAddr, work: Option<&Path>) -> Result<(), Error> {
    let (host, port) = split(scheduler)?;
    let settings = ExecutorProcessConfig {
        bind_host: bind.ip().to_string(),
        external_host: Some(bind.ip().to_string()),
        port: bind.port(),
        grpc_port: bind.port().saturating_add(1),
        scheduler_host: host.to_owned(),
        scheduler_port: port,
        scheduler_connect_timeout_seconds: PATIENCE,
        work_dir: work.map(|path| path.display().to_string()),
        grpc_max_decoding_message_size: MESSAGE,
        grpc_max_encoding_message_size: MESSAGE,
        override_function_registry: Some(Arc::new((&state(config())).into())),
        override_config_producer: Some(Arc::new(config)),
        ..ExecutorProcessConfig::default()
    };
    let ended = start_executor_process(Arc::new(settings)).await;
    ended.map_err(|error| Error::Cluster {
        role: "executor",
        address: bind.to_string(),
        why: error.to_string(),
    })
}
