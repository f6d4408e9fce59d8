import { ExactNumber, parseJson } from '../../model/json.ts';
import { Secret } from '../../model/secret.ts';
import { ScriptFailure } from './failure.ts';
import { MAX_VALUE_DEPTH } from './limits.ts';
import type { Meter } from './meter.ts';
import { ScriptDate, ScriptFunction, type Value } from './values.ts';

/** JSON.parse: exact numbers keep their text, `__proto__` is a member like any other. */
export function parseText(text: string, m: Meter): Value {
  m.spend(1 + (text.length >> 4));
  const parsed = parseJson(text, { maxDepth: MAX_VALUE_DEPTH, maxKeys: m.limits.items });
  if (!parsed.ok) throw new ScriptFailure(`JSON.parse: ${parsed.error.problem} at character ${parsed.error.at + 1}`);
  return parsed.value;
}

/** JSON.stringify: exact numbers keep their text, a secret is written as `[redacted]`; undefined gives undefined. */
export function stringify(value: Value, indent: string, m: Meter): string | undefined {
  return write(value, indent, '', 1, m);
}

function write(value: Value, indent: string, margin: string, depth: number, m: Meter): string | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? String(value === 0 ? 0 : value) : 'null';
  if (typeof value === 'string') {
    m.spend(value.length >> 6);
    return m.text(JSON.stringify(value));
  }
  if (value === null || typeof value === 'boolean') return String(value);
  if (value === undefined || value instanceof ScriptFunction) return undefined;
  if (value instanceof ExactNumber) return value.text;
  if (value instanceof Secret) return JSON.stringify(value.toString());
  if (value instanceof ScriptDate) {
    return Number.isNaN(value.ms) ? 'null' : JSON.stringify(new Date(value.ms).toISOString());
  }
  if (depth > MAX_VALUE_DEPTH) throw new ScriptFailure(`JSON.stringify: nested deeper than ${MAX_VALUE_DEPTH} levels`);
  const inner = margin + indent;
  if (Array.isArray(value)) {
    m.items(value.length);
    return wrap(
      '[',
      value.map((item) => write(item, indent, inner, depth + 1, m) ?? 'null'),
      ']',
      { indent, margin },
      m,
    );
  }
  const members: string[] = [];
  const colon = indent === '' ? ':' : ': ';
  for (const key of Object.keys(value)) {
    m.spend(1);
    const text = write(value[key], indent, inner, depth + 1, m);
    if (text !== undefined) members.push(`${JSON.stringify(key)}${colon}${text}`);
  }
  return wrap('{', members, '}', { indent, margin }, m);
}

function wrap(
  open: string,
  parts: readonly string[],
  close: string,
  { indent, margin }: { readonly indent: string; readonly margin: string },
  m: Meter,
): string {
  let length = 2;
  for (const part of parts) length += part.length + 1 + indent.length + margin.length;
  m.willMakeText(length);
  if (parts.length === 0) return open + close;
  if (indent === '') return m.text(`${open}${parts.join(',')}${close}`);
  const line = `\n${margin}${indent}`;
  return m.text(`${open}${line}${parts.join(`,${line}`)}\n${margin}${close}`);
}
