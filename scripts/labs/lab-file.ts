// A containerlab file after substitution and inheritance: what every engine deploys. Types only; parse-clab.ts makes it.
import type { LinkQuality } from './impairment.ts';

/** One node, everything inherited (node over group over kind over defaults) and every path absolute. */
export interface LabNode {
  readonly name: string;
  /** `clab-<lab>-<node>`, or as `prefix` says. */
  readonly longName: string;
  readonly kind: string;
  readonly group: string;
  readonly image: string;
  readonly hostname: string;
  /** Split like a POSIX shell would, no shell runs it; empty: the node idles. */
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
  /** In order, after the links are up. */
  readonly exec: readonly (readonly string[])[];
  readonly env: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly sysctls: Readonly<Record<string, string>>;
  readonly binds: readonly { readonly source: string; readonly target: string; readonly readOnly: boolean }[];
  readonly startupDelayS: number;
}

export interface LabEndpoint {
  readonly node: string;
  readonly interface: string;
  /** Empty: the engine draws one. */
  readonly mac: string;
}

export interface LabLink {
  /** `core1--eg1`; with interfaces (`core1:eth1--eg1:eth2`) where two links join the same nodes. */
  readonly name: string;
  readonly endpoints: readonly [LabEndpoint, LabEndpoint];
  readonly mtu: number;
  /** From `vars`: as the file wants it, whether or not an engine can do it. */
  readonly quality: LinkQuality;
}

export interface LabFile {
  readonly name: string;
  /** Absolute path of the *.clab.yml. */
  readonly path: string;
  /** Absolute, beside the file: `clab-<lab>`. */
  readonly directory: string;
  readonly nodes: readonly LabNode[];
  readonly links: readonly LabLink[];
  /** Valid keys that no engine here mirrors, one line each. */
  readonly warnings: readonly string[];
}
