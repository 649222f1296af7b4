import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: [
      'lib/**/*.test.ts',
      'daemon/**/*.test.ts',
      'scripts/**/*.test.ts',
      'topologies/**/*.test.ts',
      '*.test.ts',
    ],
    pool: 'forks',
    maxWorkers: 2,
    // Nobody's promise, only the end of a test that hangs: a busy machine may take its time.
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
