import { ExactNumber, type JsonObject, type JsonValue } from '../../model/json.ts';
import type { TestMessage } from '../chain-test-file.ts';
import { type NodeVisit, reachesOutside } from '../node-visits.ts';
import type { RecordedMsg } from '../recording.ts';
import { type Play, rehearse } from '../rehearsal.ts';
import type { TraceStep } from '../run.ts';
import type { Side } from './diff-cases.ts';
import { canonicalJson } from './json-same.ts';

/** A recorded message that comes out differently. */
export interface ReplayDifference {
  /** Place in the recording, from 1. */
  readonly message: number;
  readonly from: string;
  readonly type: string;
  readonly at: number;
  readonly before: ReplaySide;
  readonly after: ReplaySide;
}

export interface ReplaySide {
  readonly outcome: string;
  readonly path: readonly string[];
  /** The first thing done differently there; absent when this side does nothing more. */
  readonly does?: string;
}

export interface ReplayGroup {
  /** First node from which on the messages go, or do, something else. */
  readonly node: string;
  readonly differences: readonly ReplayDifference[];
}

/** What one message did, in order: nodes it came to, labels it left by, and what was asked of the world. */
interface Deed {
  readonly node: string;
  readonly text: string;
}
interface Played {
  readonly outcome: string;
  readonly path: readonly string[];
  readonly deeds: readonly Deed[];
}

/** Reads, and what is only for people: they make no difference by themselves. */
const SILENT: ReadonlySet<string> = new Set(['now', 'log', 'maskSupplyPoint', 'showAttributes']);

/**
 * Plays recorded traffic through two versions of the chains, each in a world of its own that begins empty but for the
 * suppliers whose keys were good, and gives the messages that come out differently, by the first node that differs.
 */
export async function replay(messages: readonly RecordedMsg[], before: Side, after: Side): Promise<ReplayGroup[]> {
  if (messages.length === 0) return [];
  const old = await play(messages, before);
  const now = await play(messages, after);
  const groups = new Map<string, ReplayDifference[]>();
  for (const [index, { from, type, at }] of messages.entries()) {
    const a = old[index] ?? NOTHING;
    const b = now[index] ?? NOTHING;
    const length = Math.max(a.deeds.length, b.deeds.length);
    const first = Array.from({ length }, (_, step) => step).find((step) => a.deeds[step]?.text !== b.deeds[step]?.text);
    if (first === undefined && a.outcome === b.outcome) continue;
    const [left, right] = first === undefined ? [] : [a.deeds[first], b.deeds[first]];
    const node = left?.node ?? right?.node ?? 'the end';
    const list = groups.get(node) ?? [];
    groups.set(node, list);
    list.push({ message: index + 1, from, type, at, before: sideOf(a, left), after: sideOf(b, right) });
  }
  return [...groups].map(([node, differences]) => ({ node, differences }));
}

const NOTHING: Played = { outcome: 'not played', path: [], deeds: [] };

const sideOf = ({ outcome, path }: Played, deed: Deed | undefined): ReplaySide => ({
  outcome,
  path,
  ...(deed === undefined ? {} : { does: deed.text }),
});

async function play(messages: readonly RecordedMsg[], { generation, stage }: Side): Promise<Played[]> {
  let node = '';
  const deeds = new Map<string, Deed[]>();
  let current: Deed[] = [];
  const note = (text: string): void => {
    current.push({ node, text });
  };
  stage.onVisit = ({ chain, node: name, kind, msg }: NodeVisit): void => {
    const id = rootId(msg.id);
    current = deeds.get(id) ?? [];
    deeds.set(id, current);
    node = chain === generation.root.name ? name : `${chain}/${name}`;
    note(reachesOutside(kind) ? `sends ${canonicalJson(msg.data)}` : 'is reached');
  };
  const onStep = ({ labels }: TraceStep): void => note(`leaves by ${labels.join(', ') || 'nothing'}`);
  const watchContext = (name: string, args: readonly unknown[]): void => {
    if (!SILENT.has(name)) note(`${name} ${args.map(argumentText).join(' ')}`);
  };
  const { root, chains, secretKeys } = generation;
  const play: Play = {
    chain: root,
    chains,
    secretKeys,
    given: worldOf(messages),
    when: messages.map(toMessage),
    onStep,
    watchContext,
  };
  const { runs } = await rehearse(play, stage);
  return messages.map((_, index): Played => {
    const id = `message-${index + 1}`;
    const own = runs.filter(({ msg }) => rootId(msg.id) === id);
    return {
      outcome: own.map(({ result }) => result.outcome).join(', '),
      path: own.flatMap(({ steps }) => steps.flatMap((step) => [step.node, ...step.labels])),
      deeds: deeds.get(id) ?? [],
    };
  });
}

/** Branches and later parts of a message belong to it. */
const rootId = (id: string): string => /^message-\d+/.exec(id)?.[0] ?? id;

const toMessage = ({ from, type, metadata, data, at }: RecordedMsg): TestMessage => ({
  from,
  type,
  metadata,
  data: data as JsonObject,
  at: Number(at),
});

function worldOf(messages: readonly RecordedMsg[]): NonNullable<Play['given']> {
  const keys = [...new Set(messages.flatMap(({ known = [] }) => known))];
  const devices = new Map(messages.map(({ from, profile }) => [from, { name: from, profile }]));
  return {
    now: Math.min(...messages.map(({ at }) => Number(at))),
    devices: [...devices.values()],
    suppliers: keys.map((key) => ({ name: `supplier of ${key}`, keys: [key] })),
  };
}

/** Data of a call into the world; functions and what differs from run to run are left out. */
function argumentText(value: unknown): string {
  if (typeof value === 'function') return '';
  if (value === null || typeof value !== 'object' || value instanceof ExactNumber) return canonicalJson(value);
  if ('originator' in value && 'data' in value) {
    const { type, metadata, data } = value as unknown as Readonly<Record<string, unknown>>;
    return canonicalJson({ type, metadata, data } as unknown as JsonValue);
  }
  return canonicalJson(value);
}
