// How the page comes to its files. On a site it requests them, and this is all; a page in one file has them with it, and exchanges
// these (single-file-page.js).

export const site = {
  /** Resolves when the page can begin; null where nothing has to come before. */
  ready: null,
  /** What to do where the page does not start. */
  advice: 'Check the connection and reload. If that does not help, use a current version of Chrome, Edge, Firefox or Safari; a site that lacks the file must be put up again by whoever runs it.',
  /** What a page in one file lacks, in a sentence; null on a site. */
  lacks: null,
  /** The address that those of the site's files are relative to. */
  base: () => document.baseURI,
};
