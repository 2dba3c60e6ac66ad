// `<sae-explorer>`: a live figure in an article (docs/embed.md). Everything that computes is in a frame of a site with the page, so no style
// and no policy of the article reaches it, and it reads nothing of the article.
//
// The package's entry (element.js) and the script of a site (web/element.js) define it.

/** Attributes that are parts of the figure's address, by the same names (crates/wire/src/figure.rs). */
const PARAMETERS = ['model', 'sae', 'prompt', 'token', 'feature', 'bos', 'edit', 'theme', 'hide'];

/** What a figure can show, as the attribute `view`. */
const VIEWS = ['prompt', 'feature', 'next-token', 'steer', 'graph'];

/** The element's other attributes. */
const OWN = ['site', 'view', 'height'];

/** Attributes that every element may have. */
const COMMON = /^(class|id|style|slot|title|lang|dir|hidden|role|tabindex|part|data-.*|aria-.*|on.*)$/;

const EVENTS = ['ready', 'trace', 'select', 'error'];

/** The longest attribute that is handed on, in characters: the longest prompt of the models that there are is shorter. */
const LONGEST = 20_000;

/** Height until the figure says how high it would like to be, and the most that it gets, CSS pixels. */
const [HEIGHT, HIGHEST] = [480, 4000];

const NAME = 'sae-explorer';

/** Server-side rendering imports what it does not run. */
const Base = globalThis.HTMLElement ?? class {};

const STYLE = `:host { display: block } :host([hidden]) { display: none } iframe { display: block; width: 100%; border: 0 }
  .behind { height: 0 } slot[hidden], p[hidden] { display: none } p { margin: 4px 0 0; font-size: .85em }`;

export class SaeExplorerElement extends Base {
  static observedAttributes = [...PARAMETERS, ...OWN];

  /** Version of the package. */
  static version = '0.1.0';

  /** Address of the site that figures come from, for those that do not say it themselves; null where none is known. */
  static site = null;

  /** Time after which a frame that is there and says nothing is one that cannot run, milliseconds. */
  static patience = 20_000;

  /** @type {HTMLIFrameElement | null} */
  #frame = null;
  /** The site that the frame is of. */
  #from = null;
  #silence;
  #slot = document.createElement('slot');
  #why = Object.assign(document.createElement('p'), { hidden: true });
  #queued = false;
  /** Where the reader was when the figure was taken out of the article, while the attributes are what they were. */
  #place = null;
  #hear = (message) => this.#told(message);
  #refused = (violation) => this.#blocked(violation);

  constructor() {
    super();
    const root = this.attachShadow({ mode: 'open' });
    // Not as an inline style, which articles' policies may forbid.
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet];
    // What the author put inside is there until the figure is: a picture of it, a table.
    root.append(this.#slot, this.#why);
  }

