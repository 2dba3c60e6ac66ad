// The worker that scans texts, beside the one that answers the page: its engine is larger by what a scan needs, and is busy for long.

import init, { Engine, Sha256, Tokenizer, archive, identifyModel, identifyPt, identifySaelens, unarchive } from './scan-engine.js';
import { Scans } from './scans.js';
import { serve } from './serve.js';

serve({ init, Engine, Sha256, Tokenizer, wasm: new URL('./scan-engine_bg.wasm', import.meta.url).href }, ({ again, engine, compiled }) => {
  const scans = new Scans(again, { model: identifyModel, pt: identifyPt, saelens: identifySaelens });
  return {
    loaded: scans,
    methods: {
      scan: (given, context) => scans.scan(engine(), given, context),
      identify: ({ source }, context) => scans.identify(source, context),
    },
    beside: {
      async archive({ files }) {
        await compiled();
        return archive(files);
      },
      async unarchive({ bytes }) {
        await compiled();
        return unarchive(bytes);
      },
    },
  };
});
