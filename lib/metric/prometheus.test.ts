import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parsePrometheus, pick } from './prometheus.ts';

const PAGE = `# HELP http_requests_total The total number of HTTP requests.
# TYPE http_requests_total counter
http_requests_total{method="post",code="200"} 1027 1395066363000
http_requests_total{method="post",code="400"}    3 1395066363000

msdos_file_access_time_seconds{path="C:\\\\DIR\\\\FILE.TXT",error="Cannot find file:\\n\\"FILE.TXT\\""} 1.458255915e9
metric_without_timestamp_and_labels 12.47
something_weird{problem="division by zero"} +Inf -3982045
spaced { a = "x" , } 5
exemplar_total{le="0.1"} 8 # {trace_id="abc"} 0.05
not_known NaN
`;

describe('Prometheus text format', () => {
  const page = parsePrometheus(PAGE);

  it('reads names, labels with escapes, values and timestamps', () => {
    expect(page.badLines).toBe(0);
    expect(page.samples[0]).toEqual({
      name: 'http_requests_total',
      labels: { method: 'post', code: '200' },
      value: 1027,
      timestampMs: 1395066363000,
    });
    expect(page.samples[2]?.labels).toEqual({ path: 'C:\\DIR\\FILE.TXT', error: 'Cannot find file:\n"FILE.TXT"' });
    expect(page.samples.map((sample) => sample.value)).toEqual([
      1027,
      3,
      1.458255915e9,
      12.47,
      Number.POSITIVE_INFINITY,
      5,
      8,
      Number.NaN,
    ]);
  });

  it('sums the samples of a metric and says why it cannot', () => {
    expect(pick(page, 'http_requests_total')).toEqual({ value: 1030 });
    expect(pick(page, 'not_known')).toEqual({ fault: 'not_known is NaN' });
    expect(pick(page, 'something_weird')).toEqual({ fault: 'something_weird is Infinity' });
    expect(pick(page, 'absent')).toEqual({ fault: 'absent is missing' });
  });

  it.each([
    '9name 1',
    'a{b="c" 1',
    'a{b=c} 1',
    'a{b="\\x"} 1',
    'a 0x10',
    'a',
    'a 1 2 3',
    'a 1 x',
    'a{="b"} 1',
    '{a="b"} 1',
  ])('skips and counts the line %j', (line) => {
    expect(parsePrometheus(`${line}\ngood 1\n`)).toEqual({
      samples: [{ name: 'good', labels: {}, value: 1 }],
      badLines: 1,
      truncated: false,
    });
  });

  it('keeps only what is wanted and stops at its bound', () => {
    const long = 'a 1\nb 2\n'.repeat(20_000);
    expect(parsePrometheus('a 1\nb 2\nbad{ 3\n', new Set(['b'])).samples).toHaveLength(1);
    const cut = parsePrometheus(long);
    expect([cut.samples.length, cut.truncated]).toEqual([10_000, true]);
  });

  it('takes any text without throwing', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[a-c{}="\\n# \n0-9.]{0,60}$/)), (text) => {
        expect(parsePrometheus(text).samples.length).toBeLessThanOrEqual(text.length);
      }),
    );
  });
});
