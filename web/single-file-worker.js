// The first module of each worker of a page in one file.

import { policy } from './pkg/gate.js';
import './single-file.js';

// The workers of a file have the policy of its page, which names these (xtask/src/single_file/page.rs).
policy.hosts = ['huggingface.co', '*.huggingface.co', '*.hf.co'];
