//! Runs with features edited, the error term kept.

use std::ops::Range;

use gpt2::{HookPoint, Sequence};
use wire::{Edit, Edited, Matrix};

use crate::analysis::compared::check_tokens;
use crate::analysis::edit_table::{
    Conditions, Resolved, Taken, capacity, condition_capacity, operation, resolve, runs,
};

use crate::analysis::metrics::{self, counted_mean};
use crate::analysis::question::{Question, Source};
use crate::analysis::trace::TraceOptions;
use crate::error::Error;
use crate::features::set::Prepared;
use crate::run::clean::{CleanPass, CleanWanted};
use crate::run::compile::Parts;
use crate::run::executor::Submitted;
use crate::run::input::RunInput;
use crate::run::spec::{HeadRows, HeadSpec, RunSpec, SetAt, Tap};
use crate::store::feature_set::{LoadedSet, SetId};
use crate::tokens::{Input, Prompt};

/// Runs a prompt once per list of edits, as many lists at once as make a batch of rows: x ← x + decode(z_edited) − decode(z)
/// at each edited hook point. All start from the prompt's clean pass, at the first hook point that any list edits. Where
/// nothing changes, the result of a single list is exactly the clean run's, and so is that of every list on the CPU device. On
/// a GPU a list among others differs from the clean run by the rounding of its sums, whose order depends on where in the batch
/// the list lies.
///
/// # Errors
/// As [`crate::Session::trace`]; [`Error::BadOption`] for a latent or position that is not there, a value that is not finite,
/// and edits of one latent at one position twice; [`Error::Unsupported`] for a streamed set behind another edited hook point.
pub(crate) async fn edit_batch(
    question: &Question<'_>,
    input: Input<'_>,
    lists: &[Vec<Edit>],
    options: &TraceOptions,
) -> Result<Vec<Edited>, Error> {
    check_tokens(question, options.track.iter().map(|id| ("track", *id)))?;
    let prompt = question.prompt(input, options.bos)?;
    let prompts = std::slice::from_ref(&prompt);
    let checked = lists
        .iter()
        .map(|edits| Checked::new(question, &prompt, edits))
        .collect::<Result<Vec<_>, _>>()?;
    let pass = question
        .clean(
            prompts,
            CleanWanted {
                top: options.top_logits,
                logits: false,
            },
        )
        .await?;
    pass.head().await?;
    let sets = SetsInUse::prepare(question, &checked, &pass).await?;
    let wanted = Wanted {
        top: options.top_logits,
        dump: options.dump,
        last: !options.track.is_empty(),
    };
    let at_once = (question.batch_rows() / prompt.ids.len()).max(1);
    let mut edited = Vec::new();
    for batch in checked.chunks(at_once) {
        question.pace.step().await?;
        question.pace.report(edited.len(), lists.len());
        let submitted = submit(question, &prompt, &pass, &sets, batch, wanted).await?;
        edited.extend(results(question, &prompt, submitted, batch, options).await?);
    }
    question.pace.report(edited.len(), lists.len());
    question.pace.check()?;
    Ok(edited)
}

/// Results to make of a batch of lists.
#[derive(Debug, Clone, Copy)]
struct Wanted {
    /// Number of likeliest next tokens per row.
    top: usize,
    /// True if all logits, and the activation at the first edited hook point, are read back.
    dump: bool,
    /// True if the logits after each list's last token are read back.
    last: bool,
}

/// A list of edits that fits the prompt.
struct Checked<'a> {
    edits: Vec<(Resolved<'a>, Vec<Range<u32>>)>,
    /// `[tokens]`: positions that count for all edited sets.
    counted: Vec<bool>,
}

