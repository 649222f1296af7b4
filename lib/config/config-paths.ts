// A hop of a way that the operator has named for a class.

export interface PathHopConfig {
  /** Name or router id. */
  readonly node: string;
  /** Interface by which the router before it sends; absent: any that leads there. */
  readonly link?: string | undefined;
}
