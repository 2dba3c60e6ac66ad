//! Any bytes as the content of an atlas's binary files: those as they are, and packed with a right header.
#![no_main]

use std::io::Write as _;

use atlas::FeatureRecord;
use atlas::files::{Binary, VERSION, decode, encode};
use atlas::record::FeatureRow;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use libfuzzer_sys::fuzz_target;

fn read<T: Binary>(data: &[u8]) -> Option<T> {
    let _ = decode::<T>("file", data);
    let mut bytes = b"SAEATLAS".to_vec();
    bytes.extend(VERSION.to_le_bytes());
    bytes.extend(T::KIND.to_le_bytes());
    let mut packed = ZlibEncoder::new(bytes, Compression::fast());
    packed.write_all(data).expect("memory");
    decode("file", &packed.finish().expect("memory")).ok()
}

fuzz_target!(|data: &[u8]| {
    if let Some(records) = read::<Vec<FeatureRecord>>(data) {
        // Numbers that are not finite are not equal to themselves: the second writing has to be as the first.
        let once = encode(&records).expect("what was read can be written");
        let again: Vec<FeatureRecord> = decode("again", &once).expect("a sound file");
        let twice = encode(&again).expect("what was read can be written");
        assert_eq!(again.len(), records.len());
        assert_eq!(
            decode::<Vec<FeatureRecord>>("twice", &twice).map(|records| records.len()),
            Ok(records.len())
        );
    }
    let _ = read::<Vec<FeatureRow>>(data);
    let _ = read::<Vec<[f32; 2]>>(data);
    let _ = read::<Vec<Vec<(u32, u64)>>>(data);
    let _ = read::<Vec<Vec<u8>>>(data);
});
