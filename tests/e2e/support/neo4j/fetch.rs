//! Neo4j's jars, fetched through Maven into the user's cache folder.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::support::model;

/// The long-term release that docmill is tested with.
const VERSION: &str = "5.26.30";
const COPY: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies";

/// The folder of the jars, whole.
pub(super) fn jars() -> Result<PathBuf, String> {
    let folder = model::cache_folder().join("test-servers").join(format!("neo4j-{VERSION}"));
    let jars = folder.join("lib");
    let said = |what: &'static str| move |error: std::io::Error| format!("{what}: {error}");
    fs::create_dir_all(&folder).map_err(said("the cache folder"))?;
    // Another test process may be fetching them.
    let lock = File::create(folder.join("lock")).map_err(said("the cache folder"))?;
    lock.lock().map_err(said("the cache folder"))?;
    if jars.is_dir() {
        return Ok(jars);
    }
    eprintln!("fetching Neo4j {VERSION} through Maven (128 MB, once)");
    let project = folder.join("pom.xml");
    fs::write(&project, pom()).map_err(said("the cache folder"))?;
    let partial = folder.join("lib.partial");
    let _was_not_there = fs::remove_dir_all(&partial);
    let fetched = Command::new("mvn")
        .args(["-B", "-q", "-C", "-DincludeScope=runtime", COPY, "-f"])
        .arg(&project)
        .arg(format!("-DoutputDirectory={}", partial.display()))
        .stdin(Stdio::null())
        .output()
        .map_err(said("mvn"))?;
    if !fetched.status.success() {
        return Err(format!("mvn: {}", String::from_utf8_lossy(&fetched.stdout)));
    }
    fs::rename(&partial, &jars).map_err(said("the cache folder"))?;
    Ok(jars)
}

fn pom() -> String {
    format!(
        "<project xmlns=\"http://maven.apache.org/POM/4.0.0\"><modelVersion>4.0.0</modelVersion>\n\
         <groupId>local</groupId><artifactId>neo4j-for-tests</artifactId><version>1</version>\n\
         <packaging>pom</packaging><dependencies><dependency>\n\
         <groupId>org.neo4j</groupId><artifactId>neo4j</artifactId><version>{VERSION}</version>\n\
         </dependency></dependencies></project>\n"
    )
}
