// Reads vitest's JSON report into counts. A file that did not load counts as one failure, as does a run that failed without
// a failed test (an error outside all tests): neither may pass unseen.
import { z } from 'zod';

const report = z.object({
  testResults: z.array(
    z.object({
      name: z.string(),
      status: z.string(),
      message: z.string().default(''),
      assertionResults: z.array(z.object({ fullName: z.string(), status: z.string() })),
    }),
  ),
});

export interface VitestCounts {
  readonly passed: number;
  readonly failed: number;
  /** Skipped tests, by file. */
  readonly skipped: ReadonlyMap<string, number>;
  /** Files that did not load. */
  readonly broken: readonly string[];
}

/** Throws when the text is not a report. */
export function countVitest(text: string, exitCode: number): VitestCounts {
  let passed = 0;
  let failed = 0;
  const skipped = new Map<string, number>();
  const broken: string[] = [];
  for (const { name, status, assertionResults } of report.parse(JSON.parse(text)).testResults) {
    let failedHere = 0;
    for (const test of assertionResults) {
      if (test.status === 'passed') passed += 1;
      else if (test.status === 'failed') failedHere += 1;
      else skipped.set(name, (skipped.get(name) ?? 0) + 1);
    }
    if (status === 'failed' && failedHere === 0) {
      broken.push(name);
      failedHere = 1;
    }
    failed += failedHere;
  }
  return { passed, failed: exitCode !== 0 && failed === 0 ? 1 : failed, skipped, broken };
}
