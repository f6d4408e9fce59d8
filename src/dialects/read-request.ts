import { type JsonLimits, parseJson } from '../model/json.ts';
import { fitsMethod, methodOf, type Refusal, refuse } from './operation.ts';
import { type Envelope, readEnvelope } from './wire/envelope.ts';

export type ReadRequest =
  | { readonly ok: true; readonly envelope: Envelope }
  /** `to`: what the reply names; without an id when none could be read. */
  | { readonly ok: false; readonly to: Pick<Envelope, 'id' | 'wantsReply'>; readonly refusal: Refusal };

const NOBODY = { id: '', wantsReply: true } as const;

/** A request's envelope, whose method must be that of its topic when it names one. */
export function readRequest(payload: Buffer, path: string, json: JsonLimits): ReadRequest {
  if (payload.length === 0) return no(refuse('emptyPayload', 'the payload is empty'));
  const parsed = parseJson(payload, json);
  const envelope = parsed.ok ? readEnvelope(parsed.value) : undefined;
  if (!envelope) {
    const problem = parsed.ok ? 'the payload must be an object with an id' : parsed.error.problem;
    return no(refuse('payloadFormat', problem));
  }
  const { method } = envelope;
  if (method === undefined || fitsMethod(path, method)) return { ok: true, envelope };
  return no(refuse('methodMismatch', `the method of this topic is ${methodOf(path)}`), envelope);
}

/** Whom to answer of a request that is not read any further. */
export function repliesTo(payload: Buffer, json: JsonLimits): Pick<Envelope, 'id' | 'wantsReply'> {
  const parsed = parseJson(payload, json);
  return (parsed.ok ? readEnvelope(parsed.value) : undefined) ?? NOBODY;
}

const no = (refusal: Refusal, to: Pick<Envelope, 'id' | 'wantsReply'> = NOBODY): ReadRequest => ({
  ok: false,
  to,
  refusal,
});
