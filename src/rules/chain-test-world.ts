import type { JsonValue } from '../model/json.ts';
import { isMsgData } from '../model/msg.ts';
import { mergeRecords } from './record.ts';
import { withoutSecrets } from './secrets.ts';
import type { TestContext } from './test-context.ts';
import type { Outside } from './test-mocks.ts';

/** What can be seen of a world from outside, as test files write it. */
const WORLD = ['attachments', 'attributes', 'telemetry', 'alarms', 'relations', 'customers', 'events'] as const;
export type WorldState = Readonly<Record<(typeof WORLD)[number], JsonValue>>;

/** Members of `then` that say what is left behind, in the order in which differences are shown. */
export const OBSERVED = ['reply', 'outside', 'logs', ...WORLD] as const;
export type Observation = Readonly<Record<(typeof OBSERVED)[number], JsonValue>>;

export function observe(context: TestContext): WorldState {
  return {
    attachments: context.attachments() as unknown as JsonValue,
    attributes: attributesOf(context),
    telemetry: latestOf(context),
    alarms: context.namedAlarms() as unknown as JsonValue,
    relations: ordered('relations', context.namedRelations() as unknown as JsonValue),
    customers: Object.fromEntries(context.owners),
    events: context.events.map(({ type, originator, data }) => ({ type, originator, data })),
  };
}

/** Relations are a set: a test may name them in any order. */
export function ordered(what: string, value: JsonValue): JsonValue {
  if (what !== 'relations' || !Array.isArray(value)) return value;
  const text = (one: JsonValue): string => {
    const { from, type, to } = one as Readonly<Record<string, string>>;
    return `${from}\n${type}\n${to}`;
  };
  return [...value].sort((a, b) => (text(a) < text(b) ? -1 : 1));
}

function attributesOf(context: TestContext): JsonValue {
  return Object.fromEntries(
    [...context.attributes].map(([device, scopes]) => [device, Object.fromEntries(scopes)]),
  ) as JsonValue;
}

/** Secrets are left out, as every node that sends leaves them out. */
export function outsideOf({ outside }: { readonly outside: Outside }): JsonValue {
  const bodies = [...outside.sent].map(([node, list]) => {
    return [node, list.map(({ data }) => (isMsgData(data) ? withoutSecrets(data) : data))] as const;
  });
  return Object.fromEntries(bodies) as JsonValue;
}

/** The value with the highest time wins; at equal times the later one. */
function latestOf(context: TestContext): JsonValue {
  const devices = [...context.telemetry].map(([device, samples]) => {
    const ordered = [...samples].sort((a, b) => a.ts - b.ts);
    return [device, mergeRecords(ordered.map((sample) => sample.values))] as const;
  });
  return Object.fromEntries(devices);
}
