// The worker with the engine.

import init, { Engine, Sha256, Tokenizer } from './engine.js';
import { serve } from './serve.js';

serve({ init, Engine, Sha256, Tokenizer, wasm: new URL('./engine_bg.wasm', import.meta.url).href });
