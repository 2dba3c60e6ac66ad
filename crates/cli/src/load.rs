//! From what the command line names to files that can be read.

use std::io::{self, Read as _};
use std::path::Path;
use std::rc::Rc;

use explorer::{Bos, SaeOptions, Session, WeightChoice};
use formats::gpt2::Gpt2Files;
use formats::sae::{FileKind, SaeFile, attention, openai, saelens, sniff_head, transcoder};
use formats::source::ByteSource;
use formats::tensors::{ShardIndex, TensorFile, TensorSet};
use formats::tokenizer::Tokenizer;

use crate::args::{Prompt, Sets};
use crate::demo::Demo;
use crate::error::Error;
use crate::notices;
use crate::place::{Place, Places};

/// The word that stands for the built-in demo.
const DEMO: &str = "demo";
/// A model's weights in one file.
const WHOLE: &str = "model.safetensors";
/// The index of a model's weights in several files.
const INDEX: &str = "model.safetensors.index.json";
/// An autoencoder's settings in a SAELens folder.
const CFG: &str = "cfg.json";
/// The configuration of a folder of circuit-tracer's transcoders.
pub const TRANSCODERS: &str = "config.yaml";
/// An autoencoder's weights.
const SAE_WEIGHTS: &str = "sae_weights.safetensors";
/// The firing frequency of its latents.
const SPARSITY: &str = "sparsity.safetensors";

/// The prompt's text.
pub fn prompt(given: &Prompt) -> Result<String, Error> {
    match (&given.prompt, &given.prompt_file) {
        (Some(text), _) => Ok(text.clone()),
        (None, Some(path)) => text(path, "the prompt's file"),
        // The parser asks for one of the two.
        (None, None) => Ok(String::new()),
    }
}

/// A file's text; `-` is the standard input.
pub fn text(path: &Path, what: &str) -> Result<String, Error> {
    let bytes = if path.as_os_str() == "-" {
        let mut bytes = Vec::new();
        let read = io::stdin().read_to_end(&mut bytes);
        read.map_err(|source| Error::Read {
            name: path.display().to_string(),
            source,
        })?;
        bytes
    } else {
        Place::Local(path.to_owned()).read(what)?
    };
    String::from_utf8(bytes).map_err(|error| Error::NotText {
        path: path.to_owned(),
        at: error.utf8_error().valid_up_to(),
    })
}

/// A model whose files are open.
pub struct OpenModel {
    /// Name for people.
    pub shown: String,
    /// Its configuration and weights.
    pub files: Gpt2Files,
    /// Its tokenizer.
    pub tokenizer: Tokenizer,
    prepend_bos: bool,
}

/// Puts the model on the session's device. The tokenizer comes back as well, for bytes that are a part of a character.
pub async fn model(
    session: &mut Session,
    places: &Places<'_>,
    name: &str,
) -> Result<Tokenizer, Error> {
    let model = open_model(places, name).await?;
    let tokenizer = model.tokenizer.clone();
    put_model(session, name, model).await?;
    Ok(tokenizer)
}

/// Opens a model's files.
pub async fn open_model(places: &Places<'_>, name: &str) -> Result<OpenModel, Error> {
    let demo = Demo::manifest()?;
    let (shown, files, tokenizer, prepend_bos) = if name == DEMO {
        let (files, tokenizer) = demo.model()?;
        (demo.name, files, tokenizer, demo.bos)
    } else {
        let folder = places.at(name)?;
        let folder = match &folder {
            Place::Local(_) => folder,
            Place::Remote { .. } => folder
                .folder_of(&["config.json", WHOLE, INDEX])
                .unwrap_or(folder),
        };
        let config = folder.join("config.json").read(
            "a model's folder has it; `demo` is the built-in model, and a repository is named with its owner, as openai-community/gpt2",
        )?;
        let (weights, is_demo) = weights(&folder, &demo).await?;
        let prepend_bos = is_demo && demo.bos;
        let files = Gpt2Files::new(&config, weights).await;
        let files = files.map_err(Error::in_folder(folder.name()))?;
        (name.to_owned(), files, tokenizer(&folder)?, prepend_bos)
    };
    Ok(OpenModel {
        shown,
        files,
        tokenizer,
        prepend_bos,
    })
}

