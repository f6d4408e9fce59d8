import { createContext, runInContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { NodeFailure } from '../../../src/rules/node-kind.ts';
import { prepareScript } from '../../../src/rules/script/script.ts';
import { ScriptDate, ScriptFunction, type Value } from '../../../src/rules/script/values.ts';
import { generateProgram } from './program-generator.ts';

const PROGRAMS = Number(process.env.SCRIPT_PROGRAMS ?? 2_000);
const BATCH = 250;
/** What a limit stops is not compared, nor JSON with half a surrogate pair, which is no JSON here. */
const LIMIT = /lone surrogate|units of fuel|too deep|longer than|more than|larger than|nested deeper/;

const args = () => [
  { a: 1, b: 'x', c: null, temperature: 21.5, name: 'meter-1', list: [3, 'y', false], nested: { a: [1] } },
  { deviceName: 'meter-1', ts: '1750000000000' },
  'POST_TELEMETRY_REQUEST',
];

interface Outcome {
  readonly kind: 'value' | 'threw' | 'limit';
  readonly text?: string;
  readonly why?: string;
}

/** A value as text that tells everything apart that JSON does not. */
function show(value: unknown, depth = 0): string {
  if (depth > 70) return '…';
  if (value === undefined) return 'undefined';
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value);
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'function' || value instanceof ScriptFunction) return 'function';
  if (value === null || typeof value !== 'object') return String(value);
  if (value instanceof ScriptDate) return `date ${value.ms}`;
  if (Object.prototype.toString.call(value) === '[object Date]') return `date ${Number(value)}`;
  if (Object.prototype.toString.call(value) === '[object Error]')
    return show({ name: 'Error', message: (value as Error).message });
  if (Array.isArray(value)) return `[${Array.from(value, (item) => show(item, depth + 1)).join(',')}]`;
  const record = value as Record<string, unknown>;
  return `{${Object.keys(record)
    .map((key) => `${JSON.stringify(key)}:${show(record[key], depth + 1)}`)
    .join(',')}}`;
}

function ours(program: string): Outcome {
  const prepared = prepareScript(program);
  if (!prepared.ok) throw new Error(`refused: ${JSON.stringify(prepared.problems)}\n${program}`);
  try {
    return prepared.script.run(args() as Value[], 0, (result) => ({ kind: 'value', text: show(result) }));
  } catch (error) {
    if (!(error instanceof NodeFailure)) throw new Error(`not a failure of the script\n${program}`, { cause: error });
    return { kind: LIMIT.test(error.message) ? 'limit' : 'threw', why: error.message };
  }
}

const context = createContext({});
const parseInside: (text: string) => unknown[] = runInContext('JSON.parse', context);

/** JavaScript itself, in a realm of its own. */
function real(program: string): Outcome {
  const run = runInContext(`(function (msg, metadata, msgType) {${program}\n})`, context);
  const inside = parseInside(JSON.stringify(args()));
  try {
    return { kind: 'value', text: show(run(...inside)) };
  } catch {
    return { kind: 'threw' };
  }
}

describe('the plain-JavaScript part of the script language', () => {
  const batches = Array.from({ length: Math.ceil(PROGRAMS / BATCH) }, (_, index) => index * BATCH);

  it.each(batches)('agrees with JavaScript on generated programs, from seed %i', (first) => {
    let limits = 0;
    let values = 0;
    for (let seed = first; seed < Math.min(first + BATCH, PROGRAMS); seed++) {
      const program = generateProgram(seed);
      const mine = ours(program);
      if (mine.kind === 'limit') {
        limits++;
        continue;
      }
      const wanted = real(program);
      const agree = mine.kind === wanted.kind && mine.text === wanted.text;
      if (!agree) throw new Error(`seed ${seed}\n${program}\nours ${show(mine)}\nreal ${show(wanted)}`);
      if (mine.kind === 'value') values++;
    }
    // Else the programs say nothing.
    expect(limits).toBeLessThan(BATCH / 50);
    expect(values).toBeGreaterThan(BATCH / 2);
  });
});
