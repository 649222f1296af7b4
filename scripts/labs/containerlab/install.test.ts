import { expect, test } from 'vitest';
import { lastLines, run, runOrThrow } from './command.ts';
import { withoutProcModules } from './containerlab-binary.ts';
import { canSwitchToolchain, goRelease } from './go-toolchain.ts';
import { parseLdd } from './rootfs.ts';

test('a Go from 1.21 on fetches the release it needs by itself, an older one does not', () => {
  const answers = [
    'go version go1.26.8 linux/amd64',
    'go version go1.21.0 linux/arm64',
    'go version go2.0 linux/amd64',
  ];
  for (const version of answers) expect(canSwitchToolchain(version)).toBe(true);
  for (const version of ['go version go1.19.8 linux/amd64', 'go version go1.20rc1 linux/amd64', '']) {
    expect(canSwitchToolchain(version)).toBe(false);
  }
});

test('the wanted release is the go line of go.mod', () => {
  expect(goRelease('module x\n\ngo 1.26.0\n\nrequire (\n\tgo.uber.org/zap v1.2.3\n)\n')).toBe('1.26.0');
  expect(() => goRelease('module x\n')).toThrow('without a go line');
});

test('an absent /proc/modules is read as an empty one, and unknown source is left alone', () => {
  const source = '\tf, err := os.Open("/proc/modules")\n\tif err != nil {\n\t\treturn false, err\n\t}\n';
  expect(withoutProcModules(source)).toBe(
    '\tf, err := os.Open("/proc/modules")\n\tif os.IsNotExist(err) {\n\t\treturn false, nil\n\t}\n\tif err != nil {\n\t\treturn false, err\n\t}\n',
  );
  expect(withoutProcModules('package utils\n')).toBeUndefined();
});

test('ldd names libraries and the loader, each once, and a missing one is an error', () => {
  const text = `/usr/sbin/ip:
\tlinux-vdso.so.1 (0x00007ffd1)
\tlibelf.so.1 => /lib/x86_64-linux-gnu/libelf.so.1 (0x00007f1)
\t/lib64/ld-linux-x86-64.so.2 (0x00007f2)
/usr/bin/script:
\tnot a dynamic executable
/usr/sbin/tc:
\tlibelf.so.1 => /lib/x86_64-linux-gnu/libelf.so.1 (0x00007f3)
`;
  expect(parseLdd(text)).toEqual(['/lib/x86_64-linux-gnu/libelf.so.1', '/lib64/ld-linux-x86-64.so.2']);
  expect(() => parseLdd('\tlibnope.so => not found\n')).toThrow('libnope.so');
});

test('a command gives its code, both outputs and takes its input', async () => {
  const script = 'read word; echo "got $word"; echo bad >&2; exit 3';
  expect(await run(['sh', '-c', script], { input: 'this\n' })).toEqual({
    code: 3,
    stdout: 'got this\n',
    stderr: 'bad\n',
  });
});

test('a program that does not exist is code 127', async () => {
  expect((await run(['/nonexistent/program'])).code).toBe(127);
});

test('a command that takes too long is killed', async () => {
  expect((await run(['sleep', '60'], { timeoutMs: 50 })).code).toBe(-1);
});

test('a failed command throws with its last words', async () => {
  await expect(runOrThrow(['sh', '-c', 'echo why >&2; exit 1'])).rejects.toThrow(/exited with 1: why$/);
});

test('last lines are without colours and blank lines', () => {
  const red = '\u001b[31m';
  expect(lastLines(`a\n\n${red}b\u001b[0m\n\n c \n`, 2)).toBe('b\nc');
});