/// Puts an open model on the session's device.
pub async fn put_model(session: &mut Session, name: &str, model: OpenModel) -> Result<(), Error> {
    let OpenModel {
        shown,
        files,
        tokenizer,
        prepend_bos,
    } = model;
    session
        .load_model(name, &shown, files, tokenizer, WeightChoice::Auto)
        .await?;
    session.set_prepend_bos(prepend_bos)?;
    // The built-in demo is what it was when the program was tested.
    if name != DEMO {
        notices::about_model(session, name).await?;
    }
    Ok(())
}

/// A folder's weights, in one file or in several, and whether they are the demo's own.
pub async fn weights(folder: &Place, demo: &Demo) -> Result<(TensorSet, bool), Error> {
    let in_folder = Error::in_folder(folder.name());
    let (whole, index) = (folder.join(WHOLE), folder.join(INDEX));
    if whole.exists()? || !index.exists()? {
        let has_pickle = |path: &Path| path.join("pytorch_model.bin").exists();
        let needed = if folder.local().is_some_and(has_pickle) {
            "pytorch_model.bin is not read; convert it to safetensors"
        } else {
            "it, or model.safetensors.index.json with the files that it names, holds the model's weights"
        };
        let source = whole.open(WHOLE, needed)?;
        let is_demo = demo.has_weights(&*source).await.map_err(&in_folder)?;
        let file = TensorFile::open(source).await.map_err(in_folder)?;
        return Ok((file.into(), is_demo));
    }
    let json = index.read("the index of the weights")?;
    let index = ShardIndex::from_json(INDEX, &json).map_err(&in_folder)?;
    let mut shards = Vec::new();
    for name in index.files() {
        let needed = "model.safetensors.index.json says that it holds a part of the weights";
        let source = folder.join(name).open(name, needed)?;
        shards.push(TensorFile::open(source).await.map_err(&in_folder)?);
    }
    Ok((index.join(shards).map_err(in_folder)?, false))
}

/// A folder's tokenizer, in one file or in two.
pub fn tokenizer(folder: &Place) -> Result<Tokenizer, Error> {
    let json = folder.join("tokenizer.json");
    let (vocab, merges) = (folder.join("vocab.json"), folder.join("merges.txt"));
    let in_folder = Error::in_folder(folder.name());
    if json.exists()? || !(vocab.exists()? || merges.exists()?) {
        let json = json.read("it, or vocab.json with merges.txt, is the tokenizer")?;
        return Tokenizer::from_tokenizer_json(&json).map_err(in_folder);
    }
    let needed = "without tokenizer.json, both vocab.json and merges.txt are needed";
    let (vocab, merges) = (vocab.read(needed)?, merges.read(needed)?);
    Tokenizer::from_vocab_merges(&vocab, &merges).map_err(in_folder)
}

/// An autoencoder whose file is open.
pub struct OpenSae {
    /// A name for it.
    pub id: String,
    /// Its file.
    pub file: SaeFile,
    /// Options to load it with.
    pub options: SaeOptions,
    /// The place that it is from; None for the demo's.
    place: Option<Place>,
}

/// Puts an autoencoder, or all of the demo's, on the session's device; with `stream` it stays in its file. Their ids, none of which is in `taken`, are added
/// there.
pub async fn saes(
    session: &mut Session,
    places: &Places<'_>,
    given: &str,
    stream: bool,
    taken: &mut Vec<String>,
) -> Result<(), Error> {
    for sae in open_saes(places, given, taken).await? {
        put_sae(session, sae, stream).await?;
    }
    Ok(())
}

/// Puts the feature sets on the session's device that a command names; their ids.
pub async fn sets(
    session: &mut Session,
    places: &Places<'_>,
    sets: &Sets,
) -> Result<Vec<String>, Error> {
    let mut ids = Vec::new();
    for given in &sets.sae {
        saes(session, places, given, false, &mut ids).await?;
    }
    for hook in &sets.neurons {
        let id = format!("neurons.{hook}");
        session.load_neurons(&id, hook)?;
        ids.push(id);
    }
    Ok(ids)
}

/// The feature set of which a command is: the named one, or the only one.
pub fn chosen_set<'a>(name: Option<&'a str>, ids: &'a [String]) -> Result<&'a str, Error> {
    match (name, ids) {
        (Some(name), _) => Ok(name),
        (None, [id]) => Ok(id),
        (None, _) => Err(Error::WhichSet { ids: ids.to_vec() }),
    }
}

