// The arguments of bpf(2) that the accelerator needs (include/uapi/linux/bpf.h, union bpf_attr). Pointers are places in the
// structure and the buffers that belong there: only the shell knows addresses.

export interface BpfCall {
  readonly command: number;
  readonly attributes: Uint8Array;
  readonly pointers: readonly { readonly at: number; readonly buffer: Uint8Array }[];
}

const Command = {
  mapCreate: 0,
  mapLookup: 1,
  mapUpdate: 2,
  mapDelete: 3,
  programLoad: 5,
  programQuery: 16,
  linkCreate: 28,
} as const;
/** Kinds of map: `cache` forgets what was not looked up for longest when it is full; the keys of an array are 32-bit numbers. */
const MAP_TYPES = { hash: 1, array: 2, cache: 9 } as const;
export type MapType = keyof typeof MAP_TYPES;
const PROGRAM_TYPE_SCHED_CLS = 3;
const TCX_HOOKS = { ingress: 46, egress: 47 } as const;
/** What an interface takes in, or what leaves by it. */
export type Hook = keyof typeof TCX_HOOKS;
/** Most of what a verifier has to say. */
const LOG_OCTETS = 1 << 16;

export function createMap(type: MapType, keyOctets: number, valueOctets: number, maxEntries: number): BpfCall {
  return call(Command.mapCreate, 48, [
    [0, MAP_TYPES[type]],
    [4, keyOctets],
    [8, valueOctets],
    [12, maxEntries],
  ]);
}

export function updateElement(map: number, key: Uint8Array, value: Uint8Array): BpfCall {
  return withPointers(call(Command.mapUpdate, 32, [[0, map]]), [8, key], [16, value]);
}

/** Fills `value`. */
export function lookUpElement(map: number, key: Uint8Array, value: Uint8Array): BpfCall {
  return withPointers(call(Command.mapLookup, 32, [[0, map]]), [8, key], [16, value]);
}

export function deleteElement(map: number, key: Uint8Array): BpfCall {
  return withPointers(call(Command.mapDelete, 32, [[0, map]]), [8, key]);
}

/** A program for a traffic-control hook. With `log` the verifier's words are written there (LOG_OCTETS long). */
export function loadProgram(instructions: Uint8Array, log?: Uint8Array): BpfCall {
  const license = new TextEncoder().encode('GPL\0');
  const words: [number, number][] = [
    [0, PROGRAM_TYPE_SCHED_CLS],
    [4, instructions.length / 8],
    ...(log ? ([[24, 1] as [number, number], [28, log.length] as [number, number]] as const) : []),
  ];
  const pointers: [number, Uint8Array][] = [
    [8, instructions],
    [16, license],
    ...(log ? [[32, log] as [number, Uint8Array]] : []),
  ];
  return withPointers(call(Command.programLoad, 72, words), ...pointers);
}

export function verifierLog(): Uint8Array {
  return new Uint8Array(LOG_OCTETS);
}

/** Attaches to an interface (TCX, Linux 6.6); the link ends with its descriptor. */
export function attach(program: number, interfaceIndex: number, hook: Hook): BpfCall {
  return call(Command.linkCreate, 48, [
    [0, program],
    [4, interfaceIndex],
    [8, TCX_HOOKS[hook]],
  ]);
}

/** Fills in, at 24 of the attributes, the number of programs at an interface's hook (32 bits). */
export function queryPrograms(interfaceIndex: number, hook: Hook): BpfCall {
  return call(Command.programQuery, 64, [
    [0, interfaceIndex],
    [4, TCX_HOOKS[hook]],
  ]);
}

function call(command: number, octets: number, words: readonly (readonly [number, number])[]): BpfCall {
  const attributes = new Uint8Array(octets);
  const view = new DataView(attributes.buffer);
  for (const [at, value] of words) view.setUint32(at, value, true);
  return { command, attributes, pointers: [] };
}

function withPointers(bare: BpfCall, ...pointers: [number, Uint8Array][]): BpfCall {
  return { ...bare, pointers: pointers.map(([at, buffer]) => ({ at, buffer })) };
}
