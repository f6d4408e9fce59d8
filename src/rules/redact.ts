import { ExactNumber, type JsonObject, type JsonValue } from '../model/json.ts';
import { isMsgData, type Msg, type MsgBody, type MsgData } from '../model/msg.ts';
import { hideKeys, Secret } from '../model/secret.ts';
import {
  hideSupplyPoints,
  type SupplyPointSchemeId,
  supplyPointSchemeIds,
  supplyPointSchemes,
} from '../model/supply-point/index.ts';
import { isSecretName } from '../observe/index.ts';
import type { NodeContext } from './node-context.ts';

/** A mistyped code is as personal as the right one. */
const NEARLY_A_CODE = /^[A-Z]{2}\d{12,}/i;
const MAX_CODE = 64;
/** Names of codes end like those of secrets, but what they hold is masked, not hidden. */
const CODE_NAME = /cups$/i;

export interface RedactedMsg {
  readonly metadata: Readonly<Record<string, string>>;
  readonly data: JsonValue;
}

/**
 * What may be written of a message to logs, traces and dead letters: secrets are `[redacted]`, supply point codes are
 * masked, wherever they stand (cups.md 7).
 */
export function redactMsg(msg: Msg, context: Pick<NodeContext, 'maskSupplyPoint'>): RedactedMsg {
  const metadata = Object.entries(msg.metadata).map(([key, value]) => [key, redactText(value, context)] as const);
  return { metadata: Object.fromEntries(metadata), data: redactBody(msg.data, context) };
}

/** A body as it may be written, whatever its JSON type. */
export function redactBody(body: MsgBody, context: Pick<NodeContext, 'maskSupplyPoint'>): JsonValue {
  return isMsgData(body) ? redactData(body, context) : redactValue(body, context);
}

function redactData(data: MsgData, context: Pick<NodeContext, 'maskSupplyPoint'>): JsonObject {
  return Object.fromEntries(
    Object.entries(data).map(([key, value]) => [redactText(key, context), redactMember(key, value, context)]),
  );
}

/** A secret under a name of its own deeper inside, where no chain has wrapped it, is hidden by that name. */
function redactMember(
  key: string,
  value: JsonValue | Secret,
  context: Pick<NodeContext, 'maskSupplyPoint'>,
): JsonValue {
  const plain = value === null || typeof value === 'boolean';
  return !plain && isSecretName(key) && !CODE_NAME.test(key) ? '[redacted]' : redactValue(value, context);
}

/** The text itself, or the mask when it is a supply point code or nearly one; codes and keys within a text are hidden. */
export function redactText(text: string, context: Pick<NodeContext, 'maskSupplyPoint'>): string {
  if (text.length > MAX_CODE) return hideKeys(hideSupplyPoints(text));
  for (const id of supplyPointSchemeIds) {
    const stem = stemUnder(id, text);
    if (stem !== undefined) return context.maskSupplyPoint({ scheme: id, stem });
  }
  return NEARLY_A_CODE.test(text.replace(/[\s./_-]/g, ''))
    ? `${text.slice(0, 2)}…[supply point]`
    : hideKeys(hideSupplyPoints(text));
}

function stemUnder(id: SupplyPointSchemeId, text: string): string | undefined {
  const result = supplyPointSchemes[id].normalise(text);
  return result.ok ? result.stem : undefined;
}

function redactValue(value: JsonValue | Secret, context: Pick<NodeContext, 'maskSupplyPoint'>): JsonValue {
  if (value instanceof Secret) return value.toString();
  if (typeof value === 'string') return redactText(value, context);
  if (value === null || typeof value !== 'object' || value instanceof ExactNumber) return value;
  if (Array.isArray(value)) return value.map((item) => redactValue(item, context));
  return redactData(value, context);
}
