import type { JsonValue } from '../../../model/json.ts';
import { isMsgData, type Msg, withMsg } from '../../../model/msg.ts';
import { integer, oneOf, optional, text } from '../../../schema/fields.ts';
import { defineNode, NodeFailure } from '../../node-kind.ts';
import { effectiveTs } from '../../processing.ts';
import { nonNull } from '../../relation-nodes.ts';
import { withoutSecrets } from '../../secrets.ts';

interface Window {
  readonly dueAt: number;
  readonly count: number;
  /** What would go on if the window ended now. */
  readonly msg: Msg;
}

const MAX_WINDOWS = 100_000;

export const deduplication = defineNode({
  kind: 'transform/deduplication',
  thingsboard: {
    type: 'org.thingsboard.rule.engine.deduplication.TbMsgDeduplicationNode',
    version: 1,
    upgrades: [({ queueName: _, ...old }) => old],
    read: nonNull,
  },
  version: 0,
  summary:
    'Lets one message of an originator go on for all that come within a time: the first, the last, or a list of all as [{"msg", "metadata"}]. A window begins with its first message, which is stored and thereby acknowledged; what it gives goes on at its end, also after a restart.',
  since: '0.3.0',
  fields: {
    interval: integer('Length of a window, s.', { default: 60, minimum: 1, maximum: 86_400 }),
    strategy: oneOf('Which message goes on, by the time of the messages.', ['FIRST', 'LAST', 'ALL'], {
      default: 'FIRST',
    }),
    outMsgType: optional(text('With ALL: type of the message that goes on.', { minLength: 1 })),
    maxPendingMsgs: integer('Messages of one window; further ones fail.', { default: 100, minimum: 1, maximum: 1_000 }),
    maxRetries: integer("ThingsBoard's; what is stored here is tried again by itself.", { default: 3, minimum: 0 }),
  },
  relations: ['Success'],
  examples: [
    {
      title: 'One onboarding in a minute',
      config: { interval: 60, strategy: 'LAST' },
      msg: { type: 'POST_ATTRIBUTES_REQUEST', data: { CUPS: 'ES1234123456789012JY' } },
      goesTo: 'Success',
    },
  ],
  *lint({ strategy, outMsgType }) {
    if (strategy === 'ALL' && outMsgType === undefined) {
      yield { at: '/outMsgType', problem: 'is missing: of which type is the message that goes on?' };
    }
  },
  create({ interval, strategy, outMsgType, maxPendingMsgs }, { chain, node }) {
    const windows = new Map<string, Window>();
    const openWindow = (msg: Msg, now: number): Window => ({
      dueAt: now + interval * 1_000,
      count: 1,
      msg:
        strategy === 'ALL' ? withMsg(msg, { data: [entryOf(msg)], ...(outMsgType ? { type: outMsgType } : {}) }) : msg,
    });
    /** The same window when the message changes nothing of what goes on. */
    const take = (window: Window, msg: Msg): Window => {
      const count = window.count + 1;
      if (count > maxPendingMsgs) throw new NodeFailure(`more than ${maxPendingMsgs} messages within ${interval} s`);
      if (strategy === 'ALL') {
        const data = [...(window.msg.data as JsonValue[]), entryOf(msg)];
        return { ...window, count, msg: withMsg(window.msg, { data }) };
      }
      const earlier = effectiveTs(msg) < effectiveTs(window.msg);
      return { ...window, count, msg: earlier === (strategy === 'FIRST') ? msg : window.msg };
    };
    return {
      async onMsg(msg, context) {
        const { id } = msg.originator;
        const now = context.now();
        const former = windows.get(id);
        const open = former !== undefined && now < former.dueAt ? former : undefined;
        const next = open ? take(open, msg) : openWindow(msg, now);
        windows.delete(id);
        windows.set(id, next);
        const [oldest] = windows.size > MAX_WINDOWS ? windows.keys() : [];
        if (oldest !== undefined) windows.delete(oldest);
        if (next.msg === open?.msg) return { relation: [], msg };
        const slot = `${chain}/${node}~${id}~${next.dueAt}`;
        try {
          const { relation } = await context.storeForLater(next.msg, { chain, node, dueAt: next.dueAt, slot });
          return { relation, msg };
        } catch (error) {
          // What is not stored is not in the window.
          if (open) windows.set(id, open);
          else windows.delete(id);
          throw error;
        }
      },
    };
  },
});

const entryOf = ({ data, metadata }: Msg): JsonValue => ({
  msg: isMsgData(data) ? withoutSecrets(data) : data,
  metadata: { ...metadata },
});
