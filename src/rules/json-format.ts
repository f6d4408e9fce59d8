import { ExactNumber } from '../model/json.ts';

const WIDTH = 120;

/**
 * JSON text in the one form that formatters leave alone: a value stands on one line when it fits, else spread out. Exact
 * numbers keep their text.
 */
export function formatJson(value: unknown): string {
  return `${write(value, 0, 0)}\n`;
}

/** @param taken columns that the line already uses before the value, its indent included. */
function write(value: unknown, indent: number, taken: number): string {
  const flat = flatten(value);
  if (isScalar(value)) return flat;
  // One column for the comma that may follow.
  if (taken + flat.length + 1 <= WIDTH && indent > 0) return flat;
  const inner = indent + 2;
  const pad = ' '.repeat(inner);
  const lines = Array.isArray(value)
    ? value.map((item) => pad + write(item, inner, inner))
    : members(value).map(([key, item]) => {
        const head = `${JSON.stringify(key)}: `;
        return pad + head + write(item, inner, inner + head.length);
      });
  if (lines.length === 0) return flat;
  const [open, close] = Array.isArray(value) ? '[]' : '{}';
  return `${open}\n${lines.join(',\n')}\n${' '.repeat(indent)}${close}`;
}

function flatten(value: unknown): string {
  if (value instanceof ExactNumber) return value.text;
  if (isScalar(value)) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(flatten).join(', ')}]`;
  const parts = members(value).map(([key, item]) => `${JSON.stringify(key)}: ${flatten(item)}`);
  return parts.length === 0 ? '{}' : `{ ${parts.join(', ')} }`;
}

const isScalar = (value: unknown): value is undefined | null | string | number | boolean | ExactNumber =>
  value === null || typeof value !== 'object' || value instanceof ExactNumber;

const members = (value: object): [string, unknown][] => Object.entries(value).filter(([, item]) => item !== undefined);
