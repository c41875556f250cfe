// Loaded with `--import` into every process of the demo: its services make mistakes then, as people do.
import { registerHooks } from 'node:module';

interface Mistake {
  readonly file: string;
  readonly instead: string;
  readonly write: string;
}

const MISTAKES: readonly Mistake[] = [
  // The deny list was forgotten at one service.
  {
    file: 'services/api.ts',
    instead: 'authorize: authorizeOneOf(IDS.frontend, IDS.console), deny: host.deny',
    write: 'authorize: authorizeOneOf(IDS.frontend, IDS.console)',
  },
  // Legacy was left on, whatever the policy says.
  { file: 'services/archive.ts', instead: ', policy, deny: host.deny }', write: ", accept: 'permissive' }" },
  // A route has no authorization of its own.
  {
    file: 'services/catalog.ts',
    instead: "app.post('/discounts/*mark', authorize(authorizeId(IDS.frontend)), answer)",
    write: "app.post('/discounts/*mark', answer)",
  },
  // The identity of the beginning is kept for ever.
  {
    file: 'services/frontend.ts',
    instead: 'const status = createHttpsServer(\n      host.source,',
    write: `const { staticX509Source } = await import('@svidkit/core');
    const status = createHttpsServer(\n      staticX509Source(host.source.current),`,
  },
];

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    for (const { file, instead, write } of MISTAKES) {
      if (!url.endsWith(`/examples/demo/src/${file}`)) continue;
      const source = Buffer.from(loaded.source as Uint8Array).toString();
      if (!source.includes(instead)) throw new Error(`${file} has no ${instead}`);
      return { ...loaded, source: source.replace(instead, write) };
    }
    return loaded;
  },
});
