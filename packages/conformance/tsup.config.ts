import { defineConfig, type Options } from 'tsup';

/** One file that needs nothing else: what it is made of comes from the sources of the workspace, and is in it. */
const config: Options = {
  entry: ['src/bin.ts'],
  format: 'esm',
  target: 'node22',
  platform: 'node',
  sourcemap: true,
  clean: false, // `dist` also holds the declarations
  dts: false,
  splitting: false,
  removeNodeProtocol: false, // keep `node:` in built-in imports
  noExternal: [/.*/],
  esbuildOptions(options) {
    options.conditions = ['@svidkit/source', 'module'];
  },
};

export default defineConfig(config);