/// The one token that a text is, as the model's tokenizer divides it.
pub fn token(session: &Session, option: &'static str, text: &str) -> Result<u32, Error> {
    let found = session.tokenize(text, Bos::No)?;
    match &found.tokens[..] {
        [token] => Ok(token.id),
        tokens => Err(Error::NotOneToken {
            option,
            text: text.to_owned(),
            tokens: tokens.iter().map(|token| token.text.clone()).collect(),
        }),
    }
}

/// The ids of `--target` and `--distractor`, where both are given.
pub fn compared(
    session: &Session,
    target: &Option<String>,
    distractor: &Option<String>,
) -> Result<Option<(u32, u32)>, Error> {
    match (target, distractor) {
        (Some(target), Some(distractor)) => Ok(Some((
            token(session, "--target", target)?,
            token(session, "--distractor", distractor)?,
        ))),
        // The parser asks for both or none.
        _ => Ok(None),
    }
}

/// Opens the file of an autoencoder, or of all of the demo's. Their ids, none of which is in `taken`, are added there.
pub async fn open_saes(
    places: &Places<'_>,
    given: &str,
    taken: &mut Vec<String>,
) -> Result<Vec<OpenSae>, Error> {
    if given == DEMO {
        let demo = Demo::manifest()?;
        let open = demo.saes.iter().map(|sae| {
            let id = id_for(sae.id.clone(), taken);
            taken.push(id.clone());
            Ok(OpenSae {
                id,
                file: sae.open()?,
                options: SaeOptions {
                    // What their files leave open, the manifest states.
                    prepend_bos: Some(demo.bos),
                    ..at_hook(Some(&sae.hook))
                },
                place: None,
            })
        });
        return open.collect();
    }
    let (place, hook) = places.at_hook(given)?;
    let (file, name) = open_sae(&place).await?;
    if hook.is_none() && file.config.hook_name.is_none() {
        return Err(Error::NoHook {
            given: given.to_owned(),
        });
    }
    let id = id_for(name, taken);
    taken.push(id.clone());
    Ok(vec![OpenSae {
        id,
        file,
        options: at_hook(hook),
        place: Some(place),
    }])
}

/// Puts an open autoencoder on the session's device; with `stream` it stays in its file.
pub async fn put_sae(session: &mut Session, sae: OpenSae, stream: bool) -> Result<(), Error> {
    if !stream {
        return put_resident(session, &sae).await;
    }
    let before = session.info().saes.len();
    let OpenSae {
        id,
        file,
        options,
        place,
    } = sae;
    let file_name = file.file_name().to_owned();
    let loaded = session.load_streamed_sae(&id, Rc::new(file), &options, None);
    let loaded = loaded.await.map(|_| ());
    was_put(session, loaded, (&place, &file_name), before)
}

/// Puts an open autoencoder on the session's device, which can be put there again.
pub async fn put_resident(session: &mut Session, sae: &OpenSae) -> Result<(), Error> {
    let before = session.info().saes.len();
    let OpenSae {
        id,
        file,
        options,
        place,
    } = sae;
    let loaded = session.load_sae(id, file, options).await.map(|_| ());
    was_put(session, loaded, (place, file.file_name()), before)
}

/// Names the place of an autoencoder that does not load, and says what is to be said of one that does; `before` were loaded before it.
fn was_put(
    session: &Session,
    loaded: Result<(), explorer::Error>,
    (place, file_name): (&Option<Place>, &str),
    before: usize,
) -> Result<(), Error> {
    let Some(place) = place else {
        return Ok(loaded?);
    };
    loaded.map_err(|error| match error {
        // A folder's files have the same names in all folders.
        explorer::Error::File(source) if file_name == SAE_WEIGHTS => {
            Error::in_folder(place.name())(source)
        }
        error => error.into(),
    })?;
    notices::about_saes(session, before)
}

fn at_hook(hook: Option<&str>) -> SaeOptions {
    SaeOptions {
        hook: hook.map(str::to_owned),
        ..SaeOptions::default()
    }
}

