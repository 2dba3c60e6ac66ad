// What browsers have, and Node 18 only in its modules.

import { File } from 'node:buffer';
import { webcrypto } from 'node:crypto';

globalThis.File ??= File;
globalThis.crypto ??= webcrypto;
