//! The server's process.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::support::wait;

/// Of the user `neo4j`.
pub(crate) const PASSWORD: &str = "testpassword";
/// The same as Neo4j keeps it.
const KEPT_PASSWORD: &str = "neo4j:SHA-256,6026a0e068b710185fd97bf93f5d24e39161d96ac9261103e6c45bd4fa7e24ce,\
                             bb921a817f446708b3b077add8a9aec8616c1cb8ed5e73fd032b79a18cc3d96c,1024:\n";
/// The server's certificate, in its folder; beside it lies its key.
const CERTIFICATE: &str = "tls/public.crt";
/// It is ready in some 5 seconds where nothing else runs.
const START_MAX: Duration = Duration::from_secs(180);
/// Ends the server when this process is gone: its standard input is a pipe
/// that nobody else holds.
const UNTIL_THE_PIPE_ENDS: &str = "java \"$@\" </dev/null & server=$!; cat >/dev/null; kill -9 $server; wait";

pub(super) struct Server {
    jars: PathBuf,
    folder: PathBuf,
    port: u16,
    process: Child,
}

impl Server {
    pub(super) fn start(jars: &Path) -> Result<Self, String> {
        let folder = fresh_folder().map_err(|error| format!("a folder for it: {error}"))?;
        let port = free_port().map_err(|error| format!("a port for it: {error}"))?;
        let process = spawn(jars, &folder, port)?;
        let mut server = Self { jars: jars.to_owned(), folder, port, process };
        server.until_it_answers()?;
        Ok(server)
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn certificate(&self) -> Option<PathBuf> {
        Some(self.folder.join(CERTIFICATE)).filter(|path| path.exists())
    }

    pub(super) fn kill(&mut self) {
        drop(self.process.stdin.take());
        self.process.wait().expect("a child can be waited for");
    }

    pub(super) fn start_again(&mut self) -> Result<(), String> {
        self.process = spawn(&self.jars, &self.folder, self.port)?;
        self.until_it_answers()
    }

    pub(super) fn logged_bytes(&self) -> u64 {
        let folder = self.folder.join("data/transactions/neo4j");
        let files = fs::read_dir(folder).expect("Neo4j logs transactions").flatten();
        let logs = files.filter(|file| file.file_name().to_string_lossy().starts_with("neostore.transaction"));
        logs.map(|file| file.metadata().map_or(0, |metadata| metadata.len())).sum()
    }

    fn until_it_answers(&mut self) -> Result<(), String> {
        let answer = wait::within(START_MAX, || {
            let has_ended = self.process.try_wait().is_ok_and(|status| status.is_some());
            (has_ended || speaks_bolt(self.port)).then_some(!has_ended)
        });
        match answer {
            Some(true) => Ok(()),
            _ => Err(fs::read_to_string(self.folder.join("out.log")).unwrap_or_default()),
        }
    }
}

/// An empty folder of this process's; those of processes that are gone go.
fn fresh_folder() -> std::io::Result<PathBuf> {
    let all = Path::new(env!("CARGO_TARGET_TMPDIR")).join("neo4j");
    fs::create_dir_all(&all)?;
    for entry in fs::read_dir(&all)?.flatten() {
        if !Path::new("/proc").join(entry.file_name()).exists() {
            let _another_was_faster = fs::remove_dir_all(entry.path());
        }
    }
    let folder = all.join(std::process::id().to_string());
    let _was_not_there = fs::remove_dir_all(&folder);
    fs::create_dir_all(folder.join("data/dbms"))?;
    fs::write(folder.join("data/dbms/auth.ini"), KEPT_PASSWORD)?;
    make_certificate(&folder)?;
    Ok(folder)
}

/// One that the server signs for itself, for a day. Where there is no
/// `openssl`, there is none.
fn make_certificate(folder: &Path) -> std::io::Result<()> {
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"]);
    openssl.args(["-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"]);
    fs::create_dir_all(folder.join("tls"))?;
    openssl.arg("-keyout").arg(folder.join("tls/private.key")).arg("-out").arg(folder.join(CERTIFICATE));
    if let Err(error) = openssl.stdin(Stdio::null()).output() {
        eprintln!("Neo4j goes without TLS: openssl: {error}");
    }
    Ok(())
}

fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn spawn(jars: &Path, folder: &Path, port: u16) -> Result<Child, String> {
    let log = File::create(folder.join("out.log")).map_err(|error| error.to_string())?;
    let also = log.try_clone().map_err(|error| error.to_string())?;
    let (address, place) = (format!("127.0.0.1:{port}"), folder.display());
    let mut command = Command::new("sh");
    command.args(["-c", UNTIL_THE_PIPE_ENDS, "sh"]);
    command.args(["-Xms128m", "-Xmx700m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dlog4j2.disable.jmx=true"]);
    command.args(["-cp", &format!("{}/*", jars.display()), "org.neo4j.server.CommunityEntryPoint"]);
    command.args([format!("--home-dir={place}"), format!("--config-dir={place}")]);
    for setting in [
        &format!("server.bolt.listen_address={address}"),
        &format!("server.bolt.advertised_address={address}"),
        "server.http.enabled=false",
        "server.https.enabled=false",
        "dbms.usage_report.enabled=false",
        "server.memory.pagecache.size=64m",
        "db.tx_log.preallocate=false",
        "db.tx_log.rotation.size=16m",
        "db.tx_log.rotation.retention_policy=keep_none",
    ] {
        command.args(["-c", setting]);
    }
    if folder.join(CERTIFICATE).exists() {
        for setting in [
            "server.bolt.tls_level=OPTIONAL",
            "dbms.ssl.policy.bolt.enabled=true",
            &format!("dbms.ssl.policy.bolt.base_directory={place}/tls"),
            "dbms.ssl.policy.bolt.client_auth=NONE",
        ] {
            command.args(["-c", setting]);
        }
    }
    command.stdin(Stdio::piped()).stdout(log).stderr(also).spawn().map_err(|error| format!("sh: {error}"))
}

fn speaks_bolt(port: u16) -> bool {
    const HELLO: [u8; 20] = [0x60, 0x60, 0xB0, 0x17, 0, 0, 4, 4, 0, 0, 1, 4, 0, 0, 0, 0, 0, 0, 0, 0];
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    let mut version = [0; 4];
    stream.set_read_timeout(Some(Duration::from_secs(5))).is_ok()
        && stream.write_all(&HELLO).is_ok()
        && stream.read_exact(&mut version).is_ok()
        && version[3] == 4
}
