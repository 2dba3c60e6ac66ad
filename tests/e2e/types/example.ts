// Every method of the package as a TypeScript user writes it; checked against index.d.ts, never run.

import { SAMPLE_TEXT, SaeExplorer, SaeExplorerError, droppedFiles, type SaeInfo, type Trace } from 'sae-explorer';

export async function example(file: File, folder: FileList, signal: AbortSignal): Promise<string> {
  const shared: boolean = await SaeExplorer.prepare({ share: 'figures', model: 'demo', manifest: Promise.resolve({}), sae: 'a', after: Promise.resolve() });
  console.log(shared);
  const explorer = await SaeExplorer.create({
    share: 'figures',
    backend: 'auto',
    limits: 'default',
    stallSeconds: 20,
    demo: new URL('https://example.org/demo/demo.json'),
    onProgress: ({ stage, loaded, total, name, source }) => console.log(stage === 'model', loaded / total, name, source === 'cache'),
    onNotice: ({ code, message, sae, reason }) => console.log(code === 'sae-not-loaded', message, sae, reason === 'missing-file'),
  });
  explorer.addEventListener('change', ({ detail }) => console.log(detail.method === 'loadSae', detail.model?.id, detail.saes.length, explorer.loaded.saes[0]?.hook));
  const model = await explorer.loadModel('demo');
  await explorer.loadModel('https://example.org/gpt2/', { id: 'small', prependBos: true, weightFormat: 'f16', signal });
  await explorer.loadModel({ config: new Uint8Array(1), weights: file, tokenizer: { vocab: file, merges: new ArrayBuffer(1) } });
  const demo: SaeInfo[] = await explorer.loadSae('demo');
  const one: SaeInfo = await explorer.loadSae('demo', { only: demo[0].hook, weightFormat: 'f16', signal });
  const own: SaeInfo = await explorer.loadSae(file, { hook: 'blocks.3.hook_resid_post', id: 'own' });
  await explorer.loadSae(folder);
  const { sha256, bytes, files } = await explorer.sha256(folder, { signal });
  console.log(sha256.length, bytes, files[0]);
  await explorer.loadSae({ cfg: file, weights: 'sae_weights.safetensors' });

  const trace: Trace = await explorer.trace('text', { saes: [own.id, one.id], topLogits: 5, bos: 'auto', signal });
  const latent: number = trace.saes[0].latents[trace.saes[0].k];
  const fvu: number | null = trace.saes[0].metrics.fvu;
  const { logitEffect, nearest } = await explorer.feature(own.id, latent, { signal });
  for (const { latent: like, cosine } of await explorer.matches(own.id, latent, one.id)) console.log(like, cosine);
  const { shape, data } = await explorer.logits('text', { bos: 'no' });
  const row: Float32Array = data.subarray(0, shape[1]);
  await explorer.residual('text', model.nLayers - 1);
  await explorer.reconstruction('text', own.id);
  const edited = await explorer.edited('text', { sae: own.id, latent, value: 0, positions: [1, 2] }, { logits: true });
  const batch = await explorer.editBatch('text', [[{ sae: own.id, latent, value: 2, operation: 'scale', positions: [1, { from: 4 }] }], [], 'layer_3:1=+2x@5..']);
  const caused = await explorer.effects('text', { sae: own.id, positions: '1..', onEffects: (some) => console.log(some[0]?.kl) });
  console.log(caused.effects[0]?.up[0]?.logit);
  const { values, logitLens } = await explorer.taps('text', { names: ['blocks.3.attn.hook_pattern'], logitLens: 5, bos: 'auto', signal: AbortSignal.timeout(1000) });
  console.log(batch[0].kl, values[0].shape[1], values[0].data[0], logitLens[0].loss, logitLens[0].nextByPosition[0][0].prob);
  const training = explorer.train([file], { hook: 'blocks.3.hook_resid_post', latents: 512, k: 8, activation: 'batch_topk', matryoshka: [64], tokens: 20_000, lr: 1e-3, seed: 1, settings: { dead_tokens: 100_000 }, confirm: true, onProgress: (progress) => progress.stage === 'step' && console.log(progress.record.fvu, progress.steps) });
  const evaluated = await explorer.evaluate([file], { saes: ['openai.layer_3', { training: training.id, id: 'own' }], tokens: 20_000, recovery: true, onProgress: (progress) => progress.stage === 'found' && console.log(progress.evaluated.head), signal });
  console.log(evaluated.evaluations.saes[0].fvu, evaluated.tables[0].rows, evaluated.json, (await explorer.trainingLog(training.id)).at(-1)?.fvu);
  training.pause();
  training.resume();
  const trained = await training.done;
  training.stop();
  const [{ id, hook }] = await explorer.trainings();
  const again = await explorer.train([], { resume: id, signal }).done;
  console.log(hook, training.id, trained.complete, again.info.fvu, (await explorer.packTraining(await explorer.trainedFiles(id))).length);
  await explorer.removeTraining(id);
  const generation = await explorer.generate('text', { maxTokens: 3, temperature: 0.8, seed: 1, topK: 40, topP: 0.9, signal, onToken: ({ text }) => console.log(text) });
  const sample = await explorer.sampleLoss();
  const { tokens, nCtx } = await explorer.tokenize('text');
  const { counters, deviceBytes, loadedBytes, pooledBytes } = await explorer.info();
  console.log(fvu, logitEffect?.top[0].value, nearest[0].cosine, row, edited.logits?.shape, tokens.length < nCtx, sample?.loss, counters.dispatches, deviceBytes - pooledBytes, loadedBytes);
  const neurons: SaeInfo = await explorer.loadNeurons('blocks.0.mlp.hook_post', { id: 'neurons' });
  await explorer.unloadSae(neurons.id);
  await explorer.setMirror('https://example.org/mirror');
  await explorer.setMemoryBudget(null);
  const { models, saes } = await explorer.catalogue();
  if (models[0].fits.ok) await explorer.loadModel({ catalogue: models[0].id }, { signal });
  else console.log(models[0].licence, models[0].bytes, models[0].fits.reason);
  await explorer.loadSae({ catalogue: saes[0].id, layer: saes[0].layers[0] });
  const { origin } = await explorer.loadModel({ repo: 'openai-community/gpt2' });
  if (origin !== null && origin.repository !== null) await explorer.loadModel({ repo: origin.repository, revision: origin.commit ?? undefined, path: origin.path });
  await explorer.loadModel({ catalogue: models[0].id, revision: origin?.commit ?? undefined });
  const hash: string | undefined = (await explorer.info()).saes[0].origin?.sha256 ?? models[0].hashes?.['model.safetensors'];
  console.log(hash);
  await explorer.loadSae({ repo: 'owner/name', revision: 'main', path: 'folder' }, { hook: 'blocks.3.hook_resid_post' });
  document.addEventListener('drop', async (event) => {
    if (event.dataTransfer === null) return;
    const found = await explorer.recognise(await droppedFiles(event.dataTransfer));
    for (const { name, summary, source } of found.models) console.log(name, summary, await explorer.loadModel(source));
    for (const { file, message } of found.problems) console.log(file, message);
  });
  const [linked] = (await explorer.fromLink('owner/name:folder', { signal })).saes;
  await explorer.loadSae(linked.source, { hook: linked.hook ?? undefined });
  const [numbers] = (await explorer.trace(SAMPLE_TEXT)).saes;
  console.log(numbers.metrics.deltaCe);
  const { entries, quotaBytes, available } = await explorer.storage();
  if (available && entries.some(({ complete, storedBytes, bytes }) => !complete && storedBytes < bytes)) await explorer.deleteStored(entries[0].key);
  await explorer.deleteStored('all');
  const persisted: boolean = await explorer.persistStorage();
  console.log(quotaBytes, persisted);
  await explorer.dispose();
  try {
    await explorer.info();
  } catch (error) {
    if (error instanceof SaeExplorerError && error.code === 'cancelled') console.log(error.details.tokens);
  }

  await explorer.logits('text', { bos: true });
  // @ts-expect-error the bos option takes true, false and three words
  await explorer.logits('text', { bos: 'maybe' });
  // @ts-expect-error an edit says which SAE it means
  await explorer.edited('text', { latent, value: 0 });
  // @ts-expect-error there is no such error code
  const misspelt: boolean = new SaeExplorerError('cancelled', '').code === 'canceled';
  return generation.text + misspelt;
}