/// An autoencoder from a `.pt` file or a SAELens folder, and a name for it.
pub async fn open_sae(place: &Place) -> Result<(SaeFile, String), Error> {
    let place = match place {
        Place::Local(_) => None,
        Place::Remote { .. } => place.folder_of(&[CFG, SAE_WEIGHTS]),
    }
    .unwrap_or_else(|| place.clone());
    if place.is_folder(&[CFG, TRANSCODERS])? {
        if !place.join(CFG).exists()? {
            refuse_transcoders(&place)?;
        }
        return Ok((open_folder(&place).await?, place.file_name()));
    }
    let source = place.open(
        &place.name(),
        "an autoencoder is an OpenAI .pt file or a SAELens folder, on this machine or as OWNER/NAME:PATH; `demo` is the built-in one",
    )?;
    let in_file = |error| Error::File(Box::new(error));
    let found = match kind(&*source).await.map_err(in_file)? {
        FileKind::Safetensors => {
            let tensors = TensorFile::open(Rc::clone(&source))
                .await
                .map_err(in_file)?;
            transcoder::refuse_tensors(&tensors).map_err(in_file)?;
            "a safetensors file, so perhaps a part of a SAELens folder: give the folder"
        }
        FileKind::Json => "a JSON file, so perhaps a part of a SAELens folder: give the folder",
        // Anything else is given to the reader, which says what it misses.
        _ => {
            let file = open_pt(&place, source).await?;
            let name = place.file_name();
            let stem = name.rsplit_once('.').map(|(stem, _)| stem.to_owned());
            return Ok((file, stem.filter(|stem| !stem.is_empty()).unwrap_or(name)));
        }
    };
    Err(Error::NoAutoencoder {
        name: place.name(),
        found,
    })
}

/// A `.pt` file in OpenAI's layout or, with its settings beside it, one of attention heads' outputs.
pub async fn open_pt(place: &Place, source: Rc<dyn ByteSource>) -> Result<SaeFile, Error> {
    let name = place.file_name();
    let settings = name
        .strip_suffix(".pt")
        .and_then(|stem| place.beside(&format!("{stem}_cfg.json")));
    let in_file = |error| Error::File(Box::new(error));
    if let Some(settings) = settings
        && settings.exists()?
    {
        let json = settings.read("the settings of the file beside it")?;
        if attention::is_cfg(&json) {
            let file = attention::open_pt(source, &json).await;
            return file.map_err(in_file);
        }
    }
    openai::open_pt(source).await.map_err(in_file)
}

/// Refuses a folder of circuit-tracer's transcoders.
pub fn refuse_transcoders(folder: &Place) -> Result<(), Error> {
    let config = folder.join(TRANSCODERS);
    if !config.exists()? {
        return Ok(());
    }
    let yaml = config.read("the configuration of circuit-tracer's transcoders")?;
    transcoder::refuse_set(TRANSCODERS, &yaml).map_err(Error::in_folder(folder.name()))
}

async fn open_folder(folder: &Place) -> Result<SaeFile, Error> {
    let needed = "a SAELens folder has cfg.json and sae_weights.safetensors";
    let cfg = folder.join(CFG).read(needed)?;
    let weights = folder.join(SAE_WEIGHTS).open(SAE_WEIGHTS, needed)?;
    let in_folder = Error::in_folder(folder.name());
    let weights = TensorFile::open(weights).await.map_err(&in_folder)?;
    saelens::open_folder(&cfg, weights).await.map_err(in_folder)
}

/// The same autoencoder with the firing frequencies that lie beside it, if there are any.
pub async fn with_frequencies(sae: SaeFile, place: &Place) -> Result<SaeFile, Error> {
    let sparsity = place.join(SPARSITY);
    let is_folder = sae.file_name() == SAE_WEIGHTS;
    if !is_folder || !sparsity.exists()? {
        return Ok(sae);
    }
    let in_folder = Error::in_folder(place.name());
    let source = sparsity.open(SPARSITY, "how often the latents fire")?;
    let file = TensorFile::open(source).await.map_err(&in_folder)?;
    sae.with_sparsity(file).map_err(in_folder)
}

/// The kind of file that a source holds, by its beginning.
pub async fn kind(source: &dyn ByteSource) -> formats::Result<FileKind> {
    const HEAD: u64 = 64;
    let length = source.len().min(HEAD) as usize;
    let head = source.read(0, length).await;
    let head = head.map_err(|reason| formats::Error::Unreadable {
        file: source.name().to_owned(),
        reason,
    })?;
    Ok(sniff_head(&head, source.len()))
}

/// A name for an autoencoder; with a number where several have the same.
fn id_for(name: String, taken: &[String]) -> String {
    if !name.is_empty() && !taken.contains(&name) {
        return name;
    }
    let name = if name.is_empty() {
        "sae".to_owned()
    } else {
        name
    };
    (1..)
        .map(|n| {
            if n == 1 {
                name.clone()
            } else {
                format!("{name}-{n}")
            }
        })
        .find(|id| !taken.contains(id))
        .unwrap_or(name)
}