  connectedCallback() {
    addEventListener('message', this.#hear);
    document.addEventListener('securitypolicyviolation', this.#refused);
    for (const { name } of this.attributes) {
      if (!PARAMETERS.includes(name) && !OWN.includes(name) && !COMMON.test(name)) this.#fail('unknown-attribute', `<sae-explorer> has no attribute ${name}. It has ${[...OWN, ...PARAMETERS].join(', ')}.`);
    }
    this.#show();
  }

  /** True while what the author put inside stands for the figure. */
  get #stands() {
    return !this.#slot.hidden && this.#slot.assignedNodes().some(({ nodeType, data }) => nodeType === 1 || (nodeType === 3 && data.trim() !== ''));
  }

  disconnectedCallback() {
    removeEventListener('message', this.#hear);
    document.removeEventListener('securitypolicyviolation', this.#refused);
    this.#letGo();
  }

  attributeChangedCallback() {
    this.#place = null;
    if (!this.isConnected || this.#queued) return;
    // Scripts set several at once.
    this.#queued = true;
    queueMicrotask(() => {
      this.#queued = false;
      if (this.isConnected) this.#show();
    });
  }

  #letGo() {
    clearTimeout(this.#silence);
    this.#frame?.remove();
    this.#frame = null;
    this.#slot.hidden = false;
  }

  /** The folder of the site that the figure comes from. */
  get #siteUrl() {
    const given = this.getAttribute('site') ?? this.constructor.site;
    if (given === null) throw new RangeError('<sae-explorer> does not know which site its figure comes from. Say so: site="https://HOST/PATH/", or SaeExplorerElement.site for all figures.');
    const said = `<sae-explorer site="${String(given).slice(0, 200)}">`;
    let url;
    try {
      url = new URL(given, document.baseURI);
    } catch {
      throw new RangeError(`${said}: this is no address.`);
    }
    // An address of another kind would run as a script of the article.
    if (!/^https?:$/.test(url.protocol)) throw new RangeError(`${said}: a site has an address with https: or http:.`);
    return new URL(url.pathname.endsWith('/') ? './' : `${url.pathname}/`, url);
  }

  /** The address of what the attributes say. */
  get address() {
    const view = this.getAttribute('view') ?? VIEWS[0];
    if (!VIEWS.includes(view)) throw new RangeError(`<sae-explorer view="${view.slice(0, 40)}">: there is no such view. There are ${VIEWS.join(', ')}.`);
    const parts = new URLSearchParams();
    for (const name of PARAMETERS) {
      const value = this.getAttribute(name);
      if (value === null) continue;
      if (value.length > LONGEST) throw new RangeError(`<sae-explorer ${name}="…">: ${value.length} characters are more than ${LONGEST}.`);
      // Several edits stand in one attribute; a prompt is taken as it is.
      const values = name === 'edit' ? value.split(';').map((edit) => edit.trim()) : [value];
      for (const one of values) parts.append(name, one);
    }
    return new URL(`index.html#/embed/${view}?${parts}`, this.#siteUrl).href;
  }

  #show() {
    let address;
    let site;
    try {
      ({ address } = this);
      site = this.#siteUrl;
    } catch (error) {
      this.#fail('attribute', error.message);
      return;
    }
    const height = Number(this.getAttribute('height')) || null;
    if (this.#from?.href !== site.href) this.#letGo();
    this.#from = site;
    if (this.#frame === null) {
      this.#frame = document.createElement('iframe');
      this.#frame.title = 'sae-explorer';
      // It begins when a reader comes near it.
      this.#frame.loading = 'lazy';
      this.#frame.allow = 'clipboard-write';
      this.#frame.src = this.#place === null ? address : new URL(`index.html${this.#place}`, site).href;
      // A frame has come when what is in it has, were it the browser's own word that there is nothing.
      this.#frame.addEventListener('load', () => {
        clearTimeout(this.#silence);
        this.#silence = setTimeout(() => this.#cannot('no-answer', `The figure does not answer: ${site.href} cannot be reached, is no site of sae-explorer, or may not be shown in a frame here.`), this.constructor.patience);
      });
      this.#frame.height = height ?? HEIGHT;
      this.#frame.classList.toggle('behind', this.#stands);
      this.shadowRoot.append(this.#frame);
    } else {
      // Another place of the same page: nothing is loaded again.
      this.#frame.src = address;
      if (height !== null) this.#frame.height = height;
    }
  }

  #told({ source, origin, data }) {
    if (source === null || source !== this.#frame?.contentWindow || data?.from !== 'sae-explorer') return;
    const { event, detail } = data;
    // In a frame without an origin the page cannot run, and says just that.
    if (origin !== this.#from.origin && !(origin === 'null' && event === 'error')) return;
    clearTimeout(this.#silence);
    if (event === 'height') {
      const { height } = detail ?? {};
      if (Number.isFinite(height) && this.getAttribute('height') === null) this.#frame.height = Math.min(Math.max(Math.ceil(height), 60), HIGHEST);
    } else if (event === 'place') {
      const { hash } = detail ?? {};
      if (typeof hash === 'string' && hash.startsWith('#/embed/') && hash.length < LONGEST) this.#place = hash;
    } else if (EVENTS.includes(event)) {
      if (event === 'trace') this.#reveal();
      else if (event === 'error' && this.#stands) this.#say(detail?.message);
      this.dispatchEvent(new CustomEvent(event, { detail }));
    }
  }

  /** Something is on screen: what stood in its place goes. */
  #reveal() {
    this.#slot.hidden = true;
    this.#why.hidden = true;
    this.#frame.classList.remove('behind');
  }

  /** Why what stands here is not live. */
  #say(message) {
    this.#why.textContent = String(message ?? '').slice(0, 1000);
    this.#why.hidden = false;
  }

  /** The article's policy keeps the frame away. */
  #blocked({ blockedURI, effectiveDirective, disposition }) {
    if (disposition !== 'enforce' || !/^(frame-src|child-src|default-src)$/.test(effectiveDirective) || this.#from === null) return;
    if (!blockedURI.startsWith(this.#from.origin)) return;
    clearTimeout(this.#silence);
    this.#cannot('forbidden', `The figure is not shown: this article's content security policy has no frame-src ${this.#from.origin}.`);
  }

  /** What the author put inside stands, with the reason. */
  #cannot(code, message) {
    // A frame with nothing in it would be a gap.
    this.#frame?.classList.add('behind');
    this.#fail(code, message);
  }

  #fail(code, message) {
    console.error(message);
    this.#say(message);
    this.dispatchEvent(new CustomEvent('error', { detail: { code, message } }));
  }
}

// Scripts have the attributes as properties, too.
for (const name of [...PARAMETERS, ...OWN]) {
  Object.defineProperty(SaeExplorerElement.prototype, name, {
    configurable: true,
    enumerable: true,
    get() {
      return this.getAttribute(name);
    },
    set(value) {
      if (value === null || value === undefined) this.removeAttribute(name);
      else this.setAttribute(name, value);
    },
  });
}

/**
 * Defines the element, with the site that figures come from. An article may have the script twice, from two places or in two versions:
 * the first one counts, because browsers define an element once, and the console says which it is.
 * @param {string | null} site
 */
export function define(site = null) {
  const there = globalThis.customElements?.get(NAME);
  if (there === undefined) {
    SaeExplorerElement.site = site;
    globalThis.customElements?.define(NAME, SaeExplorerElement);
  } else if (there.site !== site || there.version !== SaeExplorerElement.version) {
    const place = (one) => (one === null ? 'a package' : (one ?? 'another script'));
    console.warn(`<${NAME}> is in this article twice. Figures are of version ${there.version}, from ${place(there.site)}, which came first; version ${SaeExplorerElement.version}, from ${place(site)}, is not used. Remove one of the two scripts.`);
  }
}
