// Runs in the page: reads the reference fixtures and measures how far the engine's answers are from them.

/** Parses a safetensors file with F32 and I32 tensors: name → {shape, data}. */
export function parseSafetensors(buffer) {
  const length = Number(new DataView(buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
  delete header.__metadata__;
  const read = ({ dtype, shape, data_offsets: [from, to] }) => {
    const kinds = { F32: Float32Array, I32: Int32Array };
    return { shape, data: new kinds[dtype](buffer.slice(8 + length + from, 8 + length + to)) };
  };
  return Object.fromEntries(Object.entries(header).map(([name, tensor]) => [name, read(tensor)]));
}

/** A fixture: its JSON, with the tensors as `tensors`. */
export async function fixture(name) {
  const get = async (ending) => {
    const response = await fetch(new URL(`fixtures/${name}.${ending}`, document.baseURI));
    if (!response.ok) throw new Error(`fixture ${name}.${ending}: ${response.status}`);
    return response;
  };
  const tensors = parseSafetensors(await (await get('safetensors')).arrayBuffer());
  return { ...(await (await get('json')).json()), tensors };
}

const sum = (array, of) => array.reduce((total, value, at) => total + of(value, at), 0);

// Every comparison below gives a number that no limit allows (NaN) where the two are not comparable: where one of them has
// a value that is not a number, where the lengths differ, and where there is nothing to compare.

/** RMS of the difference over RMS of the reference. */
export function relativeRms(got, want) {
  if (got.length !== want.length) return NaN;
  return Math.sqrt(sum(want, (value, at) => (got[at] - value) ** 2) / sum(want, (value) => value ** 2));
}

/** Largest absolute difference. */
export function maxAbs(got, want) {
  if (got.length !== want.length || want.length === 0) return NaN;
  let largest = 0;
  // Math.max of anything and NaN is NaN.
  for (let at = 0; at < want.length; at += 1) largest = Math.max(largest, Math.abs(got[at] - want[at]));
  return largest;
}

// An activation this close to the reference agrees with it, however small both are: it is the bound within which two
// candidates count as tied, and a ReLU latent barely above its threshold is a small difference of large sums.
const TIE = 1e-4;

/**
 * Compares two rankings, row by row. A place that holds another latent counts as an exchange; `widest` is the largest
 * difference of the two activations there, which for a tie broken otherwise is tiny.
 * @param {{k: number, latents: ArrayLike<number>, activations: ArrayLike<number>}} got
 * @param {{rows: number, length(row: number): number, id(row: number, place: number): number, value(row: number, place: number): number}} want
 */
export function compareLatents(got, want) {
  const worst = { exchanged: 0, widest: 0, activation: 0 };
  const whole = want.rows > 0 && got.latents.length === want.rows * got.k && got.activations.length === got.latents.length;
  if (!whole) return { exchanged: NaN, widest: NaN, activation: NaN };
  for (let row = 0; row < want.rows; row += 1) {
    for (let place = 0; place < Math.max(got.k, want.length(row)); place += 1) {
      const [id, value] = place < got.k ? [got.latents[row * got.k + place], got.activations[row * got.k + place]] : [-1, 0];
      const inRow = place < want.length(row);
      const reference = inRow ? want.value(row, place) : 0;
      // A latent that is not active has no id here, while the reference lists it with the value 0.
      const referenceId = inRow && reference > 0 ? want.id(row, place) : -1;
      const difference = Math.abs(value - reference);
      if (id !== referenceId) {
        worst.exchanged += 1;
        worst.widest = Math.max(worst.widest, difference);
      } else if (!(difference <= TIE)) {
        worst.activation = Math.max(worst.activation, difference / reference);
      }
    }
  }
  return worst;
}

function referenceRanking(tensors, name) {
  if (`${name}.offsets` in tensors) {
    const [offsets, ids, values] = ['offsets', 'ids', 'values'].map((part) => tensors[`${name}.${part}`].data);
    return {
      rows: offsets.length - 1,
      length: (row) => offsets[row + 1] - offsets[row],
      id: (row, place) => ids[offsets[row] + place],
      value: (row, place) => values[offsets[row] + place],
    };
  }
  const { shape, data } = tensors[`${name}.topk_ids`];
  const values = tensors[`${name}.topk_values`].data;
  const at = (row, place) => row * shape[1] + place;
  return { rows: shape[0], length: () => shape[1], id: (row, place) => data[at(row, place)], value: (row, place) => values[at(row, place)] };
}

const mean = (array) => sum(array, (value) => value) / array.length;

/**
 * Fraction of variance unexplained over the rows from the second one on (the first is the BOS), in f64. With `normalised`
 * in the space of an SAE whose input is normalised row by row, as OpenAI's are.
 */
export function fvuOf({ shape: [rows, width], data: x }, { data: reconstruction }, normalised) {
  if (reconstruction.length !== x.length || x.length !== rows * width || rows < 2) return NaN;
  const inputs = [];
  let unexplained = 0;
  for (let row = 1; row < rows; row += 1) {
    const of = (data) => Array.from(data.subarray(row * width, (row + 1) * width));
    const raw = of(x);
    const middle = normalised ? mean(raw) : 0;
    const scale = normalised ? Math.sqrt(mean(raw.map((value) => (value - middle) ** 2))) : 1;
    const input = raw.map((value) => (value - middle) / scale);
    inputs.push(input);
    unexplained += sum(of(reconstruction), (value, at) => ((value - middle) / scale - input[at]) ** 2);
  }
  const centre = Array.from({ length: width }, (_, at) => mean(inputs.map((input) => input[at])));
  return unexplained / sum(inputs, (input) => sum(input, (value, at) => (value - centre[at]) ** 2));
}

// An SAE's metrics against the reference: each is the difference. The BOS in the first row counts in none of them.
function compareMetrics(metrics, name, want) {
  const { kind, layer, L0_per_token: l0, nmse_per_token_raw: errors, ce_spliced_positions_ge_1: spliced } = want.saes[name];
  const fvu = fvuOf(want.tensors[`resid_post.${layer}`], want.tensors[`${name}.recon`], kind === 'topk');
  return {
    l0: Math.abs(metrics.l0 - mean(l0.slice(1))),
    fvu: Math.abs(metrics.fvu / fvu - 1),
    relativeError: Math.abs(metrics.relativeError - mean(errors.slice(1))),
    splicedLoss: Math.abs(metrics.splicedLoss - spliced),
    deltaCe: Math.abs(metrics.deltaCe - (spliced - want.ce_loss)),
  };
}

/**
 * Every number of a fixture against the engine's.
 * @param saes id of the loaded SAE → its name in the fixtures
 * @param every whether to read back every layer's residual stream and every reconstruction, or one of each
 */
export async function compare(explorer, name, saes, every) {
  const want = await fixture(name);
  const bos = 'yes';
  const trace = await explorer.trace(want.text, { bos, saes: Object.keys(saes) });
  const logits = await explorer.logits(want.text, { bos });
  const residuals = [];
  for (let layer = every ? 0 : 5; `resid_post.${layer}` in want.tensors; layer += 1) {
    const { data } = await explorer.residual(want.text, layer, { bos });
    residuals.push(relativeRms(data, want.tensors[`resid_post.${layer}`].data));
  }
  const perSae = {};
  for (const sae of trace.saes) {
    const reference = saes[sae.id];
    const read = every || sae === trace.saes.at(-1) ? await explorer.reconstruction(want.text, sae.id, { bos }) : null;
    perSae[sae.id] = {
      ...compareLatents(sae, referenceRanking(want.tensors, reference)),
      reconstruction: read === null ? null : relativeRms(read.data, want.tensors[`${reference}.recon`].data),
      metrics: compareMetrics(sae.metrics, reference, want),
    };
  }
  const best = want.top5_per_position.at(-1);
  return {
    tokens: JSON.stringify(trace.tokens.map(({ id }) => id)) === JSON.stringify([...want.tensors.token_ids.data]),
    bosPrepended: trace.bosPrepended,
    logitsShape: JSON.stringify(logits.shape) === JSON.stringify(want.tensors.logits.shape),
    logitsMaxAbs: maxAbs(logits.data, want.tensors.logits.data),
    logitsRms: relativeRms(logits.data, want.tensors.logits.data),
    residuals,
    loss: Math.abs(trace.loss - want.ce_loss),
    tokenLosses: trace.tokenLosses.length - (trace.tokens.length - 1),
    meanOfTokenLosses: Math.abs(sum(trace.tokenLosses, (value) => value) / trace.tokenLosses.length - want.ce_loss),
    next: trace.next.slice(0, 5).map(({ id }) => id).join() === best.map(([id]) => id).join(),
    nextRows: trace.nextByPosition.length - trace.tokens.length,
    saes: perSae,
  };
}

/**
 * One latent set to a value, against the fixture's edited logits of the last four positions, its loss, and its KL at the
 * last position. `kl` is how far the mean is from that of the positions, the BOS left out.
 */
export async function compareEdit(explorer, name, sae, edit, variant) {
  const want = await fixture(name);
  const { value, positions: [from, to], ce_loss: loss, kl_last: kl } = want[edit].variants[variant];
  const positions = Array.from({ length: to - from }, (_, at) => from + at);
  const got = await explorer.edited(want.text, { sae, latent: want[edit].latent, value, positions }, { bos: 'yes', logits: true });
  const tail = want.tensors[`${edit}.${variant}.logits_tail`].data;
  return {
    logits: maxAbs(got.logits.data.slice(-tail.length), tail),
    loss: Math.abs(got.loss - loss),
    klLast: Math.abs(got.klByPosition.at(-1) - kl),
    kl: Math.abs(got.kl - mean(got.klByPosition.slice(1))),
    positions: got.klByPosition.length - want.n_tokens,
    smallestKl: Math.min(...got.klByPosition),
  };
}

/** Greedy continuation: how many of the fixture's first `count` tokens come. */
export async function greedy(explorer, name, count) {
  const want = await fixture(name);
  const told = [];
  const got = await explorer.generate(want.text, { bos: 'yes', maxTokens: count, onToken: ({ id }) => told.push(id) });
  const reference = want.greedy_ids.slice(0, count);
  return { same: got.ids.join() === reference.join(), told: told.join() === got.ids.join(), ids: got.ids, reference };
}
