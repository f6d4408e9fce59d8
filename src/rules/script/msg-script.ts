import { ExactNumber, type JsonValue, stringifyJson } from '../../model/json.ts';
import { type Msg, type MsgBody, withMsg } from '../../model/msg.ts';
import { Secret } from '../../model/secret.ts';
import { setOwn } from '../record.ts';
import type { ScriptProblem } from './compiler.ts';
import { giveOut, isJson, type Ruler } from './data.ts';
import { ScriptFailure } from './failure.ts';
import { prepareScript, type ScriptOptions } from './script.ts';
import { isObject, nameOf, type ScriptObject, type Value } from './values.ts';

/**
 * A script over a message (thingsboard-rule-chains 5.1): one compiled function, and what each use of it must return.
 * Every method throws NodeFailure with the place in the script. `now` is wall time, ms: the script's clock.
 */
export interface MsgScript {
  /** A filter: a real boolean, nothing truthy. */
  test(msg: Msg, now: number): boolean;
  /** A switch: one label or a list of them; an empty list ends the branch. */
  labels(msg: Msg, now: number): readonly string[];
  /** A transform: {msg, metadata, msgType} or a list of such; a missing part keeps the old one. At least one message. */
  transform(msg: Msg, now: number): readonly Msg[];
  /** A generator: one {msg, metadata, msgType}; a missing part is that of the message before, which is given. */
  generate(previous: Msg, now: number): Msg;
  /** A log line. */
  text(msg: Msg, now: number): string;
  /** Any JSON: alarm details. */
  json(msg: Msg, now: number): JsonValue;
}

export type MsgScriptResult =
  | { readonly ok: true; readonly script: MsgScript }
  | { readonly ok: false; readonly problems: readonly [ScriptProblem, ...ScriptProblem[]] };

/**
 * Compiles the body of a function of msg, metadata and msgType (or of `params`: a generator's prevMsg, prevMetadata,
 * prevMsgType). Never throws; every refusal has line, column, and mostly what to write instead.
 */
export function compileScript(text: string, options: ScriptOptions = {}): MsgScriptResult {
  const prepared = prepareScript(text, options);
  if (!prepared.ok) return prepared;
  const { script } = prepared;
  const lenient = options.lang === 'TBEL';
  return {
    ok: true,
    script: {
      test: (msg, now) => script.run(argumentsOf(msg), now, readBoolean),
      labels: (msg, now) => script.run(argumentsOf(msg), now, readLabels),
      transform: (msg, now) =>
        script.run(argumentsOf(msg), now, (result, ruler) => readMsgs(result, ruler, msg, lenient)),
      generate: (msg, now) =>
        script.run(argumentsOf(msg), now, (result, ruler) => readMsg(result, ruler, msg, lenient)),
      text: (msg, now) => script.run(argumentsOf(msg), now, lenient ? readAsText : readText),
      json: (msg, now) => script.run(argumentsOf(msg), now, (result, ruler) => readJson(result, 'the result', ruler)),
    },
  };
}

const argumentsOf = (msg: Msg): Value[] => [msg.data as Value, msg.metadata as Value, msg.type];

function readBoolean(result: Value): boolean {
  if (typeof result === 'boolean') return result;
  throw new ScriptFailure(`a filter returns true or false, not ${nameOf(result)}`);
}

function readLabels(result: Value): readonly string[] {
  const labels = Array.isArray(result) ? result : [result];
  if (labels.every((label) => typeof label === 'string')) return labels;
  const wrong = nameOf(labels.find((label) => typeof label !== 'string'));
  const what = Array.isArray(result) ? `a list with ${wrong} in it` : wrong;
  throw new ScriptFailure(`a switch returns a text or a list of texts, not ${what}`);
}

function readText(result: Value): string {
  if (typeof result === 'string') return result;
  throw new ScriptFailure(`the script returns a text, not ${nameOf(result)}`);
}

/** TBEL: anything else as JSON text. */
function readAsText(result: Value, ruler: Ruler): string {
  return typeof result === 'string' ? result : stringifyJson(readJson(result, 'the result', ruler));
}

function readJson(result: Value, place: string, ruler: Ruler): JsonValue {
  const fast = ruler.copy();
  return isJson(result, fast) ? (result as JsonValue) : giveOut(result, place, ruler);
}

function readMsgs(result: Value, ruler: Ruler, msg: Msg, lenient: boolean): Msg[] {
  if (!Array.isArray(result)) return [readMsg(result, ruler, msg, lenient)];
  if (result.length === 0)
    throw new ScriptFailure('a transform returns an object or a list of objects, not an empty list');
  return result.map((one) => readMsg(one, ruler, msg, lenient));
}

function readMsg(result: Value, ruler: Ruler, msg: Msg, lenient: boolean): Msg {
  if (!isObject(result)) {
    throw new ScriptFailure(`a transform returns {msg, metadata, msgType} or a list of such, not ${nameOf(result)}`);
  }
  const data = part(result, 'msg');
  const metadata = part(result, 'metadata');
  const type = part(result, 'msgType');
  if (type !== undefined && typeof type !== 'string') throw new ScriptFailure(`msgType is ${nameOf(type)}, not a text`);
  const change: { data?: MsgBody; metadata?: Msg['metadata']; type?: string } = {};
  if (data !== undefined && data !== msg.data) change.data = readBody(data, ruler);
  if (metadata !== undefined && metadata !== msg.metadata) change.metadata = readMetadata(metadata, ruler, lenient);
  if (type !== undefined && type !== '') change.type = type;
  return withMsg(msg, change);
}

/** A part that is there: null counts as missing. */
function part(result: { readonly [key: string]: Value }, name: string): Value {
  return Object.hasOwn(result, name) ? (result[name] ?? undefined) : undefined;
}

/** Secrets may stand where they stood: as members of the body itself. */
function readBody(value: Value, ruler: Ruler): MsgBody {
  if (!isObject(value) || !holdsSecret(value)) return readJson(value, 'msg', ruler);
  const body: Record<string, JsonValue | Secret> = {};
  for (const key of Object.keys(value)) {
    const member = value[key];
    if (member === undefined) continue;
    ruler.add(key.length + 3);
    setOwn(body, key, member instanceof Secret ? member : readJson(member, `msg.${key}`, ruler));
  }
  return body;
}

function holdsSecret(body: ScriptObject): boolean {
  for (const key in body) if (body[key] instanceof Secret) return true;
  return false;
}

/** Metadata are texts: numbers and booleans become texts, null is left out. */
function readMetadata(value: Value, ruler: Ruler, lenient: boolean): Msg['metadata'] {
  if (!isObject(value)) throw new ScriptFailure(`metadata is ${nameOf(value)}, not an object`);
  const metadata: Record<string, string> = {};
  for (const key of Object.keys(value)) {
    const member = value[key];
    if (member === null || member === undefined) continue;
    const text = typeof member === 'string' ? member : metadataText(member, `metadata.${key}`, ruler, lenient);
    ruler.add(key.length + text.length + 6);
    setOwn(metadata, key, text);
  }
  return metadata;
}

function metadataText(member: Value, place: string, ruler: Ruler, lenient: boolean): string {
  const json = readJson(member, place, ruler);
  if (typeof json === 'string') return json;
  if (!lenient && json !== null && typeof json === 'object' && !(json instanceof ExactNumber)) {
    throw new ScriptFailure(`${place} is ${nameOf(member)}: metadata are texts`);
  }
  return stringifyJson(json);
}
