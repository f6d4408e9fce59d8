import { UsageError } from './io.ts';

/** What a template may ask for. */
export interface PayloadFacts {
  /** Number of the message of this meter, from 1. */
  readonly n: number;
  /** Milliseconds since 1970. */
  readonly ts: number;
  readonly name: string;
  /** From 0 to below 1. */
  random(): number;
}

export type PayloadTemplate = (facts: PayloadFacts) => string;

/** A load curve in watts and a register in kWh, with the meter's own time, as ThingsBoard's timestamped form. */
export const DEFAULT_PAYLOAD =
  '{"ts":{{ts}},"values":{"power":{{random 80 3500}},"voltage":{{random 226.0 234.0}},"sequence":{{n}}}}';

const HOLE = /\{\{\s*([^{}]*?)\s*\}\}/g;
const NUMBER = /^-?\d+(?:\.\d+)?$/;

/** Reads a template of JSON with `{{n}}`, `{{ts}}`, `{{name}}` and `{{random min max}}`; a wrong one is a usage error. */
export function parsePayload(text: string): PayloadTemplate {
  const parts: ((facts: PayloadFacts) => string)[] = [];
  let at = 0;
  for (const hole of text.matchAll(HOLE)) {
    const before = text.slice(at, hole.index);
    parts.push(() => before, holeOf(hole[1] ?? ''));
    at = hole.index + hole[0].length;
  }
  const rest = text.slice(at);
  const template: PayloadTemplate = (facts) => parts.map((part) => part(facts)).join('') + rest;
  const sample = template({ n: 1, ts: 1_700_000_000_000, name: 'meter-1', random: () => 0.5 });
  try {
    JSON.parse(sample);
  } catch {
    throw new UsageError(`The payload is not JSON once it is filled in: ${sample.slice(0, 200)}`);
  }
  return template;
}

function holeOf(words: string): (facts: PayloadFacts) => string {
  const [word, ...rest] = words.split(/\s+/);
  if (word === 'n' && rest.length === 0) return ({ n }) => String(n);
  if (word === 'ts' && rest.length === 0) return ({ ts }) => String(ts);
  if (word === 'name' && rest.length === 0) return ({ name }) => name;
  if (word === 'random' && rest.length === 2) return randomOf(rest[0] ?? '', rest[1] ?? '');
  throw new UsageError(
    `There is no {{${words}}} in a payload. Known: {{n}}, {{ts}}, {{name}}, {{random min max}}, such as {{random 80 3500}}.`,
  );
}

/** Whole numbers when both ends are whole; else with as many decimals as the longer end has. */
function randomOf(from: string, to: string): (facts: PayloadFacts) => string {
  if (!NUMBER.test(from) || !NUMBER.test(to) || Number(from) > Number(to))
    throw new UsageError(`{{random ${from} ${to}}} needs two numbers, the smaller first.`);
  const decimals = Math.max(decimalsOf(from), decimalsOf(to));
  const scale = 10 ** decimals;
  const low = Math.round(Number(from) * scale);
  const steps = Math.round(Number(to) * scale) - low + 1;
  return ({ random }) => ((low + Math.floor(random() * steps)) / scale).toFixed(decimals);
}

const decimalsOf = (text: string): number => text.split('.')[1]?.length ?? 0;
