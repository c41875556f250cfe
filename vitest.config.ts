import { availableParallelism } from 'node:os';
import { join } from 'node:path';

import { defineConfig, type ViteUserConfig } from 'vitest/config';

// Makes `@svidkit/*` imports resolve to `src/`, so tests never read a stale `dist/`.
const conditions = ['@svidkit/source', 'module', 'node', 'default'];

const config: ViteUserConfig = defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    expect: { requireAssertions: false },
    restoreMocks: true,
    unstubEnvs: true,
    // Some tests compute and some wait, so that each processor can have one of its own; by default one is left idle.
    maxWorkers: availableParallelism(),
    setupFiles: [join(import.meta.dirname, 'tests/setup.ts')],
    sequence: { shuffle: { files: false, tests: true } },
    projects: [
      {
        // Pure logic and loopback TLS: no process-wide state, so files share one realm per thread.
        extends: true,
        test: {
          name: 'unit',
          include: ['packages/*/test/**/*.test.ts', 'scripts/*.test.ts'],
          pool: 'threads',
          isolate: false,
          testTimeout: 20_000,
        },
      },
      {
        // Real processes, files and clocks: each file gets its own process.
        extends: true,
        test: {
          name: 'integration',
          include: ['packages/*/test/**/*.integration.ts', 'tests/**/*.integration.ts'],
          pool: 'forks',
          // What a package loads by itself when it is asked for is read from its sources too.
          execArgv: ['--conditions=@svidkit/source', '--disable-warning=ExperimentalWarning'],
          testTimeout: 60_000,
        },
      },
    ],
    coverage: {
      provider: 'v8',
      include: ['packages/*/src/**/*.ts'],
      reporter: ['text', 'json-summary', 'lcovonly'],
      reportsDirectory: 'node_modules/.cache/coverage',
    },
  },
});

export default config;
