// The worker that reads answers, so that bytes go on arriving while the engine computes with those that have come.
//
// In: {port}, one for each connection; its messages are described in fetching.js.

import { serve } from './fetching.js';
import { Gate, seal } from './gate.js';

seal(self, new Gate([]));
self.onmessage = ({ data }) => serve(data.port);
