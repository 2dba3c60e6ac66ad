// Silent hosts are given up without a fetcher, too. Apart from direct.test.js, because hooks of test files are shared by all.

globalThis.withoutFetcher = true;
await import('./stall.test.js');
