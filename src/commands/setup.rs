//! From settings to a pipeline.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use docmill_actors::pipeline::{Parameters, Processing};
use docmill_actors::settings::{ActorCounts, Backoff, Limits, RestartIntensity, Retry};
use docmill_stages::batch::WorkFolder;
use docmill_stages::chunk::{ChunkOptions, ChunkSettings};
use docmill_stages::crawl::options::CrawlOptions;
use docmill_stages::crawl::url::UrlRules;
use docmill_stages::db::{self, Writer};
use docmill_stages::embed::ModelInfo;
use docmill_stages::embed::cache::{OpenedCache, VectorCache};
use docmill_stages::load::Sink;
use docmill_stages::load::index::{Index, Model};
use docmill_stages::process::ProcessOptions;
use docmill_stages::state;
use docmill_stages::store::{Folder, LocalStore};

use super::{Refusal, graph, model};
use crate::data_dir::DataDir;
use crate::exit::Exit;
use crate::progress::Progress;
use crate::settings::Settings;

/// What a run is made of, before its actors are up.
pub(super) struct Setup {
    pub(super) parameters: Parameters,
    /// The index that is written, where documents are processed.
    pub(super) index: Option<Index>,
    pub(super) data_dir: DataDir,
}

/// Prepares everything that can fail before the first page is asked for.
/// Without `process`, only what a crawl needs.
pub(super) fn prepare(
    settings: &Settings,
    process: bool,
    progress: &Progress,
    cancelled: &Arc<AtomicBool>,
) -> Result<Setup, Refusal> {
    let data_dir = DataDir::own(&settings.storage.data_dir)?;
    let store = LocalStore::prepare(data_dir.path())?;
    let state = db::open(&data_dir.path().join(state::FILE), state::SCHEMA)?;
    let (processing, index) = if process {
        let neo4j = graph::connect(settings)?;
        let model = model::load(settings, progress, cancelled)?;
        let index = Index::open(data_dir.path(), &index_model(model.provider.info()))?;
        if let Some(path) = index.set_aside() {
            log::warn!(
                "the index was damaged; it was put aside as {}, and its documents are loaded anew",
                path.display()
            );
        }
        let mut sinks: Vec<Arc<dyn Sink>> = vec![Arc::new(index.clone())];
        if let Some(neo4j) = &neo4j {
            sinks.push(graph::sink(neo4j, model.provider.info())?);
        }
        let processing = processing(settings, &data_dir, &model, sinks)?;
        (Some(processing), Some(index))
    } else {
        (None, None)
    };
    let parameters = Parameters {
        raw_folder: Some(store.folder(Folder::Raw)),
        store: Arc::new(store),
        state: writer(state)?,
        was_ended_on_purpose: data_dir.was_ended_on_purpose(),
        urls: url_rules(settings),
        processing,
        actors: actor_counts(settings),
        limits: limits(settings),
        retry: retry(settings)?,
        restarts: RestartIntensity { max: settings.pipeline.restarts_max, window: settings.pipeline.restart_window },
    };
    Ok(Setup { parameters, index, data_dir })
}

fn processing(
    settings: &Settings,
    data_dir: &DataDir,
    model: &model::Model,
    sinks: Vec<Arc<dyn Sink>>,
) -> Result<Processing, Refusal> {
    let info = model.provider.info();
    Ok(Processing {
        work: WorkFolder::of(data_dir.path()),
        sinks,
        process: ProcessOptions {
            html_bytes_max: usize::try_from(settings.crawl.download_size_max).unwrap_or(usize::MAX),
        },
        chunk: chunk_options(settings, info)?,
        tokens: model.token_counter()?,
        cache: cache(settings, data_dir, info)?,
        provider: Arc::clone(&model.provider),
    })
}

fn chunk_options(settings: &Settings, model: &ModelInfo) -> Result<ChunkOptions, Refusal> {
    let chunk = &settings.chunk;
    let wanted = ChunkSettings {
        tokens_max: chunk.tokens,
        overlap_tokens: chunk.overlap_tokens,
        chars_max: chunk.size,
        overlap_chars: chunk.overlap,
        window: model.window,
        context: chunk.context,
    };
    ChunkOptions::new(wanted).map_err(|error| Refusal::new(Exit::Settings, &error))
}

