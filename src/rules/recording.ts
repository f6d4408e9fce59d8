import { type JsonValue, parseJson, stringifyJson } from '../model/json.ts';

/** One message of a recording, without secrets: what stood for one stands for it wherever it came again. */
export interface RecordedMsg {
  /** Wall time when it came, ms. */
  readonly at: number;
  readonly from: string;
  readonly profile: string;
  readonly type: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly data: JsonValue;
  /** Pseudonyms of supplier keys in it that a supplier was found by. */
  readonly known?: readonly string[];
}

/** First line of a recording. */
const HEADER = '{"gridmoor":"recording","version":1}';
export const MAX_RECORDED = 10_000;
const MAX_DEPTH = 64;
/** The last moment that JavaScript's dates know, ms. */
const MAX_TIME = 8.64e15;

export type Recording =
  | { readonly ok: true; readonly messages: readonly RecordedMsg[] }
  | { readonly ok: false; readonly problem: string };

export const recordingHeader = (): string => `${HEADER}\n`;

export function recordedLine(message: RecordedMsg): string {
  return stringifyJson(message as unknown as JsonValue);
}

/** Reads a recording: a header line, then a message a line. A last line that was cut off is left out. */
export function parseRecording(text: string): Recording {
  const lines = text.replace(/^\ufeff/, '').split(/\r?\n/);
  if (lines.shift() !== HEADER) return { ok: false, problem: `is no recording: its first line is not ${HEADER}` };
  const cut = lines.pop() ?? '';
  const complete = cut.trim() === '' ? lines : parsed(cut) ? [...lines, cut] : lines;
  if (complete.length > MAX_RECORDED) return { ok: false, problem: `holds more than ${MAX_RECORDED} messages` };
  const messages: RecordedMsg[] = [];
  for (const [index, line] of complete.entries()) {
    if (line.trim() === '') continue;
    const message = parsed(line);
    if (message === undefined) return { ok: false, problem: `line ${index + 2} is no recorded message` };
    messages.push(message);
  }
  return { ok: true, messages };
}

function parsed(line: string): RecordedMsg | undefined {
  const json = parseJson(line, { maxDepth: MAX_DEPTH });
  const value = json.ok ? json.value : undefined;
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return undefined;
  const { at, from, profile, type, metadata, data, known } = value as Readonly<Record<string, JsonValue>>;
  const texts = [from, profile, type].every((text) => typeof text === 'string' && text !== '');
  const flat = metadata !== null && typeof metadata === 'object' && !Array.isArray(metadata);
  const body = data !== null && typeof data === 'object' && !Array.isArray(data);
  if (!texts || !flat || !body || !(Math.abs(Number(at)) <= MAX_TIME)) return undefined;
  if (Object.values(metadata).some((one) => typeof one !== 'string')) return undefined;
  if (known !== undefined && !(Array.isArray(known) && known.every((one) => typeof one === 'string'))) return undefined;
  return value as unknown as RecordedMsg;
}
