// What a lab engine does, so that `scripts/lab` and the demo need not know which one runs: network namespaces
// (engine-netns.ts) or containerlab itself (engine-containerlab.ts). Both take the same parsed *.clab.yml and give nodes
// the same names. Knows no command line. Graphs, checks and validation are the same for every engine and live elsewhere.
import type { ChildProcess } from 'node:child_process';
import type { Impairment } from './impairment.ts';
import type { LabFile } from './lab-file.ts';

export const ENGINES = ['netns', 'containerlab'] as const;
export type EngineName = (typeof ENGINES)[number];

/** One line of `inspect --format json`, with containerlab's own keys. */
export interface InspectRow {
  readonly lab_name: string;
  /** Topology file, relative to the working directory; and absolute. */
  readonly labPath: string;
  readonly absLabPath: string;
  /** `clab-<lab>-<node>`. */
  readonly name: string;
  readonly container_id: string;
  readonly image: string;
  readonly kind: string;
  /** `running`, `exited`. */
  readonly state: string;
  readonly status: string;
  /** `N/A` where there is no management network. */
  readonly ipv4_address: string;
  readonly ipv6_address: string;
  readonly owner: string;
}

/** One command run in one node; keys as in containerlab's `exec --format json`. */
export interface ExecResult {
  readonly cmd: readonly string[];
  readonly 'return-code': number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface DeployOptions {
  /** True: the lab ends with the calling process, however that one ends; false: it stays until `destroy`. */
  readonly tied: boolean;
  /** Fail where a key of the file is valid but not mirrored by the engine. */
  readonly strict: boolean;
  /** Progress for a person, one line each. */
  readonly onLine?: (line: string) => void;
}

export interface DeployReport {
  readonly lab: string;
  readonly engine: EngineName;
  readonly tookMs: number;
  readonly nodes: readonly InspectRow[];
  /** What was degraded or left out, one line each: no netem, a key not mirrored, a refused sysctl. */
  readonly warnings: readonly string[];
  /** `exec` lines of the topology that ended with a code other than 0. */
  readonly failedExecs: readonly (ExecResult & { readonly node: string })[];
}

/** Names a lab that may be deployed; `file` is needed by engines that keep no state of their own. */
export interface LabRef {
  readonly lab: string;
  readonly file?: string;
}

export interface Engine {
  readonly name: EngineName;
  /** Throws LabError when the lab is deployed already or the file asks for what the engine refuses. */
  deploy(lab: LabFile, options: DeployOptions): Promise<DeployReport>;
  /** Removes everything of the lab; succeeds when there is nothing. `force` also reaps what a dead runner left. */
  destroy(ref: LabRef, options: { readonly force: boolean }): Promise<{ readonly removed: boolean }>;
  /** Every deployed lab of this engine, or only one. */
  inspect(lab?: string): Promise<readonly InspectRow[]>;
  /** Runs argv in a node without a shell and waits; `node` is the short name. Throws LabError when there is no such node. */
  exec(
    ref: LabRef,
    node: string,
    argv: readonly string[],
    options?: { readonly timeoutMs?: number },
  ): Promise<ExecResult>;
  /** Starts argv in a node with piped stdio, for what runs long (load generator, capture). The caller ends it: signals reach it. */
  spawn(ref: LabRef, node: string, argv: readonly string[]): ChildProcess;
  /** Whether the links have the delay, loss and rate of the file; checks that need them are left out otherwise. */
  hasLinkQuality(ref: LabRef): Promise<boolean>;
  /** Changes a running link, both directions. Throws LabError naming what this machine lacks. */
  impair(ref: LabRef, link: string, impairment: Impairment): Promise<void>;
  /** Ends the node's `cmd` (SIGKILL) and leaves its network alone; `startCmd` runs it again, as a supervisor would. */
  killCmd(ref: LabRef, node: string): Promise<void>;
  startCmd(ref: LabRef, node: string): Promise<void>;
}

/** A lab cannot be handled as asked: the message is for the user and is complete, one line. */
export class LabError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'LabError';
  }
}
