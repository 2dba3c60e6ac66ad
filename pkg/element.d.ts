/** What a figure shows; see docs/embed.md of the project. */
export type FigureView = 'prompt' | 'feature' | 'next-token' | 'steer' | 'graph';

/** Events of a figure. They do not bubble. */
export interface SaeExplorerElementEvents {
  /** Model and SAEs are loaded: their ids. */
  ready: CustomEvent<{ model: string; saes: string[] }>;
  /** A prompt was traced. `loss` in nats; `recorded`: it is the trace that the site brings. */
  trace: CustomEvent<{ prompt: string; tokens: string[]; loss: number | null; recorded: boolean }>;
  /** What the reader has selected: index of the token, id of the SAE, latent. */
  select: CustomEvent<{ token: number | null; sae: string | null; feature: number | null }>;
  /** Something cannot be shown, or an attribute means nothing. */
  error: CustomEvent<{ code: string; message: string }>;
}

/** What an attribute takes; null and undefined remove it. */
type Given<T = string> = T | null | undefined;

/**
 * `<sae-explorer>`: a live figure, in a frame of a site with the page. Each property is the attribute of its name, which reads as a text or
 * null. `import 'sae-explorer/element'` defines it.
 */
export class SaeExplorerElement extends HTMLElement {
  /** Address of the site of figures that do not say it with `site`; null, as in the package, where none is known. */
  static site: string | null;
  /** Time after which a frame that says nothing is one that cannot run, milliseconds. */
  static patience: number;
  /** Version of the package. */
  static readonly version: string;

  /** Address of the folder of the site that the figure comes from: http(s), or relative to the document. */
  get site(): string | null;
  set site(value: Given<string | URL>);
  /** Without it `prompt`. */
  get view(): string | null;
  set view(value: Given<FigureView>);
  /** Height of the frame in CSS pixels; without it as high as the figure. */
  get height(): string | null;
  set height(value: Given<string | number>);
  get model(): string | null;
  set model(value: Given);
  get sae(): string | null;
  set sae(value: Given);
  /** At most 20,000 characters. */
  get prompt(): string | null;
  set prompt(value: Given);
  /** Index of the selected token, a BOS included. */
  get token(): string | null;
  set token(value: Given<string | number>);
  /** The selected latent of `sae`. */
  get feature(): string | null;
  set feature(value: Given<string | number>);
  get bos(): string | null;
  set bos(value: Given<'yes' | 'no'>);
  /** Edits, with `;` between them. */
  get edit(): string | null;
  set edit(value: Given);
  get theme(): string | null;
  set theme(value: Given<'light' | 'dark'>);
  /** Parts that are left out, with commas between them: `text`, `facts`. */
  get hide(): string | null;
  set hide(value: Given);

  /** The address of what the attributes say. Throws a RangeError where they say nothing that can be shown. */
  readonly address: string;

  addEventListener<K extends keyof SaeExplorerElementEvents>(type: K, listener: (this: SaeExplorerElement, event: SaeExplorerElementEvents[K]) => unknown, options?: boolean | AddEventListenerOptions): void;
  addEventListener(type: string, listener: EventListenerOrEventListenerObject, options?: boolean | AddEventListenerOptions): void;
}

declare global {
  interface HTMLElementTagNameMap {
    'sae-explorer': SaeExplorerElement;
  }
}
