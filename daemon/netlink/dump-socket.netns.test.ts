// Dumps of a table that is changed whenever somebody else has a turn of the event loop.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeLink, encodeDumpLinks, encodeNewBridge, encodeRemoveLink } from '../../lib/netlink/rt/link.ts';
import { kernelTestsImpossible, NetlinkNamespace } from './testing.ts';

const impossible = kernelTestsImpossible();
if (impossible) console.warn(`dump-socket.netns.test: skipped, ${impossible}`);
/** More than are told in one go. */
const LINKS = 100;

describe.skipIf(impossible)('dumps', () => {
  let ns: NetlinkNamespace;

  beforeAll(() => {
    ns = new NetlinkNamespace();
    const socket = ns.open();
    socket.batch(Array.from({ length: LINKS }, (_, i) => (w) => encodeNewBridge(w, { name: `b${i}` })));
  });
  afterAll(() => ns?.remove());

  it('of a table that never rests are read between two changes at last', async () => {
    const [reader, others] = [ns.open(), ns.open()];
    let isThere = false;
    let isOver = false;
    const change = () => {
      if (isOver) return;
      const encode = isThere ? encodeRemoveLink : encodeNewBridge;
      expect(others.request((w) => encode(w, { name: 'restless' }))).toBeNull();
      isThere = !isThere;
      setImmediate(change);
    };
    change();
    const links = await reader.dump(encodeDumpLinks, decodeLink).finally(() => {
      isOver = true;
    });
    expect(links.filter(({ name }) => /^b\d+$/.test(name))).toHaveLength(LINKS);
  });
});
