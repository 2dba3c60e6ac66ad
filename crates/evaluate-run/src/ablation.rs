//! Sparsity of what ablating single latents changes in the logits of the following tokens.

use evaluation::random::Random;
use evaluation::sparsity::of_effects;
use explorer::{Bos, Edit, EvaluatedWindow, Positions, Session, Span, TraceOptions};
use wire::AblationSparsity;

use crate::context::Context;
use crate::error::Error;
use crate::host::Host;
use crate::settings::Settings;
use crate::texts::Window;

/// T: positions whose logits are compared, as in the paper.
const TOKENS: usize = 16;
/// Number of this use of random numbers.
const PURPOSE: u64 = 2;

/// An ablation to make.
struct Pick {
    /// Tokens up to the last one that is compared.
    tokens: Vec<u32>,
    position: usize,
    latent: u32,
}

/// Ablations to make: positions with T tokens from there on, all equally likely, and of each one of its active latents.
pub struct Picks {
    /// Window and token of each position, in their order.
    places: Vec<(usize, usize)>,
    random: Random,
    seed: u64,
    picks: Vec<Pick>,
}

impl Picks {
    /// Chooses the positions.
    pub fn new(settings: &Settings, windows: &[Window]) -> Self {
        let mut random = Random::new(settings.seed, PURPOSE);
        let mut places = Vec::new();
        if settings.ablation {
            for (number, window) in windows.iter().enumerate() {
                let last = (window.tokens.len() + 1).saturating_sub(TOKENS);
                places.extend((0..last).map(|token| (number, token)));
            }
            let all: Vec<usize> = (0..places.len()).collect();
            let chosen = random.choose(&all, settings.ablations);
            places = chosen.into_iter().map(|place| places[place]).collect();
        }
        Self {
            places,
            random,
            seed: settings.seed,
            picks: Vec::new(),
        }
    }

    /// Chooses a latent at each of the positions in a window.
    pub fn look(&mut self, found: &EvaluatedWindow<'_>) {
        let first = self
            .places
            .partition_point(|(window, _)| *window < found.window);
        let here = self.places[first..].iter();
        for (_, token) in here.take_while(|(window, _)| *window == found.window) {
            let position = token + found.bos;
            if !found.counted.get(position).copied().unwrap_or(false) {
                continue;
            }
            let active: Vec<(u32, f32)> = found.active(position).collect();
            if let Some((latent, _)) = active.get(self.random.below(active.len())) {
                self.picks.push(Pick {
                    tokens: found.tokens[..position + TOKENS].to_vec(),
                    position,
                    latent: *latent,
                });
            }
        }
    }
}

/// Makes the ablations, the error term kept; those that were made where it is stopped. None where none was.
///
/// # Errors
/// Those of the engine.
pub async fn measure(
    session: &Session,
    context: &Context<'_, impl Host>,
    id: &str,
    picks: &Picks,
) -> Result<Option<AblationSparsity>, Error> {
    let options = TraceOptions {
        top_logits: 1,
        bos: Bos::Auto,
        dump: true,
        ..TraceOptions::default()
    };
    let (mut found, mut without_effect, mut vocabulary) = (Vec::new(), 0, 0);
    context.host.begin();
    let what = format!("{id}, ablations");
    for (number, pick) in picks.picks.iter().enumerate() {
        if context.host.is_stopped() {
            break;
        }
        let edit = Edit {
            positions: Some(Positions(vec![Span::one(pick.position as u32)])),
            ..Edit::set(id, pick.latent, 0.0)
        };
        // The clean run goes through the same plan, so that the rounding of its sums is the same.
        let lists = [Vec::new(), vec![edit]];
        let runs = session.edit_batch(&pick.tokens, &lists, &options).await?;
        let logits: Vec<_> = runs.into_iter().filter_map(|run| run.logits).collect();
        let [clean, ablated] = &logits[..] else {
            continue;
        };
        vocabulary = clean.cols;
        let first = pick.position * vocabulary;
        let differences = ablated.data[first..].iter().zip(&clean.data[first..]);
        let differences: Vec<f32> = differences
            .map(|(ablated, clean)| ablated - clean)
            .collect();
        match of_effects(&differences, vocabulary) {
            Some(sparsity) => found.push(sparsity),
            None => without_effect += 1,
        }
        let all = picks.picks.len();
        context.host.part(&what, number + 1, all, "ablations");
        context.host.turn().await;
    }
    context.host.end();
    let count = found.len() as f64;
    let mean = (!found.is_empty()).then(|| found.iter().sum::<f64>() / count);
    let deviation = mean.filter(|_| found.len() > 1).map(|mean| {
        let squares: f64 = found.iter().map(|value| (value - mean).powi(2)).sum();
        (squares / (count - 1.0) / count).sqrt()
    });
    Ok(
        (found.len() + without_effect > 0).then_some(AblationSparsity {
            ablations: found.len(),
            without_effect,
            tokens: TOKENS,
            vocabulary,
            seed: picks.seed,
            mean,
            standard_error: deviation,
        }),
    )
}
