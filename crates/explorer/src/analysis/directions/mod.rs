//! Description of all features of a set by weights alone: what they do to the logits, which others they resemble, and the
//! neurons and heads that can write them. Computed in batches of latents, whatever the corpus.

mod effects;
mod largest;
mod layout;
mod map;
mod products;
mod result;
mod target;

use std::ops::Range;

use atlas::record::{AlignedHead, AlignedNeuron, Elsewhere, Neighbour};
use gpt2::HookPoint;

use crate::analysis::feature;
use crate::analysis::question::Question;
use crate::error::Error;
use crate::features::set::{Decoder, NEIGHBOURS};
use crate::store::feature_set::LoadedSet;
use crate::store::model::LoadedModel;
use effects::Effects;
use largest::{largest, merge_largest};
use layout::NEAREST;
use products::{Row, Work, each_product, weight};
use target::{Target, space};

pub use result::{Directions, DirectionsOptions, SetDirections};

/// Neurons that are listed per latent.
const NEURONS: usize = 5;
/// Heads that are listed per latent.
const HEADS: usize = 3;

/// What weights say about all latents of `set`.
///
/// A latent's direction is its row of W_dec; a neuron's at `mlp.hook_post` or a head's dimension at `attn.hook_z` is what it
/// writes to the residual stream. Neurons and heads are compared with what the latent writes there.
///
/// # Errors
/// [`Error::UnknownSae`], [`Error::NoModel`], [`Error::UndefinedWeight`], [`Error::File`], [`Error::Cancelled`],
/// [`Error::Device`].
pub(crate) async fn directions(
    question: &Question<'_>,
    set: &str,
    options: &DirectionsOptions,
) -> Result<SetDirections, Error> {
    let model = question.model()?;
    let set = question.store.set(set)?;
    let mut others = question.store.chosen(options.others.as_deref())?;
    others.retain(|other| other.id != set.id);
    let own = Target::of_set(question, model, set).await?;
    let source = Source {
        question,
        model,
        set,
        own: own.as_ref(),
        count: set.info.n_latents,
        map: options.map,
    };
    let others = others.into_iter().filter(|other| source.compares(other));
    let others: Vec<&LoadedSet> = others.collect();
    let work = Work::new(&question.pace, source.work(&others));
    let mut latents = vec![Directions::default(); source.count];
    source.logits(&work, &mut latents).await?;
    let near = source.similar(&work, &mut latents).await?;
    for other in others {
        source.elsewhere(&work, other, &mut latents).await?;
    }
    source.neurons(&work, &mut latents).await?;
    source.heads(&work, &mut latents).await?;
    let map = source.map(&work, &near).await?;
    work.finish()?;
    Ok(SetDirections { latents, map })
}

/// The set whose latents are described.
struct Source<'a> {
    question: &'a Question<'a>,
    model: &'a LoadedModel,
    set: &'a LoadedSet,
    /// Its own directions; None where they stay in a file.
    own: Option<&'a Target>,
    count: usize,
    /// True if a map is made.
    map: bool,
}

