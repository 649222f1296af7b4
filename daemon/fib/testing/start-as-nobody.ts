// Starts the kernel forwarding plane as an unprivileged user, and tells what it found. Run by a test, in a namespace.
import { loadNative } from '../../netlink/native.ts';
import { createKernelFib } from '../kernel-fib.ts';

// As root: a user may not be able to read this checkout.
loadNative();

process.setgroups?.([]);
process.setgid?.(65534);
process.setuid?.(65534);
const fib = createKernelFib({
  protocol: 201,
  links: [],
  device: 'sr0',
  source: 'fcbb:bb:a::1',
  markMask: 0xfff,
  groupIdBase: 100_000_000,
  nexthopIdBase: 200_000_000,
  tableBase: 10_000,
  rulePriority: 10_000,
  log: () => {},
});
const found = await fib.start();
await fib.close({ remove: true });
process.send?.(found);
process.disconnect();