fn cache(settings: &Settings, data_dir: &DataDir, model: &ModelInfo) -> Result<Option<Arc<VectorCache>>, Refusal> {
    const MIB: u64 = 1 << 20;
    let mb_max = settings.embed.cache_size_max / MIB;
    if mb_max == 0 {
        return Ok(None);
    }
    let OpenedCache { cache, set_aside } = VectorCache::open(&data_dir.path().join("cache.db"), model, mb_max)?;
    if let Some(path) = set_aside {
        log::warn!("the embedding cache was damaged; it was put aside as {} and begun anew", path.display());
    }
    Ok(Some(Arc::new(cache)))
}

/// The model as the index knows it.
pub(super) fn index_model(info: &ModelInfo) -> Model {
    Model { name: info.name.clone(), dimension: info.dimension, fingerprint: info.fingerprint.clone() }
}

pub(super) fn writer(connection: db::Connection) -> Result<Writer, Refusal> {
    Writer::spawn(connection, "state").map_err(|error| Refusal::new(Exit::Unavailable, &error))
}

pub(super) fn url_rules(settings: &Settings) -> UrlRules {
    UrlRules { sort_query: settings.crawl.sort_query, bytes_max: settings.crawl.url_length_max }
}

fn actor_counts(settings: &Settings) -> ActorCounts {
    let actors = &settings.actors;
    ActorCounts {
        crawler: actors.crawlers.get(),
        processor: actors.processors.get(),
        chunker: actors.chunkers.get(),
        embedder: actors.embedders.get(),
        loader: actors.loaders.get(),
    }
}

fn limits(settings: &Settings) -> Limits {
    let pipeline = &settings.pipeline;
    Limits {
        mailbox_capacity: pipeline.mailbox_capacity.get(),
        in_flight: pipeline.in_flight_max.get(),
        in_flight_bytes: pipeline.in_flight_size_max,
        stage_timeout: pipeline.stage_timeout,
        hung_max: pipeline.hung_max,
        outage: pipeline.outage_limit,
        raw_bytes_max: settings.process.raw_size_max,
        rescan_interval: pipeline.rescan_interval,
        embedding_batch: settings.embed.batch_size.get(),
    }
}

fn retry(settings: &Settings) -> Result<Retry, Refusal> {
    let pipeline = &settings.pipeline;
    let backoff = Backoff::try_new(pipeline.retry_backoff_min, pipeline.retry_backoff_max)
        .map_err(|error| Refusal::said(Exit::Settings, format!("RETRY_BACKOFF_MIN, RETRY_BACKOFF_MAX: {error}")))?;
    let attempts_max = u32::try_from(pipeline.attempts_max.get()).unwrap_or(u32::MAX);
    Ok(Retry { attempts_max, backoff })
}

/// The crawl's options.
pub(super) fn crawl_options(settings: &Settings) -> Result<CrawlOptions, Refusal> {
    let crawl = &settings.crawl;
    let retry_codes = crawl
        .retry_http_codes
        .parse()
        .map_err(|error| Refusal::said(Exit::Settings, format!("RETRY_HTTP_CODES: {error}")))?;
    Ok(CrawlOptions {
        user_agent: crawl.user_agent.clone(),
        robots_obey: crawl.obey_robots,
        requests_max: crawl.concurrent_requests,
        requests_per_host_max: crawl.concurrent_requests_per_domain,
        delay: crawl.download_delay,
        timeout: crawl.download_timeout,
        body_bytes_max: crawl.download_size_max,
        depth_max: crawl.depth_limit,
        pages_max: crawl.page_count_max,
        time_max: crawl.time_max,
        redirects_max: crawl.redirects_max,
        retries_max: crawl.retry_times,
        retry_codes,
        urls: url_rules(settings),
        allow: crawl.allow.clone(),
        deny: crawl.deny.clone(),
    })
}