impl<'a> Checked<'a> {
    /// # Errors
    /// As [`edit_batch`].
    fn new(question: &'a Question<'_>, prompt: &Prompt, edits: &'a [Edit]) -> Result<Self, Error> {
        let vocabulary = &question.model()?.vocabulary;
        let mut all = vec![true; prompt.ids.len()];
        let mut taken = Taken::default();
        let mut checked = Vec::new();
        for edit in resolve(question, edits)? {
            let counted = edit.set.counted(vocabulary, prompt);
            for (all, counted) in all.iter_mut().zip(&counted) {
                *all &= *counted;
            }
            let chosen = edit.chosen(&counted, "the prompt")?;
            taken.take(&edit, &chosen)?;
            checked.push((edit, runs(&chosen)));
        }
        Ok(Self {
            edits: checked,
            counted: all,
        })
    }
}

/// The edited sets and those of conditions with their coders, in the order of the pass.
struct SetsInUse<'a> {
    sets: Vec<(&'a LoadedSet, Prepared<'a>)>,
    /// The first hook point that is edited or decides about an edit.
    first: HookPoint,
}

impl<'a> SetsInUse<'a> {
    /// # Errors
    /// [`Error::Unsupported`], [`Error::File`], [`Error::Cancelled`], [`Error::Device`].
    async fn prepare(
        question: &'a Question<'_>,
        lists: &[Checked<'a>],
        pass: &CleanPass,
    ) -> Result<Self, Error> {
        let mut used: Vec<(&LoadedSet, Vec<u32>)> = Vec::new();
        let edits = lists.iter().flat_map(|list| &list.edits);
        let named = edits.flat_map(|(Resolved { edit, set, when }, _)| {
            let when = when.map(|when| (when.set, when.latent));
            std::iter::once((*set, edit.latent)).chain(when)
        });
        for (set, latent) in named {
            match used.iter_mut().find(|(other, _)| other.id == set.id) {
                Some((_, latents)) => latents.push(latent),
                None => used.push((set, vec![latent])),
            }
        }
        let n_layers = question.model()?.info.n_layers;
        used.sort_by_key(|(set, _)| set.hook.order(n_layers));
        let first = used
            .first()
            .map_or(HookPoint::LnFinalOut, |(set, _)| set.hook);
        let mut sets = Vec::new();
        for (set, latents) in used {
            if set.features.resident().is_none() && set.hook != first {
                return Err(Error::Unsupported {
                    what: format!(
                        "editing {}, which stays in its file, behind an edit at {first}: which latents it selects there is not known before; edit them one after the other. This",
                        set.info.id
                    ),
                });
            }
            let source = Source::Pass(pass);
            let prepared = question.prepared(set, source, latents).await?;
            sets.push((set, prepared));
        }
        Ok(Self { sets, first })
    }

    fn of(&self, id: SetId) -> Result<&Prepared<'a>, Error> {
        let found = self.sets.iter().find(|(set, _)| set.id == id);
        found
            .map(|(_, prepared)| prepared)
            .ok_or(Error::NoSuchIndex {
                what: "the coder of feature set",
                index: id.0 as usize,
                count: self.sets.len(),
            })
    }
}

