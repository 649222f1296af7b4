// How an ingress tells the class of a new flow by its packet: ordered rules of a steered service, first match wins.
import { z } from 'zod';
import { DSCP, type TrafficMatch } from '../model/traffic-match.ts';
import { integer, name, prefix } from './units.ts';

const dscp = () => {
  const error = `must be a DSCP: 0 to 63, or one of ${Object.keys(DSCP).join(', ')}`;
  return z.union([z.number(), z.string()], { error }).transform((value, context) => {
    const code = typeof value === 'number' ? value : DSCP[value];
    if (code !== undefined && Number.isInteger(code) && code >= 0 && code <= 63) return code;
    context.addIssue({ code: 'custom', message: error });
    return z.NEVER;
  });
};

const ports = () => {
  const error = 'must be a port or a range, for example 443 or 8000-8999';
  const isPort = (port: number) => port >= 1 && port <= 65535;
  return z.union([z.number(), z.string()], { error }).transform((value, context) => {
    const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(String(value));
    const from = Number(match?.[1]);
    const to = Number(match?.[2] ?? match?.[1]);
    if (isPort(from) && isPort(to) && from <= to) return { from, to };
    context.addIssue({ code: 'custom', message: error });
    return z.NEVER;
  });
};

const match = z
  .strictObject({
    dscp: dscp().optional(),
    source: prefix().optional(),
    protocol: z.enum(['tcp', 'udp'], { error: 'must be tcp or udp' }).optional(),
    port: ports().optional(),
    'flow-label': integer(0, 0xfffff).optional(),
  })
  .refine((value) => Object.values(value).some((condition) => condition !== undefined), {
    error: 'says no condition; what no rule matches is of the class of the service',
  });

/** `classify` of a steered service. */
export const classify = z
  .array(z.strictObject({ match, class: name() }))
  .max(256)
  .default([]);

/** The file's words as the model's. */
export function buildMatch(file: z.output<typeof match>): TrafficMatch {
  const { dscp: code, source, protocol, port, 'flow-label': flowLabel } = file;
  return {
    ...(code !== undefined && { dscp: code }),
    ...(source !== undefined && { source }),
    ...(protocol !== undefined && { protocol }),
    ...(port !== undefined && { ports: port }),
    ...(flowLabel !== undefined && { flowLabel }),
  };
}
