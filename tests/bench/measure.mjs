// What runs inside the page: one function a subject, each complete in itself because it is sent there as text.

/**
 * The engine: prefill, decode, traces and what they cost in dispatches. Times in milliseconds, memory in bytes.
 * `model` and `saes` ([{id, url, hook}]) are addresses; without them it is the demo.
 */
export async function engine({ backend, model, saes, prefill, position, tokens, repetitions }) {
  const { SaeExplorer } = await import('/pkg/index.js');
  const explorer = await SaeExplorer.create({ backend });
  const memory = [];
  const weigh = async (what) => {
    const { deviceBytes, wasmBytes } = await explorer.info();
    memory.push({ what, deviceBytes, wasmBytes });
  };
  await weigh('nothing');
  await explorer.loadModel(model ?? 'demo', { id: 'model' });
  await weigh('the model');
  const ids = [];
  if (saes === undefined) {
    ids.push(...(await explorer.loadSae('demo')).map(({ id }) => id));
    await weigh('three SAEs');
  }
  for (const { id, url, hook } of saes ?? []) {
    await explorer.loadSae(url, { id, hook });
    ids.push(id);
    await weigh(id);
  }

  await explorer.storage(); // waits for what is still being stored, which would be measured with the rest

  // A prompt of exactly so many tokens: the word is one token, and the sequence begins with another.
  const promptOf = async (count) => {
    const prompt = ' the'.repeat(count - 1);
    const got = (await explorer.tokenize(prompt, { bos: 'yes' })).tokens.length;
    if (got !== count) throw new Error(`a prompt for ${count} tokens has ${got}`);
    return prompt;
  };
  const timed = async (work) => {
    const start = performance.now();
    await work();
    return performance.now() - start;
  };
  const repeat = async (work) => {
    await work(); // the first run makes pipelines and buffers
    const times = [];
    for (let i = 0; i < repetitions; i += 1) times.push(await timed(work));
    return times;
  };

  const result = { prefill: {}, trace: {}, memory };
  for (const count of prefill) {
    const prompt = await promptOf(count);
    result.prefill[count] = await repeat(() => explorer.generate(prompt, { maxTokens: 1, bos: 'yes' }));
  }

  // Gaps between tokens as the page receives them, and what each token took of the device.
  const prompt = await promptOf(position);
  const decode = async (maxTokens) => {
    const before = (await explorer.info()).counters;
    const times = [];
    const generation = await explorer.generate(prompt, { maxTokens, bos: 'yes', onToken: () => times.push(performance.now()) });
    if (generation.ids.length !== maxTokens) throw new Error(`${generation.ids.length} tokens instead of ${maxTokens}`);
    const after = (await explorer.info()).counters;
    return { times, spent: Object.fromEntries(Object.keys(after).map((name) => [name, after[name] - before[name]])) };
  };
  await decode(tokens);
  const gaps = [];
  const means = [];
  for (let i = 0; i < repetitions; i += 1) {
    const { times } = await decode(tokens);
    for (let t = 1; t < times.length; t += 1) gaps.push(times[t] - times[t - 1]);
    means.push((times.at(-1) - times[0]) / (times.length - 1));
  }
  result.decode = { gaps, means };
  const short = await decode(2);
  const long = await decode(2 + 8);
  result.perToken = Object.fromEntries(Object.keys(long.spent).map((name) => [name, (long.spent[name] - short.spent[name]) / 8]));

  const traced = await promptOf(64);
  const sets = saes === undefined ? [['one SAE', ids.slice(1, 2)], ['three SAEs', ids]] : ids.map((id) => [id, [id]]);
  for (const [name, chosen] of [['no SAE', []], ...sets]) {
    result.trace[name] = await repeat(() => explorer.trace(traced, { saes: chosen, bos: 'yes' }));
  }
  const info = await explorer.info();
  result.adapter = info.adapter;
  await weigh('all of this');
  await explorer.dispose();
  return result;
}

