// The addon: found or missed with a clear error, and leaving nothing behind when sockets or workers go.
import { readdirSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { describe, expect, it, vi } from 'vitest';
import { loadNative, nativeCandidates } from './native.ts';
import { RequestSocket } from './request-socket.ts';
import { addonImpossible } from './testing.ts';

describe('the addon', () => {
  it('is looked for beside the bundle and in dist, or where CFND_NATIVE says', () => {
    expect(nativeCandidates({}).map((path) => path.endsWith('nlsock.node'))).toEqual([true, true]);
    expect(nativeCandidates({ CFND_NATIVE: '/opt/cfnd/nlsock.node' })).toEqual(['/opt/cfnd/nlsock.node']);
  });

  it('that is missing is a coded error that says how to build it', () => {
    vi.stubEnv('CFND_NATIVE', '/nonexistent/nlsock.node');
    expect(loadNative).toThrow(
      expect.objectContaining({
        code: 'netlink-addon-missing',
        message: expect.stringContaining('scripts/build-native'),
      }),
    );
    vi.unstubAllEnvs();
  });

  it('that is not an addon is a coded error', () => {
    vi.stubEnv('CFND_NATIVE', import.meta.filename);
    expect(loadNative).toThrow(expect.objectContaining({ code: 'netlink-addon-broken' }));
    vi.unstubAllEnvs();
  });
});

const impossible = process.platform === 'linux' ? addonImpossible() : 'not Linux';
if (impossible) console.warn(`native.test: sockets skipped, ${impossible}`);

describe.skipIf(impossible)('sockets of the addon', () => {
  const descriptors = () => readdirSync('/proc/self/fd').length;

  it('give their descriptors back when they are closed', () => {
    const before = descriptors();
    for (let i = 0; i < 500; i++) RequestSocket.open().close();
    expect(descriptors()).toBeLessThanOrEqual(before);
  });

  it('refuse what is not a socket, and what is closed, by errno', () => {
    const native = loadNative();
    const handle = native.open(0, null, () => {});
    if (typeof handle === 'number') throw new Error(`open gave ${handle}`);
    expect(native.send(handle, new Uint8Array(4), 5)).toBe(-22);
    expect(native.recv(handle, new Uint8Array(4), 5)).toBe(-22);
    expect(native.exchange(handle, 0, 1, 1)).toBe(-22);
    expect(native.close(handle)).toBe(0);
    expect(native.close(handle)).toBe(-9);
    expect(native.port({} as never)).toBe(-22);
    expect(native.open(0, '/nonexistent', () => {})).toBe(-2);
    expect(native.open(99, null, () => {})).toBe(-93);
  });

  it('refuse a parcel that does not fit its berth, or is on its way', () => {
    const native = loadNative();
    const handle = native.open(0, null, () => {});
    if (typeof handle === 'number') throw new Error(`open gave ${handle}`);
    const portions = new Int32Array(8);
    const bytes = new Uint8Array(portions.buffer);
    const berth = (index: number) => native.berth(handle, index, new Uint8Array(64), new Uint8Array(1024), bytes);
    expect(berth(0)).toBe(-22);
    expect(native.answered(handle, 1)).toBe(-11);
    expect(native.dispatch(handle, 1000, () => {})).toBe(0);
    expect(native.dispatch(handle, 1000, () => {})).toBe(-114);
    expect([berth(-1), berth(8), berth(0)]).toEqual([-22, -22, 0]);
    expect([native.post(handle, 1, 1), native.post(handle, 0, 0), native.post(handle, 0, 3)]).toEqual([-22, -22, -22]);
    portions.set([65, 1, 0, 0, 64, 2, 0, 0]);
    expect(native.post(handle, 0, 1)).toBe(-22);
    portions[0] = 64;
    expect(native.post(handle, 0, 2)).toBe(-22);
    // Zeros: the kernel drops them without a word, and the socket is closed long before the answer is given up.
    expect(native.post(handle, 0, 1)).toBe(0);
    expect([native.post(handle, 0, 1), berth(0)]).toEqual([-16, -16]);
    expect(native.close(handle)).toBe(0);
    expect(native.answered(handle, 1)).toBe(-9);
  });

  it('survive workers that end, and sockets that are closed, while a parcel is on its way', async () => {
    const before = descriptors();
    const path = nativeCandidates().at(-1)!;
    for (const ending of ['', 'native.close(handle);', 'process.exit(1);']) {
      const worker = new Worker(
        `const native = require(${JSON.stringify(path)});
         const handle = native.open(0, null, () => {});
         native.dispatch(handle, 60000, () => {});
         native.berth(handle, 0, new Uint8Array(64), new Uint8Array(1024), new Uint8Array(Int32Array.of(64, 1, 0, 0).buffer));
         const posted = native.post(handle, 0, 1);
         require('node:worker_threads').parentPort.postMessage(posted);
         setTimeout(() => { ${ending} }, 1);
         setInterval(() => {}, 1000);`,
        { eval: true },
      );
      const posted = await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
      expect(posted).toBe(0);
      expect(await worker.terminate()).toBe(1);
    }
    await vi.waitFor(() => expect(descriptors()).toBeLessThanOrEqual(before), { timeout: 20_000 });
  });

  it('survive workers that end while a socket is watched', async () => {
    const before = descriptors();
    const path = nativeCandidates().at(-1)!;
    for (let i = 0; i < 3; i++) {
      const worker = new Worker(
        `const native = require(${JSON.stringify(path)});
         const handle = native.open(0, null, () => {});
         native.poll(handle, 1);
         require('node:worker_threads').parentPort.postMessage(native.port(handle));`,
        { eval: true },
      );
      const port = await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
      expect(port).toBeGreaterThan(0);
      expect(await worker.terminate()).toBe(1);
    }
    await vi.waitFor(() => expect(descriptors()).toBeLessThanOrEqual(before), { timeout: 20_000 });
  });
});
