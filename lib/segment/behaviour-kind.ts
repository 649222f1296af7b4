// What a behaviour code point means to whoever packs or walks a segment list: the action, the compression flavour, and
// PSP/USP/USD. Derived from the registry's layout (RFC 8986 10.2, RFC 9800 13.1); names for people are in behaviours.ts.

export type Flavour = 'none' | 'next' | 'replace';

export type Action =
  | 'End'
  | 'End.X'
  | 'End.T'
  | 'End.B6'
  | 'End.BM'
  | 'End.LBS'
  | 'End.XLBS'
  | 'End.DX6'
  | 'End.DX4'
  | 'End.DT6'
  | 'End.DT4'
  | 'End.DT46'
  | 'End.L2';

export interface BehaviourKind {
  readonly action: Action;
  readonly flavour: Flavour;
  /** Penultimate and ultimate segment pop, ultimate segment decapsulation (RFC 8986 4.16). */
  readonly psp: boolean;
  readonly usp: boolean;
  readonly usd: boolean;
}

/** Undefined for a code point whose processing is not known: such a SID is opaque. */
export function behaviourKind(codePoint: number): BehaviourKind | undefined {
  return KINDS.get(codePoint);
}

/** The code point of an action in a flavour, without PSP, USP and USD; 65535 (opaque) where the registry has none. */
export function behaviourCode(action: Action, flavour: Flavour): number {
  for (const [code, kind] of KINDS) {
    if (kind.action === action && kind.flavour === flavour && !kind.psp && !kind.usp && !kind.usd) return code;
  }
  return 0xffff;
}

/** True when the action takes the outer header off, so that nothing can follow it in a list. */
export function isDecapsulating({ action }: BehaviourKind): boolean {
  return action.startsWith('End.D') || action === 'End.L2';
}

/** True when the packet leaves the node by an adjacency, whatever the next SID is. */
export function isCrossConnect({ action }: BehaviourKind): boolean {
  return action === 'End.X' || action === 'End.XLBS';
}

const SERVICES: readonly Action[] = ['End.DX6', 'End.DX4', 'End.DT6', 'End.DT4', 'End.DT46'];
const LAYER_2: readonly Action[] = ['End.L2', 'End.L2', 'End.L2', 'End.L2'];

const KINDS: ReadonlyMap<number, BehaviourKind> = new Map([
  ...flavoured('End', 'none', 1, 0, 4),
  ...flavoured('End.X', 'none', 5, 0, 4),
  ...flavoured('End.T', 'none', 9, 0, 4),
  // 13, 26 (End.B6.Insert) belong to a draft and stay opaque.
  ...inOrder('none', 14, ['End.B6', 'End.BM', ...SERVICES, ...LAYER_2]),
  ...inOrder('none', 27, ['End.B6']),
  ...flavoured('End', 'none', 28, 4, 4),
  ...flavoured('End.X', 'none', 32, 4, 4),
  ...flavoured('End.T', 'none', 36, 4, 4),
  ...flavoured('End', 'next', 43, 0, 8),
  ...flavoured('End.X', 'next', 52, 0, 8),
  ...inOrder('next', 60, [...SERVICES, ...LAYER_2]),
  ...flavoured('End.T', 'next', 85, 0, 8),
  ...inOrder('next', 93, ['End.B6', 'End.B6', 'End.BM', 'End.LBS', 'End.XLBS']),
  ...flavoured('End', 'replace', 101, 0, 4),
  ...flavoured('End.X', 'replace', 105, 0, 4),
  ...flavoured('End.T', 'replace', 109, 0, 4),
  ...inOrder('replace', 114, ['End.B6', 'End.BM', ...SERVICES, ...LAYER_2]),
  ...inOrder('replace', 127, ['End.B6']),
  ...flavoured('End', 'replace', 128, 4, 4),
  ...flavoured('End.X', 'replace', 132, 4, 4),
  ...flavoured('End.T', 'replace', 136, 4, 4),
  ...inOrder('replace', 140, ['End.LBS', 'End.XLBS']),
]);

/** The registry counts flavours in binary: 1 PSP, 2 USP, 4 USD; `count` code points from combination `from` on. */
function flavoured(
  action: Action,
  flavour: Flavour,
  first: number,
  from: number,
  count: number,
): [number, BehaviourKind][] {
  return Array.from({ length: count }, (_, i) => {
    const set = from + i;
    return [first + i, { action, flavour, psp: (set & 1) !== 0, usp: (set & 2) !== 0, usd: (set & 4) !== 0 }];
  });
}

function inOrder(flavour: Flavour, first: number, actions: readonly Action[]): [number, BehaviourKind][] {
  return actions.map((action, i) => [first + i, { action, flavour, psp: false, usp: false, usd: false }]);
}