/// Starts the runs of a batch of lists.
///
/// # Errors
/// [`Error::Cancelled`], [`Error::Device`].
async fn submit(
    question: &Question<'_>,
    prompt: &Prompt,
    pass: &CleanPass,
    sets: &SetsInUse<'_>,
    lists: &[Checked<'_>],
    wanted: Wanted,
) -> Result<Submitted, Error> {
    let model = question.model()?;
    let mut conditions = Conditions::default();
    let mut table = Vec::new();
    for (sequence, list) in (0..).zip(lists) {
        for (Resolved { edit, set, when }, runs) in &list.edits {
            let latent = sets.of(set.id)?.index_of(edit.latent)?;
            let condition = match when {
                None => None,
                Some(when) => {
                    let latent = sets.of(when.set.id)?.index_of(when.latent)?;
                    Some(conditions.number(when, latent))
                }
            };
            table.extend(runs.iter().map(|positions| kernels::Edit {
                set: set.id.0,
                sequence: Some(sequence),
                positions: positions.clone(),
                latent,
                operation: operation(edit.operation),
                condition,
            }));
        }
    }
    let edited = |set: &LoadedSet| {
        let mut edits = lists.iter().flat_map(|list| &list.edits);
        edits.any(|(edit, _)| edit.set.id == set.id)
    };
    let decides = |set: &LoadedSet| conditions.rows().iter().any(|row| row.set == set.id.0);
    let used = |test: &dyn Fn(&LoadedSet) -> bool| {
        let used = sets.sets.iter().filter(|(set, _)| test(set));
        used.map(|(set, _)| SetAt::of(set)).collect()
    };
    let spec = RunSpec {
        taps: match wanted.dump {
            true => vec![Tap::Leaving(sets.first)],
            false => Vec::new(),
        },
        edits: used(&edited),
        edit_capacity: capacity(table.len()),
        conditions: used(&decides),
        condition_capacity: condition_capacity(conditions.rows().len()),
        head: Some(HeadSpec {
            rows: HeadRows::All,
            top: wanted.top.min(model.info.vocab),
            compare: true,
            keep: false,
            read: wanted.dump,
            shown: match wanted.last {
                true => lists.len(),
                false => 0,
            },
        }),
        ..RunSpec::from_hook(sets.first, model.info.n_layers, true)
    };
    let coders: Vec<_> = sets
        .sets
        .iter()
        .map(|(set, prepared)| (set.id, prepared.coder()))
        .collect();
    let parts = Parts {
        model,
        coders: &coders,
        base: Some(&pass.run),
        cache: None,
    };
    let keep = sets.sets.iter().all(|(_, prepared)| prepared.is_resident());
    let sequence = Sequence {
        source_first: Some(0),
        ..Sequence::new(&prompt.ids)
    };
    let last = (1..=lists.len()).map(|list| list * prompt.ids.len() - 1);
    let input = RunInput {
        sequences: &vec![sequence; lists.len()],
        edits: &table,
        conditions: conditions.rows(),
        shown: &last.collect::<Vec<_>>(),
        ..RunInput::default()
    };
    question.start(&spec, &parts, keep, &input).await
}

async fn results(
    question: &Question<'_>,
    prompt: &Prompt,
    submitted: Submitted,
    lists: &[Checked<'_>],
    options: &TraceOptions,
) -> Result<Vec<Edited>, Error> {
    let model = question.model()?;
    let output = submitted.output(|set| question.name(set)).await?;
    let head = output.head()?;
    let activation = match options.dump {
        true => Some(output.matrix(0)?),
        false => None,
    };
    let tokens = prompt.ids.len();
    let mut edited = Vec::new();
    for (index, list) in lists.iter().enumerate() {
        let rows = index * tokens..(index + 1) * tokens;
        let token_losses = head.token_losses(rows.clone())?;
        let top = options.top_logits.min(model.info.vocab);
        let next_by_position = head.next_tokens(rows.clone(), top, &model.vocabulary)?;
        let kl_by_position = head.divergences(rows.clone())?;
        let tracked = options.track.iter().map(|id| {
            let log_sum = head.log_sum_exp(rows.end - 1, tokens - 1)?;
            let logit = crate::error::index(head.shown(index)?, "the logit of token", *id)?;
            Ok(model.vocabulary.next_token(*id, logit, log_sum))
        });
        let tracked = tracked.collect::<Result<_, Error>>()?;
        edited.push(Edited {
            loss: metrics::mean(&token_losses),
            token_losses,
            next: next_by_position.last().cloned().unwrap_or_default(),
            next_by_position,
            kl: counted_mean(&kl_by_position, &list.counted),
            kl_by_position,
            tracked,
            logits: options.dump.then(|| Matrix {
                rows: tokens,
                cols: model.info.vocab,
                data: head.logits(rows.clone()).to_vec(),
            }),
            activation: activation.as_ref().map(|all| all.of_rows(rows)),
        });
    }
    Ok(edited)
}
