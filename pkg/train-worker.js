// The worker that trains, beside the one that answers the page: its engine can train, and is busy for long.

import { serve } from './serve.js';
import init, { Engine, Sha256, Tokenizer, archive } from './train-engine.js';
import { Trainer } from './trainer.js';

serve({ init, Engine, Sha256, Tokenizer, wasm: new URL('./train-engine_bg.wasm', import.meta.url).href }, ({ engine, compiled }) => {
  const trainer = new Trainer();
  return {
    loaded: null,
    methods: {
      train: (given, context) => trainer.train(engine(), given, context),
    },
    beside: {
      steer: (given) => trainer.steer(given),
      async packed({ files }) {
        await compiled();
        return archive(files);
      },
    },
  };
});
