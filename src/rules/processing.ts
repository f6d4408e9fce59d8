import type { Msg } from '../model/msg.ts';
import type { NodeContext } from './node-context.ts';

const STRATEGY_TYPES = ['ON_EVERY_MESSAGE', 'DEDUPLICATE', 'SKIP'] as const;

/** When one effect of a save node happens: ThingsBoard's words. */
export interface Strategy {
  readonly type: (typeof STRATEGY_TYPES)[number];
  /** Of DEDUPLICATE: the first message of an originator in each bucket of so many seconds. */
  readonly deduplicationIntervalSecs?: number;
}

/** One strategy for everything, or with ADVANCED one for each effect. */
export type ProcessingSettings<Effect extends string> =
  | { readonly type: 'ON_EVERY_MESSAGE' | 'WEBSOCKETS_ONLY' }
  | { readonly type: 'DEDUPLICATE'; readonly deduplicationIntervalSecs: number }
  | ({ readonly type: 'ADVANCED' } & Readonly<Partial<Record<Effect | 'webSockets' | 'calculatedFields', Strategy>>>);

/** Which effects happen for one message; `live`: those who watch the entity hear of it. */
export type Plan<Effect extends string> = Readonly<Record<Effect | 'live', boolean>>;

const interval = { type: 'integer', minimum: 1, maximum: 86_400 } as const;
const word = (type: string): object => ({ const: type });
const shape = (type: string, more: object = {}): object => ({
  type: 'object',
  additionalProperties: false,
  required: ['type', ...Object.keys(more).filter((key) => key === 'deduplicationIntervalSecs')],
  properties: { type: word(type), ...more },
});
const strategy = {
  oneOf: [shape('ON_EVERY_MESSAGE'), shape('SKIP'), shape('DEDUPLICATE', { deduplicationIntervalSecs: interval })],
};

/** JSON schema of the settings of a node with these effects. */
export const processingSchema = (effects: readonly string[]): Record<string, unknown> => ({
  oneOf: [
    shape('ON_EVERY_MESSAGE'),
    shape('WEBSOCKETS_ONLY'),
    shape('DEDUPLICATE', { deduplicationIntervalSecs: interval }),
    shape('ADVANCED', Object.fromEntries([...effects, 'webSockets', 'calculatedFields'].map((key) => [key, strategy]))),
  ],
});

/** Asked once for each message, by the originator's id and the message's time. */
export function compileProcessing<const Effect extends string>(
  settings: ProcessingSettings<Effect>,
  effects: readonly Effect[],
): (originatorId: string, ts: number, context: NotStored) => Plan<Effect> {
  const planOf = (happens: (effect: Effect) => boolean, live: boolean): Plan<Effect> =>
    Object.fromEntries([...effects.map((effect) => [effect, happens(effect)]), ['live', live]]) as Plan<Effect>;
  const all = planOf(() => true, true);
  switch (settings.type) {
    case 'ON_EVERY_MESSAGE':
      return () => all;
    case 'WEBSOCKETS_ONLY': {
      const onlyLive = planOf(() => false, true);
      return () => onlyLive;
    }
    case 'DEDUPLICATE': {
      const none = planOf(() => false, false);
      const gate = compileStrategy(settings);
      return (id, ts, context) => (gate(id, ts, context) ? all : none);
    }
    case 'ADVANCED': {
      const gates = new Map(effects.map((effect) => [effect, compileStrategy(settings[effect])]));
      const live = compileStrategy(settings.webSockets);
      return (id, ts, context) =>
        planOf((effect) => gates.get(effect)?.(id, ts, context) ?? true, live(id, ts, context));
    }
  }
}

type NotStored = Pick<NodeContext, 'onNotStored'>;
type Gate = (originatorId: string, ts: number, context: NotStored) => boolean;

/** Originators whose last bucket is remembered; the one that was met first is forgotten first. */
const MAX_ORIGINATORS = 100_000;

function compileStrategy(
  strategy: Omit<Strategy, 'type'> & { readonly type: string } = { type: 'ON_EVERY_MESSAGE' },
): Gate {
  if (strategy.type !== 'DEDUPLICATE') return () => strategy.type !== 'SKIP';
  const bucketMs = (strategy.deduplicationIntervalSecs ?? 60) * 1_000;
  const buckets = new Map<string, number>();
  return (id, ts, context) => {
    const bucket = Math.floor(ts / bucketMs);
    const former = buckets.get(id);
    if (former === bucket) return false;
    buckets.delete(id);
    buckets.set(id, bucket);
    context.onNotStored(() => {
      if (former === undefined) buckets.delete(id);
      else buckets.set(id, former);
    });
    const [oldest] = buckets.size > MAX_ORIGINATORS ? buckets.keys() : [];
    if (oldest !== undefined) buckets.delete(oldest);
    return true;
  };
}

/** Metadata `ts` when it is an integer, else the message's own time (thingsboard-rule-chains 3.1). */
export function effectiveTs(msg: Msg): number {
  const text = msg.metadata.ts;
  // The text that most messages come with; V8 keeps it, so that it is not made again.
  if (text === undefined || text === String(msg.ts)) return msg.ts;
  const ts = Number(text);
  return Number.isSafeInteger(ts) && text.trim() !== '' ? ts : msg.ts;
}
