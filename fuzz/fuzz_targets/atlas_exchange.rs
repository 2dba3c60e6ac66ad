//! Any bytes as a file of another tool: what was read is written again, and comes back identical.
#![no_main]

use atlas::{Content, FeatureRecord};
use atlas_exchange::{Format, Importer, openai_viewer, sae_dashboard};
use libfuzzer_sys::fuzz_target;

fn import(format: Format, vocabulary: Option<Vec<Vec<u8>>>, bytes: &[u8]) -> Option<Content> {
    let mut importer = Importer::new(format, vocabulary);
    importer.add("3.json", "set", bytes).ok()?;
    importer.finish().ok()
}

fuzz_target!(|data: &[u8]| {
    let _ = Format::detect("3.json", data);
    for format in [Format::SaeDashboard, Format::OpenaiViewer] {
        let Some(content) = import(format, None, data) else {
            continue;
        };
        let (info, vocabulary) = (
            &content.info,
            content.vocabulary.clone().expect("an import has texts"),
        );
        for (set, records) in info.sets.iter().zip(&content.records) {
            assert_eq!(records.len(), set.n_latents as usize);
            let known: Vec<&FeatureRecord> = records
                .iter()
                .filter(|record| info.has(&set.id, record.latent))
                .take(4)
                .collect();
            match format {
                Format::SaeDashboard => {
                    let bytes = sae_dashboard::export(info, set, &known, &vocabulary)
                        .expect("what was read can be written");
                    let again =
                        import(format, Some(vocabulary.clone()), &bytes).expect("a sound file");
                    for record in known {
                        let again = &again.records[0][record.latent as usize];
                        assert_eq!(
                            (&again.top, again.moments.density),
                            (&record.top, record.moments.density)
                        );
                    }
                }
                Format::OpenaiViewer => {
                    for record in known {
                        let bytes = openai_viewer::export(info, set, record, &vocabulary)
                            .expect("what was read can be written");
                        let again =
                            import(format, Some(vocabulary.clone()), &bytes).expect("a sound file");
                        let again = &again.records[0][3];
                        assert_eq!((&again.top, &again.random), (&record.top, &record.random));
                    }
                }
            }
        }
    }
});
