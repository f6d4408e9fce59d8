import { isJsonObject, type JsonObject, parseJson } from '../model/json.ts';
import type { FunctionProof, FunctionRequest } from './function-compute.ts';
import { mustText, textOf, WrongArgument } from './service-call.ts';

const LIMITS = { maxDepth: 4, maxKeys: 50 };
const PROOF_FIELDS = ['signMethod', 'timestamp', 'nonce', 'sign'] as const;
const NONCE = { min: 16, max: 128 };

export type ParsedFunctionRequest =
  | { readonly ok: true; readonly request: Pick<FunctionRequest, 'deviceId' | 'proof'> }
  | { readonly ok: false; readonly problem: string };

/** `{"deviceId":…}`, with `timestamp`, `nonce`, `sign` and `signMethod` for a proof. */
export function parseFunctionRequest(text: string): ParsedFunctionRequest {
  const parsed = parseJson(text, LIMITS);
  if (!parsed.ok || !isJsonObject(parsed.value)) return { ok: false, problem: 'the body is no JSON object' };
  try {
    const body = parsed.value;
    return { ok: true, request: { deviceId: mustText(body, 'deviceId', 64), proof: proofOf(body) } };
  } catch (error) {
    if (error instanceof WrongArgument) return { ok: false, problem: error.message };
    throw error;
  }
}

function proofOf(body: JsonObject): FunctionProof | undefined {
  if (!PROOF_FIELDS.some((field) => Object.hasOwn(body, field))) return undefined;
  const timestamp = textOf(body, 'timestamp') ?? '';
  if (!/^\d{0,16}$/.test(timestamp)) throw new WrongArgument('timestamp', 'must be milliseconds since 1970, as a text');
  const nonce = mustText(body, 'nonce', NONCE.max);
  if (nonce.length < NONCE.min) throw new WrongArgument('nonce', `is shorter than ${NONCE.min} characters`);
  return { method: mustText(body, 'signMethod'), timestamp, nonce, sign: mustText(body, 'sign') };
}
