//! An evaluation over a corpus as tables.

use wire::{CorpusEvaluation, CorpusEvaluations, Metrics, ResultTable};

/// A number with four decimals, or a dash; with its sign where requested.
fn or_dash(value: Option<f64>, sign: bool) -> String {
    match value {
        Some(value) if sign => format!("{value:+.4}"),
        Some(value) => format!("{value:.4}"),
        None => "–".to_owned(),
    }
}

/// The model, the texts and the device, as one line.
pub fn head(found: &CorpusEvaluations) -> String {
    let corpus = &found.corpus;
    let stopped = match found.stopped {
        true => "; not everything was evaluated",
        false => "",
    };
    format!(
        "{} on {} tokens of {} documents, in {} windows of at most {} tokens with a BOS ({}), on the {} ({}){stopped}",
        found.model,
        corpus.tokens,
        corpus.documents,
        corpus.windows,
        corpus.context,
        corpus.files.join(", "),
        found.backend.to_uppercase(),
        found.adapter,
    )
}

/// All numbers as tables, each with what they mean below it.
pub fn tables(found: &CorpusEvaluations) -> Vec<ResultTable> {
    let saes = &found.saes;
    let mut sections = vec![reconstruction(saes), density(saes)];
    sections.extend(recovery(saes));
    sections.extend(refinement(saes));
    sections.extend(probes(saes));
    sections.extend(sparse(saes));
    sections.extend(ablation(saes));
    sections
}

fn row<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).into()
}

fn name(sae: &CorpusEvaluation) -> String {
    sae.evaluation.info.id.clone()
}

fn reconstruction(saes: &[CorpusEvaluation]) -> ResultTable {
    let mut rows = vec![row([
        "autoencoder",
        "hook",
        "latents",
        "tokens",
        "FVU",
        "rel. error",
        "L0",
        "dead",
        "loss",
        "spliced",
        "ΔCE",
        "KL",
        "zeros",
        "CE recovered",
    ])];
    for sae in saes {
        let evaluation = &sae.evaluation;
        let metrics = &evaluation.metrics;
        let dead = sae
            .dead_share
            .map(|share| format!("{:.1} %", 100.0 * share));
        rows.push(vec![
            name(sae),
            evaluation.info.hook.clone(),
            evaluation.info.n_latents.to_string(),
            metrics.positions.to_string(),
            or_dash(metrics.fvu, false),
            or_dash(metrics.relative_error, false),
            or_dash(metrics.l0, false),
            dead.unwrap_or_else(|| "–".to_owned()),
            or_dash(evaluation.loss, false),
            or_dash(metrics.spliced_loss, false),
            or_dash(metrics.delta_ce, true),
            or_dash(metrics.kl, false),
            or_dash(sae.zero_loss, false),
            or_dash(sae.ce_recovered, false),
        ]);
    }
    let mut notes = vec![
        "tokens: positions that count, which is every one but a BOS and what the autoencoder's files exclude; all means are over them".to_owned(),
        "FVU: Σ‖x−x̂‖² / Σ‖x−x̄‖² in the space of training; rel. error: mean of ‖x−x̂‖²/‖x‖², raw space".to_owned(),
        "L0: mean number of non-zero latents per token; dead: share of latents active at none of the tokens".to_owned(),
        "loss, spliced, zeros: next-token cross-entropy in nats, of the model, with x̂ and with zeros in x's place; ΔCE: spliced − loss; KL(clean ‖ spliced) in nats".to_owned(),
        "CE recovered: (zeros − spliced) / (zeros − loss)".to_owned(),
    ];
    notes.extend(saes.iter().flat_map(|sae| sae.evaluation.cautions.clone()));
    ResultTable {
        title: "Reconstruction".to_owned(),
        rows,
        left: 2,
        notes,
    }
}

