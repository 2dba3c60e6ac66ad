//! A writer of small `.pt` files: a stored zip with a pickle, made of parts that a test can spoil.

/// A zip archive of stored entries.
pub fn zip(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut directory = Vec::new();
    for (name, data) in entries {
        let offset = out.len() as u32;
        // Version, flags, method, time, date, checksum, sizes, name and extra lengths.
        let mut common = Vec::new();
        for short in [10u16, 0, 0, 0, 0x21] {
            common.extend(short.to_le_bytes());
        }
        for long in [crc32(data), data.len() as u32, data.len() as u32] {
            common.extend(long.to_le_bytes());
        }
        common.extend((name.len() as u16).to_le_bytes());
        common.extend(0u16.to_le_bytes());

        out.extend(b"PK\x03\x04");
        out.extend(&common);
        out.extend(name.as_bytes());
        out.extend(data);

        directory.extend(b"PK\x01\x02\x0a\x00");
        directory.extend(&common);
        directory.extend([0; 10]);
        directory.extend(offset.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let start = out.len() as u32;
    let size = directory.len() as u32;
    out.extend(directory);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend((entries.len() as u16).to_le_bytes());
    out.extend((entries.len() as u16).to_le_bytes());
    out.extend(size.to_le_bytes());
    out.extend(start.to_le_bytes());
    out.extend(0u16.to_le_bytes());
    out
}

fn crc32(data: &[u8]) -> u32 {
    !data.iter().fold(!0u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |c, _| {
            if c & 1 == 1 {
                c >> 1 ^ 0xedb8_8320
            } else {
                c >> 1
            }
        })
    })
}

/// A tensor as a `.pt` file has it.
pub struct Stored {
    pub name: &'static str,
    /// The class of its storage, `torch.FloatStorage` and so on.
    pub class: &'static str,
    pub bytes: Vec<u8>,
    /// Elements that the pickle states for the storage.
    pub elements: i32,
    pub offset: i32,
    pub shape: Vec<i32>,
    pub strides: Vec<i32>,
}

impl Stored {
    /// A contiguous f32 tensor.
    pub fn floats(name: &'static str, shape: &[i32], values: &[f32]) -> Self {
        let strides = (0..shape.len())
            .map(|i| shape[i + 1..].iter().product())
            .collect();
        Self {
            name,
            class: "FloatStorage",
            bytes: values.iter().flat_map(|v| v.to_le_bytes()).collect(),
            elements: values.len() as i32,
            offset: 0,
            shape: shape.to_vec(),
            strides,
        }
    }
}

fn text(value: &str) -> Vec<u8> {
    let mut out = vec![b'X'];
    out.extend((value.len() as u32).to_le_bytes());
    out.extend(value.as_bytes());
    out
}

fn int(value: i32) -> Vec<u8> {
    let mut out = vec![b'J'];
    out.extend(value.to_le_bytes());
    out
}

fn tuple(items: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut out = vec![b'('];
    out.extend(items.into_iter().flatten());
    out.push(b't');
    out
}

/// The pickle of a tensor.
fn tensor(tensor: &Stored, key: usize) -> Vec<u8> {
    let storage = [
        tuple([
            text("storage"),
            format!("ctorch\n{}\n", tensor.class).into_bytes(),
            text(&key.to_string()),
            text("cuda:0"),
            int(tensor.elements),
        ]),
        vec![b'Q'],
    ]
    .concat();
    let sizes = |sizes: &[i32]| tuple(sizes.iter().map(|&n| int(n)));
    [
        b"ctorch._utils\n_rebuild_tensor_v2\n".to_vec(),
        tuple([
            storage,
            int(tensor.offset),
            sizes(&tensor.shape),
            sizes(&tensor.strides),
            vec![0x89],
            b"ccollections\nOrderedDict\n)R".to_vec(),
        ]),
        vec![b'R'],
    ]
    .concat()
}

/// A dictionary's tail: `activation` TopK with this k, as pickled entries.
pub fn topk(k: i32, after: &str) -> Vec<u8> {
    let state = [
        b"}(".to_vec(),
        text("k"),
        int(k),
        text("postact_fn"),
        text(after),
        vec![b'u'],
    ]
    .concat();
    [
        text("activation"),
        text("TopK"),
        text("activation_state_dict"),
        state,
    ]
    .concat()
}

/// `activation` alone, as a pickled entry.
pub fn activation(name: &str) -> Vec<u8> {
    [text("activation"), text(name)].concat()
}

/// The entries of an archive that holds a state dictionary of these tensors and `rest`, pickled entries.
pub fn entries(tensors: &[Stored], rest: &[u8]) -> Vec<(String, Vec<u8>)> {
    // An OrderedDict with a `_metadata` attribute is what `Module.state_dict()` returns.
    let mut pickle = b"\x80\x02ccollections\nOrderedDict\n)R(".to_vec();
    for (key, stored) in tensors.iter().enumerate() {
        pickle.extend(text(stored.name));
        pickle.extend(tensor(stored, key));
    }
    pickle.extend(rest);
    pickle.extend(b"u}");
    pickle.extend(text("_metadata"));
    pickle.extend(b"ccollections\nOrderedDict\n)Rsb.");
    let mut out = vec![("archive/data.pkl".to_owned(), pickle)];
    for (key, stored) in tensors.iter().enumerate() {
        out.push((format!("archive/data/{key}"), stored.bytes.clone()));
    }
    out
}

/// A whole `.pt` file.
pub fn pt(tensors: &[Stored], rest: &[u8]) -> Vec<u8> {
    archive(&entries(tensors, rest))
}

/// An archive of named entries.
pub fn archive(entries: &[(String, Vec<u8>)]) -> Vec<u8> {
    zip(&entries
        .iter()
        .map(|(name, data)| (name.as_str(), data.clone()))
        .collect::<Vec<_>>())
}

/// An archive with only a pickle.
pub fn pickled(pickle: &[u8]) -> Vec<u8> {
    archive(&[("archive/data.pkl".to_owned(), pickle.to_vec())])
}

/// The four tensors of an autoencoder of 3 latents and 2 inputs.
pub fn small() -> Vec<Stored> {
    vec![
        Stored::floats("pre_bias", &[2], &[0.5, -0.5]),
        Stored::floats("latent_bias", &[3], &[1.0, 2.0, 3.0]),
        Stored::floats("encoder.weight", &[3, 2], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]),
        Stored::floats("decoder.weight", &[2, 3], &[1.0, 3.0, 5.0, 2.0, 4.0, 6.0]),
    ]
}
