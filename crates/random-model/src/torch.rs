//! Writing of a `.pt` file in OpenAI's layout, in pieces.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use anyhow::{Context, Result};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use crate::safetensors::Tensor;

/// A file in which zeros are left out: the file system keeps no block for them, and gives zeros where there is none.
struct WithHoles(File);

impl Write for WithHoles {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        const BLOCK: usize = 4096;
        if bytes.len() < BLOCK || bytes.iter().any(|byte| *byte != 0) {
            return self.0.write(bytes);
        }
        self.0.seek(SeekFrom::Current(bytes.len() as i64))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

impl Seek for WithHoles {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.0.seek(to)
    }
}

/// Writes the tensors and the activation, a TopK of `k`. The file takes no disk space for zeros.
pub(crate) fn write(path: &Path, tensors: &[Tensor], k: usize) -> Result<()> {
    let failed = || format!("could not write {}", path.display());
    let file = WithHoles(File::create(path).with_context(failed)?);
    let mut zip = ZipWriter::new(file);
    let start = |zip: &mut ZipWriter<WithHoles>, name: &str, size: u64| {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .last_modified_time(DateTime::default())
            .large_file(u32::try_from(size).is_err())
            .with_alignment(64);
        zip.start_file(format!("archive/{name}"), options)
    };
    let pickle = pickle(tensors, k);
    start(&mut zip, "data.pkl", pickle.len() as u64)?;
    zip.write_all(&pickle).with_context(failed)?;
    start(&mut zip, "byteorder", 6)?;
    zip.write_all(b"little").with_context(failed)?;
    for (key, tensor) in tensors.iter().enumerate() {
        start(&mut zip, &format!("data/{key}"), tensor.bytes())?;
        tensor.write(&mut zip).with_context(failed)?;
    }
    start(&mut zip, "version", 2)?;
    zip.write_all(b"3\n").with_context(failed)?;
    zip.finish().with_context(failed)?;
    Ok(())
}

/// The dictionary as protocol 2 writes it; storages are named by their index in the list.
fn pickle(tensors: &[Tensor], k: usize) -> Vec<u8> {
    let mut out = vec![0x80, 2];
    out.extend(b"}(");
    for (key, tensor) in tensors.iter().enumerate() {
        text(&mut out, &tensor.name);
        out.extend(b"ctorch._utils\n_rebuild_tensor_v2\n((");
        text(&mut out, "storage");
        out.extend(b"ctorch\nFloatStorage\n");
        text(&mut out, &key.to_string());
        text(&mut out, "cpu");
        whole(&mut out, tensor.shape.iter().product());
        out.extend(b"tQ");
        whole(&mut out, 0);
        out.push(b'(');
        tensor.shape.iter().for_each(|&size| whole(&mut out, size));
        out.extend(b"t(");
        for axis in 1..=tensor.shape.len() {
            whole(&mut out, tensor.shape.iter().skip(axis).product());
        }
        out.extend(b"t\x89ccollections\nOrderedDict\n)RtR");
    }
    text(&mut out, "activation");
    text(&mut out, "TopK");
    text(&mut out, "activation_state_dict");
    out.extend(b"}(");
    text(&mut out, "k");
    whole(&mut out, k);
    text(&mut out, "postact_fn");
    text(&mut out, "ReLU");
    out.extend(b"uu.");
    out
}

/// BINUNICODE.
fn text(out: &mut Vec<u8>, text: &str) {
    out.push(b'X');
    out.extend((text.len() as u32).to_le_bytes());
    out.extend(text.as_bytes());
}

/// BININT: the sizes here are below 2³¹.
fn whole(out: &mut Vec<u8>, number: usize) {
    out.push(b'J');
    out.extend((number as i32).to_le_bytes());
}
