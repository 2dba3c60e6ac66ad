//! `atlas export` and `atlas import`: other tools' formats.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use atlas::{FeatureRecord, SetInfo};
use atlas_exchange::{Format, Importer, MOST_BYTES, openai_viewer, sae_dashboard};
use atlas_folder::Folder;

use super::args::{Exchange, Export, Import, Source};
use super::error::AtlasError;
use super::save::Save;
use super::words::tokenizer;
use crate::error::Error;

/// Depth of folders in which files are looked for.
const DEEPEST: usize = 8;

/// Writes features in another format.
pub fn export(arguments: &Export) -> Result<(), Error> {
    let out = &arguments.out;
    if out.exists() {
        return Err(Error::Exists { path: out.clone() });
    }
    let folder = Folder::open(&arguments.dir).map_err(AtlasError::from)?;
    let vocabulary = match &arguments.tokenizer {
        Some(given) => tokenizer(given, Some(&folder.info().model))?,
        None => folder
            .vocabulary()
            .map_err(AtlasError::from)?
            .ok_or_else(|| AtlasError::NoVocabulary {
                dir: arguments.dir.clone(),
                hint: ": name the tokenizer with --tokenizer",
            })?,
    };
    let sets: Vec<&SetInfo> = match &arguments.sae {
        Some(id) => vec![folder.set(id).map_err(AtlasError::from)?],
        None => folder.info().sets.iter().collect(),
    };
    let exporter = Exporter {
        folder: &folder,
        vocabulary: &vocabulary,
        out,
    };
    let mut written = 0;
    for set in sets {
        written += exporter.set(set, arguments)?;
    }
    writeln!(io::stderr(), "{}: {written} features", out.display())?;
    Ok(())
}

struct Exporter<'a> {
    folder: &'a Folder,
    vocabulary: &'a [Vec<u8>],
    out: &'a Path,
}

impl Exporter<'_> {
    fn set(&self, set: &SetInfo, arguments: &Export) -> Result<usize, Error> {
        let info = self.folder.info();
        let mut batch: Vec<FeatureRecord> = Vec::new();
        let (mut batches, mut written) = (0, 0);
        let mut add = |record: Option<FeatureRecord>| -> Result<(), Error> {
            let is_end = record.is_none();
            if let Some(record) = record {
                written += 1;
                if arguments.format == Exchange::OpenaiViewer {
                    let bytes = openai_viewer::export(info, set, &record, self.vocabulary)
                        .map_err(AtlasError::from)?;
                    return self.write(set, &openai_viewer::file_name(record.latent), &bytes);
                }
                batch.push(record);
            }
            if batch.len() == sae_dashboard::BATCH || (is_end && !batch.is_empty()) {
                let records: Vec<&FeatureRecord> = batch.iter().collect();
                let bytes = sae_dashboard::export(info, set, &records, self.vocabulary)
                    .map_err(AtlasError::from)?;
                self.write(set, &sae_dashboard::file_name(batches), &bytes)?;
                batches += 1;
                batch.clear();
            }
            Ok(())
        };
        if arguments.feature.is_empty() {
            for records in self.folder.shards(set) {
                let records = records.map_err(AtlasError::from)?.into_iter();
                for record in records.filter(|record| info.has(&set.id, record.latent)) {
                    add(Some(record))?;
                }
            }
        }
        for latent in &arguments.feature {
            add(Some(
                self.folder
                    .feature(set, *latent)
                    .map_err(AtlasError::from)?,
            ))?;
        }
        add(None)?;
        Ok(written)
    }

    fn write(&self, set: &SetInfo, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let path = self.out.join(&set.id).join(name);
        let failed = |source| Error::Write {
            path: path.clone(),
            source,
        };
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        fs::write(&path, bytes).map_err(failed)
    }
}