/** ONNX Runtime Web on the same weights: a prefill, then tokens one by one with the keys and values kept. */
export async function peer({ provider, shape, prefill, position, tokens, repetitions }) {
  const ort = await import(provider === 'webgpu' ? '/ort.webgpu.min.mjs' : '/ort.wasm.min.mjs');
  ort.env.wasm.wasmPaths = '/';
  ort.env.wasm.numThreads = 1;
  // Without this, keys and values would travel to the CPU and back for each token.
  const kept = provider === 'webgpu' ? { preferredOutputLocation: { k: 'gpu-buffer', v: 'gpu-buffer' } } : {};
  const session = await ort.InferenceSession.create('/model.onnx', {
    executionProviders: [provider],
    graphOptimizationLevel: 'all',
    ...kept,
  });
  const { layers, heads, headWidth, vocab } = shape;
  const empty = () => new ort.Tensor('float32', new Float32Array(0), [layers, 1, heads, 0, headWidth]);
  const run = async (ids, pastK, pastV) => {
    const input = new ort.Tensor('int64', BigInt64Array.from(ids, BigInt), [1, ids.length]);
    const start = performance.now();
    const output = await session.run({ ids: input, past_k: pastK, past_v: pastV });
    const logits = await output.logits.getData();
    return { output, logits, time: performance.now() - start };
  };
  const free = ({ output }) => {
    output.k.dispose();
    output.v.dispose();
  };
  const largest = (logits) => {
    let best = 0;
    for (let i = 1; i < vocab; i += 1) if (logits[i] > logits[best]) best = i;
    return best;
  };
  const promptOf = (count) => Array.from({ length: count }, (_, i) => (i * 37) % vocab);

  const result = { prefill: {}, decode: { gaps: [] } };
  for (const count of prefill) {
    free(await run(promptOf(count), empty(), empty()));
    result.prefill[count] = [];
    for (let i = 0; i < repetitions; i += 1) {
      const step = await run(promptOf(count), empty(), empty());
      result.prefill[count].push(step.time);
      free(step);
    }
  }
  for (let i = 0; i <= repetitions; i += 1) {
    let step = await run(promptOf(position), empty(), empty());
    for (let t = 0; t < tokens; t += 1) {
      const next = await run([largest(step.logits)], step.output.k, step.output.v);
      free(step);
      step = next;
      if (i > 0) result.decode.gaps.push(step.time); // the first round compiles
    }
    free(step);
  }
  await session.release();
  return result;
}

/**
 * How long a model takes from a server of this machine to the device, beside a plain fetch of its weights by this page to
 * nowhere, in turns, so that a busy moment of the machine meets both. Each loading is the first of a new engine, as for a
 * visitor, and begins when the machine has got over what came before: what was stored and what was on the device is given
 * back in the background. A first loading finds nothing stored; what it brings goes on being stored after it; the next one
 * finds all of it. In milliseconds.
 */
export async function loading({ backend, model, weights, repetitions }) {
  const { SaeExplorer } = await import('/pkg/index.js');
  const pause = () => new Promise((resume) => setTimeout(resume, 300));
  const timed = async (work) => {
    await pause();
    const start = performance.now();
    await work();
    return performance.now() - start;
  };
  const drain = async () => {
    const reader = (await fetch(weights, { cache: 'no-store' })).body.getReader();
    while (!(await reader.read()).done);
  };
  const result = { fetch: [], load: [], storing: [], stored: [] };
  await drain();
  for (let i = 0; i < repetitions; i += 1) {
    result.fetch.push(await timed(drain));
    let explorer = await SaeExplorer.create({ backend });
    await explorer.deleteStored('all');
    result.load.push(await timed(() => explorer.loadModel(model, { id: 'model' })));
    const loaded = performance.now();
    await explorer.storage(); // the list of what is stored, told when nothing is on its way any more
    result.storing.push(performance.now() - loaded);
    await explorer.dispose();
    explorer = await SaeExplorer.create({ backend });
    result.stored.push(await timed(() => explorer.loadModel(model, { id: 'model' })));
    const { entries, available, reason } = await explorer.storage();
    result.storage = { entries: entries.length, available, reason };
    await explorer.dispose();
  }
  return result;
}
