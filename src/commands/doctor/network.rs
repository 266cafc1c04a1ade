//! `START_URLS`, asked for once each: only with `--network`.

use std::time::Duration;

use docmill_stages::crawl::answers;

use super::Patient;
use super::check::{Check, within};

/// How long a site may take to answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Sites that are asked at most.
const SITES_MAX: usize = 20;

pub(super) fn checks(patient: &Patient<'_>) -> Vec<Check> {
    let urls = &patient.settings().crawl.start_urls;
    if !patient.args.network {
        return vec![Check::ok("network", "not asked: `docmill doctor --network` asks for START_URLS")];
    }
    if urls.is_empty() {
        return vec![Check::ok("network", "START_URLS names no site")];
    }
    let agent = &patient.settings().crawl.user_agent;
    urls.iter().take(SITES_MAX).map(|url| site(url.clone(), agent.clone())).collect()
}

fn site(url: url::Url, agent: String) -> Check {
    let shown = url.to_string();
    let answered = within(TIMEOUT * 3, move || {
        let runtime = actix_rt::Runtime::new().map_err(|error| error.to_string())?;
        runtime.block_on(answers(&url, &agent, TIMEOUT))
    });
    let mend = "check the address, the network, and whether the site lets crawlers in";
    match answered {
        Some(Ok(status @ ..400)) => Check::ok("network", format!("{shown} answers with {status}")),
        Some(Ok(status)) => Check::fail("network", format!("{shown} answers with {status}"), mend),
        Some(Err(why)) => Check::fail("network", format!("{shown}: {why}"), mend),
        None => Check::fail("network", format!("{shown} did not answer in time"), mend),
    }
}
