//! `sae-explorer-sql`: SQL over atlases and shards of scans, here or on a cluster.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use atlas_query::{Engine, Error, cluster, lines, merge, query, table};
use clap::{Parser, Subcommand};

/// SQL over atlases, and the merging of scans' shards: in this process, or on a Ballista cluster.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Ask the tables `features`, `examples` and `coactivations` of atlases
    Query {
        /// The query
        sql: String,
        /// Folders of atlases, whose rows are asked together
        #[arg(long = "atlas", required = true, value_name = "DIR", num_args = 1..)]
        atlases: Vec<PathBuf>,
        /// The scheduler of a cluster that runs the query; its executors must see the folders by the same names
        #[arg(long, value_name = "HOST:PORT")]
        cluster: Option<String>,
        /// Print rows as JSON, one per line
        #[arg(long)]
        json: bool,
    },
    /// Make one scan of its shards, for `sae-explorer atlas merge`
    Merge {
        /// Folders of the shards: all of one scan
        #[arg(required = true, value_name = "SHARD")]
        shards: Vec<PathBuf>,
        /// Folder of the merged scan
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
        /// The scheduler of a cluster that merges; its executors must see `--out` by the same name
        #[arg(long, value_name = "HOST:PORT")]
        cluster: Option<String>,
    },
    /// Run the scheduler of a cluster
    Scheduler {
        /// The address at which it listens
        #[arg(long, default_value = "127.0.0.1:50050", value_name = "HOST:PORT")]
        bind: SocketAddr,
    },
    /// Run an executor of a cluster
    Executor {
        /// The scheduler
        #[arg(long, value_name = "HOST:PORT")]
        scheduler: String,
        /// The address at which it listens, and with the next port for the scheduler
        #[arg(long, default_value = "127.0.0.1:50051", value_name = "HOST:PORT")]
        bind: SocketAddr,
        /// Folder for what it hands on to others [default: a temporary one]
        #[arg(long, value_name = "DIR")]
        work: Option<PathBuf>,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Runtime::new();
    let ended = match runtime {
        Ok(runtime) => runtime
            .block_on(run(arguments.command))
            .map_err(|error| error.to_string()),
        Err(error) => Err(format!("no threads can be started: {error}")),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> Result<(), Error> {
    let said = |written: io::Result<()>| match written {
        // Nobody is left to tell, as with `| head`.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Error::Write {
            path: "the standard output".into(),
            source: error,
        }),
        _ => Ok(()),
    };
    match command {
        Command::Query {
            sql,
            atlases,
            cluster,
            json,
        } => {
            let engine = Engine::at(cluster.as_deref()).await?;
            let rows = query(&engine, &atlases, &sql).await?;
            let mut out = io::stdout().lock();
            said(match json {
                true => out.write_all(&lines(&rows)?),
                false => writeln!(out, "{}", table(&rows)?),
            })
        }
        Command::Merge {
            shards,
            out,
            cluster,
        } => {
            let engine = Engine::at(cluster.as_deref()).await?;
            let info = merge(&engine, &shards, &out).await?;
            let progress = info.progress;
            said(writeln!(
                io::stdout(),
                "{}: {} feature sets over {} tokens in {} windows of {} documents",
                out.display(),
                info.sets.len(),
                progress.tokens,
                progress.windows,
                progress.documents
            ))
        }
        Command::Scheduler { bind } => cluster::scheduler(bind).await,
        Command::Executor {
            scheduler,
            bind,
            work,
        } => cluster::executor(&scheduler, bind, work.as_deref()).await,
    }
}
