//! The node's log: one buffer, one writing thread, so that no connection ever waits for a slow terminal or disk.
//!
//! - [`sink`]: the bounded buffer and its thread.
//! - [`line`](mod@line): an access line as text or JSON.

mod line;
mod sink;

use std::io;
use std::sync::Arc;

use config::{LogFormat, LogLevel, LoggingPlan};
use time::format_description::well_known::Rfc3339;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::reload::Handle;
use tracing_subscriber::{Layer, Registry, reload};
use transport::Clock;

pub(crate) use line::write_access;
pub(crate) use sink::Sink;

/// How much is logged, to be changed while the node runs.
#[derive(Clone)]
pub(crate) struct Level(Handle<LevelFilter, Registry>);

impl Level {
    pub(crate) fn set(&self, written: LogLevel) {
        // Where the subscriber is gone, nothing is logged any more.
        let _ = self.0.reload(level(written));
    }
}

/// Starts the log of this process on standard error; returns its sink and its level.
///
/// # Errors
/// When the writing thread cannot be started.
pub(crate) fn start(plan: &LoggingPlan, clock: Arc<dyn Clock>) -> io::Result<(Arc<Sink>, Level)> {
    let sink = Arc::new(Sink::start(io::stderr())?);
    let writer = Arc::clone(&sink);
    let layer = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .with_target(false)
        .with_timer(Stamp(clock))
        .with_writer(move || sink::Writer::new(&writer));
    let layer = match plan.format {
        LogFormat::Text => layer.boxed(),
        LogFormat::Json => layer.json().flatten_event(true).boxed(),
    };
    let (filter, handle) = reload::Layer::new(level(plan.level));
    let subscriber = Registry::default().with(layer.with_filter(filter));
    // A second node in one process keeps the first one's subscriber: only tests do that.
    let _ = tracing::subscriber::set_global_default(subscriber);
    Ok((sink, Level(handle)))
}

fn level(written: LogLevel) -> LevelFilter {
    match written {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    }
}

/// Log times come from the injected clock, as everything does.
struct Stamp(Arc<dyn Clock>);

impl FormatTime for Stamp {
    fn format_time(&self, w: &mut Writer<'_>) -> std::fmt::Result {
        w.write_str(&self.0.now().format(&Rfc3339).unwrap_or_default())
    }
}
