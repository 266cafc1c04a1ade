//! Reads a `model.safetensors` one tensor at a time. The file is untrusted:
//! its header is bounded and each tensor's type and shape are checked.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use safetensors::Dtype;
use safetensors::tensor::Metadata;

use super::super::EmbedError;

/// Largest header that is read, in bytes. One of 24 layers has 40 KB.
const HEADER_BYTES_MAX: u64 = 4 << 20;
/// Bytes of the header's length at the start of the file.
const LENGTH_BYTES: u64 = 8;
/// Bytes that are read from the file at a time.
const READ_BYTES: usize = 1 << 18;

/// An open weights file. It stays the one whose header was read, even if
/// another is put in its place.
#[derive(Debug)]
pub(super) struct Weights {
    path: PathBuf,
    file: File,
    metadata: Metadata,
    /// Where the tensors' bytes begin.
    data_start: u64,
    /// What stands before each tensor's name: some writers put `bert.` there.
    prefix: &'static str,
}

impl Weights {
    /// Opens the file and reads its header.
    ///
    /// # Errors
    /// Where it is no whole safetensors file.
    pub(super) fn open(path: &Path) -> Result<Self, EmbedError> {
        let failed = |reason: String| EmbedError::ModelFile { path: path.to_owned(), reason };
        let (file, header, file_bytes) = read_header(path).map_err(failed)?;
        let metadata: Metadata =
            serde_json::from_slice(&header).map_err(|error| failed(format!("its header is damaged: {error}")))?;
        let data_start = LENGTH_BYTES + header.len() as u64;
        let whole_bytes = data_start.saturating_add(metadata.data_len() as u64);
        if file_bytes != whole_bytes {
            return Err(failed(format!(
                "it has {file_bytes} bytes where its header asks for {whole_bytes}; delete it so that it is fetched anew"
            )));
        }
        let prefix = if metadata.info("bert.embeddings.word_embeddings.weight").is_some() { "bert." } else { "" };
        Ok(Self { path: path.to_owned(), file, metadata, data_start, prefix })
    }

    /// The values of the tensor called `name`, row by row.
    ///
    /// # Errors
    /// Where there is none of that name, it is not 32-bit floating point, or
    /// not of `shape`.
    pub(super) fn read(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, EmbedError> {
        self.read_values(name, shape)
            .map_err(|reason| EmbedError::ModelFile { path: self.path.clone(), reason: format!("{name}: {reason}") })
    }

    fn read_values(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, String> {
        let info = self.metadata.info(&format!("{}{name}", self.prefix)).ok_or("there is no such tensor in it")?;
        if info.dtype != Dtype::F32 {
            return Err(format!("its values are {:?} and docmill reads F32", info.dtype));
        }
        if info.shape != shape {
            return Err(format!("its shape is {:?} and config.json asks for {shape:?}", info.shape));
        }
        let mut file = &self.file;
        let start = self.data_start + info.data_offsets.0 as u64;
        file.seek(SeekFrom::Start(start)).map_err(|error| error.to_string())?;
        let mut bytes_left = info.data_offsets.1 - info.data_offsets.0;
        let mut values = Vec::with_capacity(bytes_left / size_of::<f32>());
        let mut buffer = vec![0; READ_BYTES.min(bytes_left)];
        while bytes_left > 0 {
            let part = &mut buffer[..READ_BYTES.min(bytes_left)];
            file.read_exact(part).map_err(|error| format!("{error}; delete the file so that it is fetched anew"))?;
            let (words, _none) = part.as_chunks();
            values.extend(words.iter().map(|&word| f32::from_le_bytes(word)));
            bytes_left -= part.len();
        }
        Ok(values)
    }
}

fn read_header(path: &Path) -> Result<(File, Vec<u8>, u64), String> {
    let say = |error: io::Error| error.to_string();
    let mut file = File::open(path).map_err(say)?;
    let file_bytes = file.metadata().map_err(say)?.len();
    let mut length = [0; LENGTH_BYTES as usize];
    file.read_exact(&mut length).map_err(|_| "it is cut short; delete it so that it is fetched anew".to_owned())?;
    let header_bytes = u64::from_le_bytes(length);
    if header_bytes > HEADER_BYTES_MAX {
        return Err(format!("its header claims {header_bytes} bytes, so it is no safetensors file"));
    }
    let mut header = Vec::new();
    file.by_ref().take(header_bytes).read_to_end(&mut header).map_err(say)?;
    if (header.len() as u64) < header_bytes {
        return Err("it is cut short; delete it so that it is fetched anew".to_owned());
    }
    Ok((file, header, file_bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors");
        std::fs::write(&path, bytes).unwrap();
        (folder, path)
    }

    fn safetensors(header: &str, data: &[u8]) -> Vec<u8> {
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(data);
        bytes
    }

    const TWO: &str = r#"{"a":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},
        "b":{"dtype":"F16","shape":[2],"data_offsets":[8,12]}}"#;

    fn two() -> Vec<u8> {
        let mut data = Vec::new();
        data.extend_from_slice(&1.5f32.to_le_bytes());
        data.extend_from_slice(&(-2.0f32).to_le_bytes());
        data.extend_from_slice(&[0; 4]);
        safetensors(TWO, &data)
    }

    #[test]
    fn a_tensor_is_read_if_type_and_shape_are_as_expected() {
        let (_folder, path) = written(&two());
        let weights = Weights::open(&path).unwrap();
        assert_eq!(weights.read("a", &[1, 2]).unwrap(), [1.5, -2.0]);
        for (name, shape, says) in [("a", &[2, 1][..], "[1, 2]"), ("b", &[2], "F16"), ("c", &[1], "no such tensor")] {
            let error = weights.read(name, shape).unwrap_err().to_string();
            assert!(error.contains(says) && error.contains("model.safetensors"), "{error}");
        }
    }

    #[test]
    fn a_file_that_is_cut_short_anywhere_is_an_error_that_says_how_to_mend_it() {
        let whole = two();
        for length in 0..whole.len() {
            let (_folder, path) = written(&whole[..length]);
            let error = Weights::open(&path).unwrap_err().to_string();
            assert!(error.contains("fetched anew") && error.contains("model.safetensors"), "{length}: {error}");
        }
    }

    #[test]
    fn headers_that_lie_are_errors() {
        let claims = |header: &str| safetensors(header, &[0; 8]);
        for bytes in [
            (u64::MAX).to_le_bytes().to_vec(),
            claims("[]"),
            claims(r#"{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,8]}}"#),
            claims(r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}"#),
            claims(r#"{"a":{"dtype":"F32","shape":[4294967296,4294967296,4],"data_offsets":[0,8]}}"#),
            claims(r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,18446744073709551615]}}"#),
        ] {
            let (_folder, path) = written(&bytes);
            assert!(matches!(Weights::open(&path), Err(EmbedError::ModelFile { .. })));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn no_bytes_make_it_panic(position in 0usize..150, byte: u8) {
            let mut bytes = two();
            let position = position % bytes.len();
            bytes[position] = byte;
            let (_folder, path) = written(&bytes);
            if let Ok(weights) = Weights::open(&path) {
                let _any = weights.read("a", &[1, 2]);
            }
        }
    }
}