/// Makes an atlas from another format's files.
pub fn import(arguments: &Import) -> Result<(), Error> {
    let mut files = Vec::new();
    for path in &arguments.files {
        if path.is_dir() {
            json_files(path, DEEPEST, &mut files)?;
        } else {
            files.push(path.clone());
        }
    }
    let vocabulary = arguments
        .tokenizer
        .as_deref()
        .map(|given| tokenizer(given, None))
        .transpose()?;
    let mut importer: Option<(Format, Importer)> = match arguments.format {
        Source::Auto => None,
        Source::SaeDashboard => Some(Format::SaeDashboard),
        Source::OpenaiViewer => Some(Format::OpenaiViewer),
    }
    .map(|format| (format, Importer::new(format, vocabulary.clone())));
    let is_given = |path: &PathBuf| arguments.files.contains(path);
    for path in &files {
        if is_ablation(path, &files) {
            continue;
        }
        let (name, bytes) = (path.display().to_string(), read(path)?);
        let format = match &importer {
            // In a folder there may be other files, such as a run's settings.
            _ if !is_given(path) || importer.is_none() => match Format::detect(&name, &bytes) {
                Err(error) if !is_given(path) => {
                    writeln!(io::stderr(), "(left out: {error})")?;
                    continue;
                }
                detected => detected.map_err(AtlasError::from)?,
            },
            Some((format, _)) => *format,
            None => continue,
        };
        let (_, importer) =
            importer.get_or_insert_with(|| (format, Importer::new(format, vocabulary.clone())));
        importer
            .add(&name, &set_of(path), &bytes)
            .map_err(AtlasError::from)?;
    }
    let importer = importer.ok_or(AtlasError::Exchange(atlas_exchange::Error::Nothing))?;
    let content = importer.1.finish().map_err(AtlasError::from)?;
    let info = &content.info;
    let mut save = Save::new(&arguments.out, info, !arguments.no_tables)?;
    for (set, records) in info.sets.iter().zip(&content.records) {
        save.set(info, set.clone(), records, None, None)?;
    }
    if let Some(vocabulary) = &content.vocabulary {
        save.vocabulary(vocabulary)?;
    }
    save.finish(info)?;
    let sets: Vec<String> = info.sets.iter().map(|set| set.id.clone()).collect();
    writeln!(
        io::stderr(),
        "{}: {}",
        arguments.out.display(),
        sets.join(", ")
    )?;
    Ok(())
}

/// JSON files in a folder and below it, in the order of their names. Links are not followed.
fn json_files(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), Error> {
    let failed = |source| Error::Read {
        name: folder.display().to_string(),
        source,
    };
    let entries: Result<Vec<fs::DirEntry>, io::Error> =
        fs::read_dir(folder).map_err(failed)?.collect();
    let mut entries = entries.map_err(failed)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let (path, kind) = (entry.path(), entry.file_type().map_err(failed)?);
        if kind.is_dir() && depth > 0 {
            json_files(&path, depth - 1, files)?;
        } else if kind.is_file() && path.extension().is_some_and(|ending| ending == "json") {
            files.push(path);
        }
    }
    Ok(())
}

/// True for a file with effects of ablations whose feature has a file without them, too.
fn is_ablation(path: &Path, files: &[PathBuf]) -> bool {
    let stem = path.file_stem().and_then(|stem| stem.to_str());
    let Some(plain) = stem.and_then(|stem| stem.strip_suffix("-ablated")) else {
        return false;
    };
    files.contains(&path.with_file_name(format!("{plain}.json")))
}

/// A name for the set of a file that does not state one: its folder's, or that of the folder above `atoms`.
fn set_of(path: &Path) -> String {
    let absolute = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folders = absolute
        .ancestors()
        .skip(1)
        .filter_map(|folder| folder.file_name()?.to_str());
    let mut folders = folders.filter(|name| *name != "atoms");
    folders.next().unwrap_or("features").to_owned()
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    let failed = |source| Error::Read {
        name: path.display().to_string(),
        source,
    };
    let length = fs::metadata(path).map_err(failed)?.len();
    if length > MOST_BYTES as u64 {
        return Err(AtlasError::Exchange(atlas_exchange::Error::TooLarge {
            file: path.display().to_string(),
            bytes: usize::try_from(length).unwrap_or(usize::MAX),
            most: MOST_BYTES,
        })
        .into());
    }
    fs::read(path).map_err(failed)
}
