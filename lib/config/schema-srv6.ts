// The section `srv6`: the router's locators and how it compresses segment lists. `locator` is the one of full SIDs that
// every router has; `locators` are those whose SIDs are packed, and further plain ones.
import { z } from 'zod';
import { LOCATOR_FAMILIES } from '../model/locator.ts';
import { FUNCTION_BITS_MAX, FUNCTION_BITS_MIN } from '../model/sid-functions.ts';
import { address, integer, interfaceName, prefix } from './units.ts';

export const COMPRESSIONS = ['auto', 'next-csid', 'replace-csid', 'none'] as const;

const locator = z.strictObject({
  /** Of block and node. */
  prefix: prefix('ipv6'),
  /** Behaviour of its SIDs: `end` (full SIDs), `next-csid` (uSID) or `replace-csid` (G-SRv6); RFC 9800. */
  behaviour: z.enum(LOCATOR_FAMILIES),
  /** Bits of a C-SID; default: 16 with next-csid, 32 with replace-csid. Not with `end`. */
  'csid-bits': z.union([z.literal(16), z.literal(32)], { error: 'must be 16 or 32' }).optional(),
  /** Bits; default: node 16 and function 16 (8 and 8 in 16-bit replace-csid), the block is the rest of the prefix. */
  structure: z
    .strictObject({ block: integer(1, 120), node: integer(1, 32), function: integer(1, FUNCTION_BITS_MAX) })
    .optional(),
});

export const srv6 = z.strictObject({
  locator: prefix('ipv6'),
  /** Bits (RFC 9252 3.2.1); default: block and node fill the locator, node 16, function 16, argument 0. */
  structure: z
    .strictObject({
      block: integer(1, 120),
      node: integer(0, 120),
      function: integer(FUNCTION_BITS_MIN, FUNCTION_BITS_MAX),
      argument: integer(0, 120).default(0),
    })
    .optional(),
  /** Default: function 1 of the locator. */
  'end-sid': address('ipv6').optional(),
  /** Outer source of encapsulated packets; default: host 1 of the locator. */
  source: address('ipv6').optional(),
  device: interfaceName().default('sr0'),
  /** Most SIDs the headend imposes (RFC 8491). */
  'max-sid-depth': integer(1, 64).default(16),
  /** Served as far as the kernel can; SIDs of the others are not announced. */
  locators: z.array(locator).max(16).default([]),
  /** Signs segment routing headers (RFC 8754 2.1.2); the whole domain needs the key. */
  hmac: z
    .strictObject({
      'key-id': integer(1, 0xffffffff),
      algorithm: z.enum(['sha1', 'sha256']).default('sha256'),
      /** Its first line is the secret, 1..64 bytes. */
      'secret-file': z.string().min(1).max(4096),
      /** Links on which unsigned headers are dropped. */
      'require-on': z.array(interfaceName()).max(1024).default([]),
    })
    .optional(),
  /** Which packed lists this headend imposes, the same in the whole domain: `auto` is whichever is shortest. */
  compression: z.enum(COMPRESSIONS).default('auto'),
});