fn density(saes: &[CorpusEvaluation]) -> ResultTable {
    let mut rows = vec![vec!["log₁₀ density".to_owned()]];
    rows[0].extend(saes.iter().map(name));
    let dead = saes.iter().map(|sae| sae.dead.to_string());
    rows.push(std::iter::once("never".to_owned()).chain(dead).collect());
    // The bins of all have the same width; what fewer tokens can show has fewer of them.
    let longest = saes.iter().map(|sae| &sae.density.edges);
    let longest = longest.max_by_key(|edges| edges.len());
    for (bin, bounds) in longest
        .map_or(&[][..], Vec::as_slice)
        .windows(2)
        .enumerate()
    {
        let mut cells = vec![format!("{:.2} to {:.2}", bounds[0], bounds[1])];
        let bins = longest.map_or(0, |edges| edges.len() - 1);
        for sae in saes {
            let missing = bins - sae.density.counts.len();
            let count = bin
                .checked_sub(missing)
                .and_then(|bin| sae.density.counts.get(bin));
            cells.push(count.map_or_else(|| "–".to_owned(), u64::to_string));
        }
        rows.push(cells);
    }
    ResultTable {
        title: "Density".to_owned(),
        rows,
        left: 1,
        notes: vec![
            "number of latents by the share of the tokens at which they are not zero".to_owned(),
        ],
    }
}

fn recovery(saes: &[CorpusEvaluation]) -> Option<ResultTable> {
    let mut rows = vec![row([
        "autoencoder",
        "latents",
        "L0",
        "FVU",
        "rel. error",
        "spliced",
        "ΔCE",
        "KL",
    ])];
    let mut notes = vec![
        "k' = N: the N largest latents of each token instead of k, with the same weights".to_owned(),
        "JumpReLU: all pre-activations above one threshold, which is chosen on these tokens so that L0 is the same".to_owned(),
    ];
    let mut add = |sae: &CorpusEvaluation, latents: String, metrics: &Metrics| {
        rows.push(vec![
            name(sae),
            latents,
            or_dash(metrics.l0, false),
            or_dash(metrics.fvu, false),
            or_dash(metrics.relative_error, false),
            or_dash(metrics.spliced_loss, false),
            or_dash(metrics.delta_ce, true),
            or_dash(metrics.kl, false),
        ]);
    };
    let with = saes
        .iter()
        .filter_map(|sae| Some((sae, sae.recovery.as_ref()?)));
    for (sae, recovery) in with.clone() {
        for point in &recovery.progressive {
            let trained = if sae.evaluation.info.k == Some(point.k) {
                " (trained)"
            } else {
                ""
            };
            add(sae, format!("k' = {}{trained}", point.k), &point.metrics);
        }
        if let Some(jump) = &recovery.jump_relu {
            let latents = format!("JumpReLU, θ = {:.5}", jump.threshold);
            add(sae, latents, &jump.metrics);
        }
        let of_sae = recovery
            .notes
            .iter()
            .map(|note| format!("{}: {note}", name(sae)));
        notes.extend(of_sae);
    }
    with.clone().next().map(|_| ResultTable {
        title: "Other latents than in training".to_owned(),
        rows,
        left: 2,
        notes,
    })
}

fn refinement(saes: &[CorpusEvaluation]) -> Option<ResultTable> {
    let mut rows = vec![row(["autoencoder", "tokens", "FVU", "refined FVU"])];
    for sae in saes {
        if let Some(refined) = sae
            .recovery
            .as_ref()
            .and_then(|recovery| recovery.refinement)
        {
            rows.push(vec![
                name(sae),
                refined.tokens.to_string(),
                or_dash(refined.before, false),
                or_dash(refined.after, false),
            ]);
        }
    }
    (rows.len() > 1).then(|| ResultTable {
        title: "Refinement".to_owned(),
        rows,
        left: 1,
        notes: vec!["FVU of evenly spread tokens with the encoder's magnitudes, and with those ≥ 0 of the same latents that minimise each token's error".to_owned()],
    })
}

/// The names of all tasks, in their order.
fn task_names(saes: &[CorpusEvaluation]) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    let probes = saes.iter().filter_map(|sae| sae.probes.as_ref());
    for task in probes.flat_map(|probes| &probes.tasks) {
        if !names.contains(&task.name.as_str()) {
            names.push(&task.name);
        }
    }
    names
}

