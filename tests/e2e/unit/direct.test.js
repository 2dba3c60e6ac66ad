// What files and store promise, they promise without a fetcher, too.

globalThis.withoutFetcher = true;
await import('./files.test.js');
await import('./cache.test.js');
