import type { Performance } from '../performance.ts';
export function renderPage(_played: Performance): string {
  return '<!doctype html>';
}
