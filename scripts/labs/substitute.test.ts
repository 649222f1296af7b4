// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the subject of these tests
import { expect, test } from 'vitest';
import { splitWords, substituteEnvironment, substituteMagic } from './substitute.ts';

const environment = { A: 'one', EMPTY: '' };

test.each([
  ['$A and ${A}', 'one and one'],
  ['${B:=two} ${B:-two} ${B-two} ${B=two}', 'two two two two'],
  ['${EMPTY:-two} ${EMPTY:=two}', 'two two'],
  ['${A:+set} [${B:+set}]', 'set []'],
  ['${B:=$A}', 'one'],
  ['$$A $${A}', '$A ${A}'],
  ['$B ${B} $EMPTY', '$B $B $EMPTY'],
  ['awk {print $1}', 'awk {print $1}'],
])('%s becomes %s, as in containerlab', (text, result) => {
  expect(substituteEnvironment(text, environment)).toBe(result);
});

test('magic variables are replaced wherever they stand', () => {
  expect(substituteMagic('configs/__clabNodeName__.yaml:/x', { __clabNodeName__: 'in1' })).toBe('configs/in1.yaml:/x');
});

test.each([
  [`ip -6  address add x`, ['ip', '-6', 'address', 'add', 'x']],
  [`sh -c 'echo "a b" > x'`, ['sh', '-c', 'echo "a b" > x']],
  [`sh -c "echo \\"a\\" \\n"`, ['sh', '-c', 'echo "a" \\n']],
  [`a\\ b''c ""`, ['a bc', '']],
  ['', []],
])('%j splits into words as a shell would', (line, words) => {
  expect(splitWords(line, 'x')).toEqual(words);
});

test('an open quote is an error with its place', () => {
  expect(() => splitWords(`sh -c 'x`, 'topology.nodes.a.exec')).toThrow("topology.nodes.a.exec: no closing '");
});
