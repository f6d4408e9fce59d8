import { BrokerError } from '../errors.ts';
import { isMsgData, type Msg, withMsg } from '../model/msg.ts';
import { hideKeys, Secret } from '../model/secret.ts';
import { hideSupplyPoints } from '../model/supply-point/index.ts';
import { NodeFailure, type NodeResult } from './node-kind.ts';

const MAX_REASON = 300;

/** A failed node's result: the message leaves by `Failure` with the reason in metadata `error`. */
export function failed(given: Msg, thing: unknown): NodeResult {
  const msg = (thing instanceof NodeFailure ? thing.msg : undefined) ?? given;
  const error = cleanReason(textOf(thing), msg);
  return { relation: 'Failure', msg: withMsg(msg, { metadata: { ...msg.metadata, error } }) };
}

/** Whether the store did not do what a node asked of it: no fault of the message, which may come again. */
export const isOutage = (thing: unknown): boolean => thing instanceof BrokerError && thing.code === 'STORE_UNAVAILABLE';

function textOf(thing: unknown): string {
  if (thing instanceof NodeFailure) return thing.message;
  if (thing instanceof BrokerError) return `${thing.code}: ${thing.detail}`;
  if (thing instanceof Error) return `${thing.name}: ${thing.message}`;
  return `threw ${typeof thing}`;
}

/** One sentence for the engineer, without the message's secrets and supply point codes. */
export function cleanReason(text: string, msg: Msg): string {
  let result = hideKeys(hideSupplyPoints(text.slice(0, 4 * MAX_REASON))).slice(0, MAX_REASON);
  if (!isMsgData(msg.data)) return result;
  for (const value of Object.values(msg.data)) {
    // The one reading of a secret here: to be sure that a foreign error does not quote it.
    if (value instanceof Secret && value.reveal() !== '') result = result.replaceAll(value.reveal(), '[redacted]');
  }
  return result;
}
