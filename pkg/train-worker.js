// The worker that trains and evaluates, beside the one that answers the page: its engine can train, and is busy for long.

import { Evaluator } from './evaluator.js';
import { serve } from './serve.js';
import init, { Engine, Sha256, Tokenizer, archive, asPt } from './train-engine.js';
import { Trainer } from './trainer.js';

serve({ init, Engine, Sha256, Tokenizer, wasm: new URL('./train-engine_bg.wasm', import.meta.url).href }, ({ again, engine, compiled }) => {
  const trainer = new Trainer();
  const evaluator = new Evaluator(again);
  return {
    loaded: null,
    methods: {
      train: (given, context) => trainer.train(engine(), given, context),
      evaluate: (given, context) => evaluator.evaluate(engine(), given, context),
    },
    beside: {
      steer: (given) => trainer.steer(given),
      stopEvaluation: () => evaluator.stop(),
      async packed({ files }) {
        await compiled();
        return archive(files);
      },
      async pt({ files }) {
        await compiled();
        const bytes = (name) => files.find(({ path }) => path === name)?.bytes ?? new Uint8Array();
        return asPt(bytes('cfg.json'), bytes('sae_weights.safetensors'));
      },
    },
  };
});
