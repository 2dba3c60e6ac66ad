// The element as a TypeScript user writes it; checked against element.d.ts, never run.

import { SaeExplorerElement, type FigureView, type SaeExplorerElementEvents } from 'sae-explorer/element';

export function figure(view: FigureView): SaeExplorerElement {
  SaeExplorerElement.site = 'https://example.org/tools/';
  const one = document.createElement('sae-explorer');
  one.site = new URL('https://example.org/');
  one.view = view;
  one.prompt = 'The wolf ran';
  one.token = 3;
  one.height = null;
  const prompt: string | null = one.prompt;
  one.addEventListener('trace', ({ detail }) => console.log(detail.tokens.length, detail.loss?.toFixed(2), detail.recorded, prompt));
  one.addEventListener('select', ({ detail: { token, sae, feature } }) => console.log(token, sae, feature));
  one.addEventListener('error', (event: SaeExplorerElementEvents['error']) => console.log(event.detail.code, event.detail.message));
  one.addEventListener('click', () => {});
  // @ts-expect-error there is no such view
  one.view = 'all';
  // @ts-expect-error a trace has no such detail
  one.addEventListener('trace', ({ detail }) => console.log(detail.nothing));
  return one;
}