impl Source<'_> {
    fn is_dimensions(&self) -> bool {
        matches!(self.set.features.decoder(), Decoder::Dimensions)
    }

    /// True for dimensions that a matrix takes to the residual stream.
    fn is_written_through(&self) -> bool {
        let through = matches!(self.set.hook, HookPoint::MlpPost(_) | HookPoint::Z(_));
        self.is_dimensions() && through
    }

    /// True for dimensions that are their own directions, and so at right angles to each other.
    fn is_basis(&self) -> bool {
        self.is_dimensions() && !self.is_written_through()
    }

    /// True where the features of another set have directions in the same space.
    fn compares(&self, other: &LoadedSet) -> bool {
        let has_target = !matches!(other.features.decoder(), Decoder::InFile);
        has_target && space(other) == space(self.set)
    }

    /// Directions of some latents, `[latents, width]`, in the space in which they are compared.
    async fn compared(&self, latents: Range<usize>) -> Result<Vec<f32>, Error> {
        let pace = &self.question.pace;
        match self.own {
            Some(own) if self.is_written_through() => {
                Ok(own.matrix.read_rows(pace.device(), latents).await?)
            }
            _ => self.set.features.decoder_rows(pace, latents).await,
        }
    }

    /// What one unit of some latents writes, `[latents, d_model]`: to the residual stream, or behind it.
    async fn written(&self, latents: Range<usize>) -> Result<Vec<f32>, Error> {
        let rows = self.compared(latents).await?;
        let (device, model) = (self.question.pace.device(), &self.model.model);
        let through = match self.set.hook {
            _ if self.is_dimensions() => return Ok(rows),
            HookPoint::Z(layer) => model.attn_out(layer)?,
            HookPoint::MlpPost(layer) => model.mlp_out(layer)?,
            _ => return Ok(rows),
        };
        products::multiply(device, through, &rows).await
    }

    /// Blocks whose MLP, or whose attention, comes before the hook; none behind the stream, where directions have another
    /// basis.
    fn layers(&self, writer: fn(usize) -> HookPoint) -> Range<usize> {
        let n_layers = self.model.info.n_layers;
        let hook = self.set.hook;
        if matches!(hook, HookPoint::LnFinalNormalized | HookPoint::LnFinalOut) {
            return 0..0;
        }
        let before = |layer: &usize| writer(*layer).order(n_layers) <= hook.order(n_layers);
        0..(0..n_layers).take_while(before).count()
    }

    /// Blocks whose neurons the latents are compared with: none where they are such neurons themselves.
    fn neuron_layers(&self) -> Range<usize> {
        match self.set.hook {
            HookPoint::MlpPost(_) if self.is_dimensions() => 0..0,
            _ => self.layers(HookPoint::MlpPost),
        }
    }

    /// Units of work in all.
    fn work(&self, others: &[&LoadedSet]) -> usize {
        let config = self.model.model.config();
        let similar = self.own.filter(|_| !self.is_basis());
        let per_latent = weight(config.vocab_size)
            + similar.map_or(0, |own| {
                weight(own.matrix.rows()) + if self.map { map::WEIGHT } else { 0 }
            })
            + others
                .iter()
                .map(|other| weight(other.info.n_latents))
                .sum::<usize>()
            + self.neuron_layers().len() * weight(config.n_inner)
            + self.layers(HookPoint::Z).len() * weight(config.n_embd);
        self.count.saturating_mul(per_latent)
    }

    /// Direct effects on the logits.
    async fn logits(&self, work: &Work<'_>, latents: &mut [Directions]) -> Result<(), Error> {
        let model = &self.model.model;
        let width = model.config().n_embd;
        let rows = async |range: Range<usize>| {
            let mut rows = self.written(range).await?;
            for row in rows.chunks_exact_mut(width) {
                let scaled =
                    feature::before_unembedding(row, self.set.hook, model.ln_final_weight());
                row.copy_from_slice(&scaled);
            }
            Ok(rows)
        };
        let mut effects = Effects::default();
        each_product(work, self.count, model.token_embedding(), rows, |row| {
            let effect = effects.of(row.products);
            place(latents, row.latent)?.logits = effect.map_err(|token| {
                self.undefined(row.latent, &format!("effect on the logit of token {token}"))
            })?;
            Ok(())
        })
        .await
    }

    /// The nearest in the set itself; returns more of them, per latent, for the map.
    async fn similar(
        &self,
        work: &Work<'_>,
        latents: &mut [Directions],
    ) -> Result<Vec<Vec<(u32, f32)>>, Error> {
        let mut near = Vec::new();
        let Some(own) = self.own.filter(|_| !self.is_basis()) else {
            return Ok(near);
        };
        let rows = async |range| self.compared(range).await;
        each_product(work, self.count, &own.matrix, rows, |row| {
            let cosines = self.cosines(own, row)?;
            let cosines = cosines.filter(|(latent, _)| *latent as usize != row.latent);
            let nearest = largest(cosines, NEAREST.max(NEIGHBOURS));
            let similar = nearest.iter().take(NEIGHBOURS);
            let similar = similar.map(|&(latent, cosine)| Neighbour { latent, cosine });
            place(latents, row.latent)?.similar = similar.collect();
            near.push(nearest);
            Ok(())
        })
        .await?;
        Ok(near)
    }

    /// The nearest in another set.
    async fn elsewhere(
        &self,
        work: &Work<'_>,
        other: &LoadedSet,
        latents: &mut [Directions],
    ) -> Result<(), Error> {
        let Some(target) = Target::of_set(self.question, self.model, other).await? else {
            return Ok(());
        };
        let rows = async |range| self.compared(range).await;
        each_product(work, self.count, &target.matrix, rows, |row| {
            let nearest = largest(self.cosines(&target, row)?, 1).into_iter();
            let nearest = nearest.map(|(latent, cosine)| Elsewhere {
                set: other.info.id.clone(),
                latent,
                cosine,
            });
            place(latents, row.latent)?.elsewhere.extend(nearest);
            Ok(())
        })
        .await
    }

    /// Neurons with near output directions.
    async fn neurons(&self, work: &Work<'_>, latents: &mut [Directions]) -> Result<(), Error> {
        let pace = &self.question.pace;
        for layer in self.neuron_layers() {
            let target = Target::of_inputs(pace, self.model.model.mlp_out(layer)?).await?;
            let rows = async |range| self.written(range).await;
            each_product(work, self.count, &target.matrix, rows, |row| {
                let nearest = largest(self.cosines(&target, row)?, NEURONS).into_iter();
                let nearest = nearest.map(|(neuron, cosine)| AlignedNeuron {
                    layer: layer as u16,
                    neuron,
                    cosine,
                });
                let listed = &mut place(latents, row.latent)?.neurons;
                merge_largest(listed, nearest, NEURONS, |neuron| neuron.cosine);
                Ok(())
            })
            .await?;
        }
        Ok(())
    }

    /// Heads that can write the direction: ‖W_O,head d‖² / ‖W_O,head‖²_F · d_model / ‖d‖².
    async fn heads(&self, work: &Work<'_>, latents: &mut [Directions]) -> Result<(), Error> {
        let pace = &self.question.pace;
        let config = self.model.model.config();
        let (width, head_dim) = (config.n_embd as f64, config.head_dim().max(1));
        for layer in self.layers(HookPoint::Z) {
            let target = Target::of_inputs(pace, self.model.model.attn_out(layer)?).await?;
            let totals: Vec<f64> = target.norms.chunks_exact(head_dim).map(squares).collect();
            let rows = async |range| self.written(range).await;
            each_product(work, self.count, &target.matrix, rows, |row| {
                self.check(row)?;
                let length = f64::from(row.norm).powi(2);
                let heads = row
                    .products
                    .chunks_exact(head_dim)
                    .zip(&totals)
                    .zip(0_u16..);
                let shares = heads.filter(|((_, total), _)| **total * length > 0.0);
                let shares = shares.map(|((products, total), head)| {
                    let share = squares(products) / total * width / length;
                    (u32::from(head), share as f32)
                });
                let heads = largest(shares, HEADS)
                    .into_iter()
                    .map(|(head, share)| AlignedHead {
                        layer: layer as u16,
                        head: head as u16,
                        share,
                    });
                let listed = &mut place(latents, row.latent)?.heads;
                merge_largest(listed, heads, HEADS, |head| head.share);
                Ok(())
            })
            .await?;
        }
        Ok(())
    }

    /// Places on a plane; `near` has the nearest of each latent.
    async fn map(
        &self,
        work: &Work<'_>,
        near: &[Vec<(u32, f32)>],
    ) -> Result<Option<Vec<[f32; 2]>>, Error> {
        if near.is_empty() || !self.map {
            return Ok(None);
        }
        let rows = async |range| self.compared(range).await;
        map::points(work, near, rows).await
    }

    /// Cosines of a latent's direction with the target's; directions that are 0 have none.
    fn cosines<'r>(
        &self,
        target: &'r Target,
        row: Row<'r>,
    ) -> Result<impl Iterator<Item = (u32, f32)> + 'r, Error> {
        self.check(row)?;
        let candidates = row.products.iter().zip(&target.norms).zip(0_u32..);
        let cosines = candidates.filter(move |((_, norm), _)| **norm * row.norm != 0.0);
        Ok(cosines.map(move |((product, norm), index)| (index, product / (norm * row.norm))))
    }

    fn check(&self, row: Row<'_>) -> Result<(), Error> {
        match row.products.iter().all(|product| product.is_finite()) {
            true => Ok(()),
            false => Err(self.undefined(row.latent, "comparison with other directions")),
        }
    }

    fn undefined(&self, latent: usize, what: &str) -> Error {
        Error::UndefinedWeight {
            what: format!("the {what} of latent {latent} of {}", self.set.info.id),
        }
    }
}

fn squares(values: &[f32]) -> f64 {
    values.iter().map(|value| f64::from(*value).powi(2)).sum()
}

fn place(latents: &mut [Directions], latent: usize) -> Result<&mut Directions, Error> {
    let count = latents.len();
    latents.get_mut(latent).ok_or(Error::NoSuchIndex {
        what: "the latent",
        index: latent,
        count,
    })
}
