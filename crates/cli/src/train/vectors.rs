//! Activations out of files, block by block.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use formats::tensors::TensorFile;
use formats::tensors::npy::NpyFile;
use serde_json::{Value, json};
use train::checkpoint::Source;
use train::{Origin, Take};

use super::args::Train;
use super::error::TrainError;
use super::signal::Stop;
use crate::error::Error;
use crate::place::Place;

/// Rows that are read at a time and stay neighbours until a block is shuffled.
const PIECE: usize = 128;

/// A matrix in a file.
enum Matrix {
    Npy(NpyFile),
    Tensor(TensorFile, String),
}

/// Matrices of one width.
pub struct Vectors {
    matrices: Vec<Matrix>,
    /// Matrix, first row and rows of each piece.
    pieces: Vec<(usize, usize, u32)>,
    width: usize,
    source: Source,
    origin: Origin,
}

impl Vectors {
    /// Opens a file, or all files of a folder in the order of their names.
    pub async fn open(arguments: &Train, path: &Path) -> Result<Self, Error> {
        let mut vectors = Self {
            matrices: Vec::new(),
            pieces: Vec::new(),
            width: 0,
            source: Source::new(),
            origin: Origin::default(),
        };
        let mut described = Vec::new();
        for file in files(path)? {
            let refuse = |why: String| TrainError::Activations {
                file: file.display().to_string(),
                why,
            };
            let (matrix, rows, width) = open(&file, arguments.tensor.as_deref()).await?;
            if vectors.width != 0 && vectors.width != width {
                let why = format!(
                    "its activations have {width} dimensions, those of the files before it {}",
                    vectors.width
                );
                return Err(refuse(why).into());
            }
            vectors.width = width;
            let number = vectors.matrices.len();
            let pieces = (0..rows).step_by(PIECE);
            let pieces = pieces.map(|first| (number, first, PIECE.min(rows - first) as u32));
            vectors.pieces.extend(pieces);
            vectors.matrices.push(matrix);
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            let bytes = std::fs::metadata(&file).map_or(0, |data| data.len());
            described.push(json!([name, rows, width, bytes]));
        }
        let described = Value::Array(described);
        vectors.source.insert("activations".to_owned(), described);
        Ok(vectors)
    }

    /// Width of the activations.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The origin of the activations, of which nothing is known.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The source of the activations.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// Rows of each piece.
    pub fn lengths(&self) -> Vec<u32> {
        self.pieces.iter().map(|(_, _, rows)| *rows).collect()
    }

    /// Writes the activations of a block to their places.
    pub async fn fill(&self, takes: &[Take], block: &mut [f32], stop: &Stop) -> Result<(), Error> {
        let width = self.width;
        let unfit = |error: formats::Error| Error::File(Box::new(error));
        for take in takes {
            if stop.is_wanted() {
                return Err(TrainError::Stopped.into());
            }
            let (matrix, first, _) = self.pieces[take.piece];
            let rows = first + take.rows.start..first + take.rows.end;
            let values = match &self.matrices[matrix] {
                Matrix::Npy(file) => file.read_rows(rows).await,
                Matrix::Tensor(file, name) => file.read_rows(name, rows).await,
            };
            let values = values.map_err(unfit)?;
            for (row, place) in values.chunks_exact(width).zip(&take.places) {
                block[*place as usize * width..][..width].copy_from_slice(row);
            }
        }
        Ok(())
    }
}

fn is_npy(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "npy")
}

fn is_safetensors(path: &Path) -> bool {
    path.extension()
        .is_some_and(|ending| ending == "safetensors")
}

/// The files of a path.
fn files(path: &Path) -> Result<Vec<PathBuf>, Error> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let name = path.display().to_string();
    let read = |source| Error::Read {
        name: name.clone(),
        source,
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(read)? {
        let file = entry.map_err(read)?.path();
        if is_npy(&file) || is_safetensors(&file) {
            files.push(file);
        }
    }
    files.sort();
    if files.is_empty() {
        let why = "the folder holds neither .npy nor .safetensors files".to_owned();
        return Err(TrainError::Activations { file: name, why }.into());
    }
    Ok(files)
}

/// Opens a matrix; its rows and width.
async fn open(path: &Path, tensor: Option<&str>) -> Result<(Matrix, usize, usize), Error> {
    let name = path.display().to_string();
    let place = Place::Local(path.to_owned());
    let needed =
        "activations are a matrix in a .npy or .safetensors file, or a folder of such files";
    let source = place.open(&name, needed)?;
    let unfit = |error: formats::Error| Error::File(Box::new(error));
    if is_npy(path) {
        let file = NpyFile::open(source).await.map_err(unfit)?;
        let [rows, width] = file.shape();
        return Ok((Matrix::Npy(file), rows, width));
    }
    let refuse = |why: String| -> Error {
        let file = name.clone();
        TrainError::Activations { file, why }.into()
    };
    if !is_safetensors(path) {
        return Err(refuse(format!(
            "its name does not say what it is: {needed}"
        )));
    }
    let file = TensorFile::open(Rc::clone(&source)).await.map_err(unfit)?;
    let names = file.names();
    let chosen = match (tensor, &names[..]) {
        (Some(chosen), _) => chosen.to_owned(),
        (None, [only]) => only.clone(),
        (None, names) => {
            let list: Vec<&str> = names.iter().take(8).map(String::as_str).collect();
            let list = list.join(", ");
            return Err(refuse(format!(
                "it holds {} tensors; name one with --tensor: {list}",
                names.len()
            )));
        }
    };
    let shape = file.shape(&chosen).map_err(unfit)?.to_vec();
    // Refuses tensors of whole numbers.
    file.dtype(&chosen).map_err(unfit)?;
    match shape[..] {
        [rows, width] if rows > 0 && width > 0 => Ok((Matrix::Tensor(file, chosen), rows, width)),
        _ => Err(refuse(format!(
            "{chosen} has the shape {shape:?}; a matrix of activations has the shape [rows, width]"
        ))),
    }
}