fn probes(saes: &[CorpusEvaluation]) -> Option<ResultTable> {
    let names = task_names(saes);
    let with = || {
        saes.iter()
            .filter_map(|sae| Some((sae, sae.probes.as_ref()?)))
    };
    let (_, first) = with().next()?;
    let mut rows = vec![row(["task", "true of", "samples"])];
    rows[0].extend(with().map(|(sae, _)| name(sae)));
    let mut notes = vec![
        "loss in nats of the best latent's probe σ(w·h + b) on its pre-activation h, with the latent; samples are balanced, so that ln 2 = 0.693 is chance".to_owned(),
        format!("true of: share of {} evenly spread tokens (seed {})", first.tokens, first.seed),
    ];
    for task_name in names {
        let find = |probes: &wire::Probes| {
            probes
                .tasks
                .iter()
                .find(|task| task.name == task_name)
                .cloned()
        };
        let Some(task) = with().find_map(|(_, probes)| find(probes)) else {
            continue;
        };
        let mut cells = vec![
            task_name.to_owned(),
            format!("{:.1} %", 100.0 * task.base_rate),
            task.samples.to_string(),
        ];
        cells.extend(with().map(|(_, probes)| match find(probes) {
            Some(task) => format!("{:.4} ({})", task.loss, task.latent),
            None => "–".to_owned(),
        }));
        rows.push(cells);
        notes.push(format!("{task_name}: {}", task.definition));
    }
    let mut mean = row(["mean", "", ""]);
    mean.extend(with().map(|(_, probes)| or_dash(probes.loss, false)));
    rows.push(mean);
    if !first.left_out.is_empty() {
        notes.push(format!(
            "too few tokens of one kind: {}",
            first.left_out.join(", ")
        ));
    }
    Some(ResultTable {
        title: "Probe loss".to_owned(),
        rows,
        left: 1,
        notes,
    })
}

fn sparse(saes: &[CorpusEvaluation]) -> Option<ResultTable> {
    let mut rows = vec![row(["task", "autoencoder", "guess"])];
    let tasks = saes.iter().filter_map(|sae| sae.probes.as_ref());
    let widest = tasks
        .flat_map(|probes| &probes.tasks)
        .max_by_key(|task| task.sparse.len())?;
    for probe in &widest.sparse {
        rows[0].extend([format!("k = {}", probe.k), "F1".to_owned()]);
    }
    for task_name in task_names(saes) {
        for sae in saes {
            let tasks = sae.probes.iter().flat_map(|probes| &probes.tasks);
            for task in tasks.filter(|task| task.name == task_name && !task.sparse.is_empty()) {
                let guess = task.guess.map(|guess| format!("{guess:.3}"));
                let mut cells = vec![task_name.to_owned(), name(sae)];
                cells.push(guess.unwrap_or_else(|| "–".to_owned()));
                for probe in &task.sparse {
                    cells.extend([format!("{:.3}", probe.accuracy), format!("{:.3}", probe.f1)]);
                }
                rows.push(cells);
            }
        }
    }
    (rows.len() > 1).then(|| ResultTable {
        title: "Sparse probing".to_owned(),
        rows,
        left: 2,
        notes: vec!["accuracy and F1 on held-out windows of a logistic regression on the activations of the k latents whose mean differs most; guess: accuracy of always naming the more frequent label".to_owned()],
    })
}

fn ablation(saes: &[CorpusEvaluation]) -> Option<ResultTable> {
    let mut rows = vec![row([
        "autoencoder",
        "ablations",
        "without effect",
        "sparsity",
        "standard error",
    ])];
    let with = || {
        saes.iter()
            .filter_map(|sae| Some((sae, sae.ablation.as_ref()?)))
    };
    let (_, first) = with().next()?;
    for (sae, found) in with() {
        rows.push(vec![
            name(sae),
            found.ablations.to_string(),
            found.without_effect.to_string(),
            or_dash(found.mean, false),
            or_dash(found.standard_error, false),
        ]);
    }
    Some(ResultTable {
        title: "Ablation sparsity".to_owned(),
        rows,
        left: 1,
        notes: vec![format!(
            "mean of (‖Δ‖₁/‖Δ‖₂)² / (V·T), Δ the change of the logits where one active latent is zeroed at one token, each token's median taken off, over T = {} tokens from there on and V = {} entries; positions and latents chosen at random (seed {})",
            first.tokens, first.vocabulary, first.seed,
        )],
    })
}
