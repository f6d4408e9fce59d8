/** Type of the messages that ask a source for its next one; ThingsBoard's word. Metadata `number`: the how manieth, from 1. */
export const SOURCE_TICK = 'GENERATOR_NODE_SELF_MSG';

/** When a source makes messages: a node that gets none. Nodes keep no timer: who runs them asks. */
export interface SourceTimes {
  readonly everyMs: number;
  /** After so many it is done; Infinity = never. */
  readonly times: number;
}

export interface Source extends SourceTimes {
  readonly chain: string;
  readonly node: string;
}

interface Compiled {
  readonly chain: string;
  readonly name: string;
  readonly running: { readonly source?: SourceTimes };
}

/** The sources among these chains, in file order. */
export function sourcesOf(chains: Iterable<{ readonly nodes: ReadonlyMap<string, Compiled> }>): readonly Source[] {
  return [...chains].flatMap(({ nodes }) =>
    [...nodes.values()].flatMap(({ chain, name: node, running }) =>
      running.source ? [{ chain, node, ...running.source }] : [],
    ),
  );
}
