import type { Msg } from '../model/msg.ts';
import type { NodeContext } from './node-context.ts';
import type { NodeKind, NodeResult, RunningNode } from './node-kind.ts';

/** A message as it reaches a node. */
export interface NodeVisit {
  readonly chain: string;
  readonly node: string;
  readonly kind: string;
  /** With its defaults. */
  readonly config: unknown;
  readonly msg: Msg;
}

/** The same kinds, which tell of each message before they get it: what explain and coverage look at. */
export function watchKinds(kinds: readonly NodeKind[], onVisit: (visit: NodeVisit) => void): readonly NodeKind[] {
  return kinds.map((kind) =>
    replaceNode(kind, (visit, own, context) => {
      onVisit(visit);
      return own.onMsg(visit.msg, context);
    }),
  );
}

type Answer = (visit: NodeVisit) => NodeResult;

/** The same kinds, but none that reaches outside is made: what it would have got goes to `answer`. */
export function keepInside(kinds: readonly NodeKind[], answer: Answer): readonly NodeKind[] {
  return kinds.map((kind): NodeKind => {
    if (!reachesOutside(kind.kind)) return kind;
    const { kind: name } = kind;
    return {
      ...kind,
      create: (config, { chain, node }) => ({ onMsg: (msg) => answer({ chain, node, kind: name, config, msg }) }),
    };
  });
}

/** Kinds that talk to services of others. */
export const reachesOutside = (kind: string): boolean => kind.startsWith('external/');

function replaceNode(
  kind: NodeKind,
  onMsg: (visit: NodeVisit, own: RunningNode, context: NodeContext) => NodeResult | Promise<NodeResult>,
): NodeKind {
  return {
    ...kind,
    create(config, loader) {
      const own = kind.create(config, loader);
      const { chain, node } = loader;
      return {
        ...(own.source ? { source: own.source } : {}),
        onMsg: (msg, context) => onMsg({ chain, node, kind: kind.kind, config, msg }, own, context),
        close: async () => own.close?.(),
      };
    },
  };
}
