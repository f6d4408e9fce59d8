import type { SigningDialect } from './dialect.ts';
import { formatRequest } from './envelope.ts';

/** The call to a gateway by which it hears that a sub-device may come again: `{productKey, deviceKey}`. */
export const CHILD_ENABLED = 'combine.enable';

interface Names {
  readonly productKey: string;
  readonly deviceKey: string;
}

/**
 * What a gateway hears of a sub-device (registration-protocols 2). EnOS has topics of the gateway for it; Alibaba's are those of the
 * sub-device, which come over the gateway's connection.
 */
export function childNotice(
  gateway: Names & { readonly dialect: SigningDialect },
  { productKey, deviceKey }: Names,
  action: 'enable' | 'disable' | 'delete',
  id: string,
): { readonly topic: string; readonly payload: string } {
  if (gateway.dialect === 'alibaba') {
    const topic = `/sys/${productKey}/${deviceKey}/thing/${action}`;
    return { topic, payload: formatRequest(id, `thing.${action}`, {}) };
  }
  const topic = `/ext/session/${gateway.productKey}/${gateway.deviceKey}/combine/${action}`;
  return { topic, payload: formatRequest(id, `combine.${action}`, { productKey, deviceKey }) };
}
