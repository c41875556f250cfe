import { defineConfig, type Options } from 'tsup';

/** Bundles one package to ESM. Declarations come from `tsc -b`: tsup 9 cannot make them under TypeScript 7. */
const config: Options = {
  entry: ['src/**/index.ts'], // a folder with an index is a subpath
  format: 'esm',
  target: 'node22',
  platform: 'node',
  sourcemap: true,
  clean: false, // `dist` also holds the declarations
  dts: false,
  splitting: true,
  removeNodeProtocol: false, // keep `node:` in built-in imports
};

export default defineConfig(config);
