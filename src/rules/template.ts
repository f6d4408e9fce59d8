import type { JsonObject, JsonValue } from '../model/json.ts';
import { ExactNumber } from '../model/json.ts';
import { isMsgData, type Msg } from '../model/msg.ts';
import { Secret } from '../model/secret.ts';
import { NodeFailure } from './node-kind.ts';
import { setOwn } from './record.ts';

/** A text with placeholders, ready to be filled in. Throws NodeFailure when a placeholder has no value. */
export type TextTemplate = (msg: Msg) => string;
/** The same for JSON: a string that is one placeholder and nothing else keeps the type of its value. */
export type JsonTemplate = (msg: Msg) => JsonValue;

const PLACEHOLDER = /([$])(?:\{([^{}]+)\}|\[([^[\]]+)\])/g;

interface Segment {
  readonly text: string;
  /** Where it begins in the template. */
  readonly at: number;
  /** Undefined for plain text. */
  readonly read: ((msg: Msg) => JsonValue | Secret | undefined) | undefined;
}

/**
 * `${key}` is metadata, `$[key]` and `$[a.b]` the body (thingsboard-rule-chains 3.5). Compiled once, so that a value that
 * itself holds `$[x]` is never expanded. A secret has no text: using one is a failure, not a redaction.
 */
export function compileText(template: string): TextTemplate {
  return compileTextWith(template, (value) => value);
}

/** The same, with every value that is filled in put through `encode`; `at`: where its placeholder stands in the template. */
export function compileTextWith(template: string, encode: (value: string, at: number) => string): TextTemplate {
  const segments = segmentsOf(template);
  const [only] = segments;
  if (only === undefined) return () => '';
  if (segments.length === 1 && only.read === undefined) return () => only.text;
  return (msg) => {
    let text = '';
    for (const segment of segments) {
      const part = textOf(segment, msg);
      text += segment.read === undefined ? part : encode(part, segment.at);
    }
    return text;
  };
}

export function compileJson(template: unknown): JsonTemplate {
  if (typeof template === 'string') return compileJsonText(template);
  if (Array.isArray(template)) {
    const items = template.map(compileJson);
    return (msg) => items.map((item) => item(msg));
  }
  if (template === null || typeof template !== 'object') return () => template as JsonValue;
  const members = Object.entries(template).map(([key, value]) => [key, compileJson(value)] as const);
  return (msg) => {
    const object: JsonObject = {};
    for (const [key, value] of members) setOwn(object, key, value(msg));
    return object;
  };
}

/** Whether a text has a placeholder. */
export function hasPlaceholder(text: string): boolean {
  return segmentsOf(text).some((segment) => segment.read !== undefined);
}

/** The text as a script that ThingsBoard runs: `return "power is " + msg["power"];`. */
export function textAsScript(template: string): string {
  const parts = segmentsOf(template).map(({ text, read }) => {
    if (read === undefined) return JSON.stringify(text);
    const key = text.slice(2, -1);
    if (text.startsWith('${')) return `metadata[${JSON.stringify(key)}]`;
    return `msg${key
      .split('.')
      .map((part) => `[${JSON.stringify(part)}]`)
      .join('')}`;
  });
  return `return ${parts.join(' + ') || '""'};`;
}

function compileJsonText(template: string): JsonTemplate {
  const segments = segmentsOf(template);
  const [only] = segments;
  if (segments.length !== 1 || only?.read === undefined) return compileText(template);
  const { read, text } = only;
  return (msg) => {
    const value = read(msg);
    if (value instanceof Secret) throw new NodeFailure(`${text} is a secret`);
    if (value === undefined) throw new NodeFailure(`${text} has no value`);
    return value;
  };
}

function segmentsOf(template: string): Segment[] {
  const segments: Segment[] = [];
  let end = 0;
  for (const match of template.matchAll(PLACEHOLDER)) {
    if (match.index > end) segments.push({ text: template.slice(end, match.index), at: end, read: undefined });
    const [text, , metadataKey, dataKey] = match;
    segments.push({
      text,
      at: match.index,
      read: metadataKey === undefined ? readData(dataKey ?? '') : (msg) => own(msg.metadata, metadataKey),
    });
    end = match.index + text.length;
  }
  if (end < template.length) segments.push({ text: template.slice(end), at: end, read: undefined });
  return segments;
}

/** A key with dots is first looked for as it stands, then as a path. */
function readData(key: string): (msg: Msg) => JsonValue | Secret | undefined {
  if (!key.includes('.')) return ({ data }) => (isMsgData(data) ? own(data, key) : undefined);
  const path = key.split('.');
  return (msg) => {
    if (!isMsgData(msg.data)) return undefined;
    const whole = own(msg.data, key);
    if (whole !== undefined) return whole;
    let value: JsonValue | Secret | undefined = msg.data as JsonObject;
    for (const part of path) value = isObject(value) ? own(value, part) : undefined;
    return value;
  };
}

function textOf(segment: Segment, msg: Msg): string {
  if (segment.read === undefined) return segment.text;
  const value = segment.read(msg);
  if (value instanceof Secret) throw new NodeFailure(`${segment.text} is a secret`);
  if (value === undefined) throw new NodeFailure(`${segment.text} has no value`);
  if (value !== null && typeof value === 'object' && !(value instanceof ExactNumber)) {
    throw new NodeFailure(`${segment.text} is an object or array: only plain values fit into a text`);
  }
  return String(value);
}

function isObject(value: JsonValue | Secret | undefined): value is JsonObject {
  return (
    value !== null &&
    typeof value === 'object' &&
    !Array.isArray(value) &&
    !(value instanceof ExactNumber) &&
    !(value instanceof Secret)
  );
}

function own<T>(object: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}
