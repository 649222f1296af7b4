import fc from 'fast-check';
import { expect, it } from 'vitest';
import { asksForAccelerator } from './accelerator.ts';

it('is asked for by its option, and by nothing else', () => {
  expect(asksForAccelerator('fib: { accelerator: tc-bpf }')).toBe(true);
  expect(asksForAccelerator('fib:\n  kind: kernel\n  accelerator: tc-bpf # asked for\n')).toBe(true);
  expect(asksForAccelerator('fib: { kind: kernel } # accelerator: tc-bpf')).toBe(false);
  expect(asksForAccelerator('name: accelerator')).toBe(false);
});

it('takes any text for an answer', () => {
  fc.assert(fc.property(fc.string(), (text) => typeof asksForAccelerator(text) === 'boolean'));
  for (const text of ['', 'fib', '- 1', 'fib: 3', ': [', 'fib: null']) expect(asksForAccelerator(text)).toBe(false);
});
