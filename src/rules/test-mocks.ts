import type { JsonObject } from '../model/json.ts';
import { type Msg, withMsg } from '../model/msg.ts';
import { NodeFailure, type NodeResult } from './node-kind.ts';
import type { NodeVisit } from './node-visits.ts';

/** What a node that reaches outside answers in a test; several are given one after the other, the last one ever after. */
export interface Mock {
  /** Label that the message leaves by; Success when left out. */
  readonly to?: string;
  /** Instead: why the service did not answer. */
  readonly error?: string;
  readonly data?: JsonObject;
  /** Added to the message's own. */
  readonly metadata?: Readonly<Record<string, string>>;
}

export type Mocks = Readonly<Record<string, Mock | readonly Mock[]>>;

/** The outside world of one test: what it answers, and what it was sent. */
export interface Outside {
  answer(visit: NodeVisit): NodeResult;
  /** Messages by node, in order; `<chain>/<node>` for nodes of another chain than the one under test. */
  readonly sent: ReadonlyMap<string, readonly Msg[]>;
}

export function createOutside(chain: string, mocks: Mocks = {}): Outside {
  const sent = new Map<string, Msg[]>();
  return {
    sent,
    answer({ chain: where, node, msg }) {
      const name = where === chain ? node : `${where}/${node}`;
      const before = sent.get(name) ?? [];
      sent.set(name, [...before, msg]);
      const given = Object.hasOwn(mocks, name) ? mocks[name] : undefined;
      const list = given === undefined ? [] : [given].flat();
      const mock = list[Math.min(before.length, list.length - 1)];
      if (mock === undefined) {
        throw new NodeFailure(`this node reaches outside: say what it answers in given.mocks["${name}"]`);
      }
      if (mock.error !== undefined) throw new NodeFailure(mock.error);
      const metadata = mock.metadata ? { ...msg.metadata, ...mock.metadata } : msg.metadata;
      const answered = withMsg(msg, { metadata, ...(mock.data ? { data: mock.data } : {}) });
      return { relation: mock.to ?? 'Success', msg: answered };
    },
  };
}
