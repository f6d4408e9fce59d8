import type { SigningDialect } from './dialect.ts';
import { formatCodeFirst, formatRequest } from './envelope.ts';

/** What a device is told that registered with its product's secret. */
export interface IssuedSecret {
  readonly assetId: string;
  readonly productKey: string;
  readonly deviceKey: string;
  readonly deviceSecret: string;
}

export interface Push {
  readonly topic: string;
  /** Compact JSON. */
  readonly text: string;
}

/** The message that follows the CONNACK at once (registration-protocols 1.2, 1.8). */
export function issuedPush(dialect: SigningDialect, issued: IssuedSecret): Push {
  const { assetId, productKey, deviceKey, deviceSecret } = issued;
  if (dialect === 'alibaba') {
    return { topic: '/ext/register', text: JSON.stringify({ productKey, deviceName: deviceKey, deviceSecret }) };
  }
  const params = { assetId, productKey, deviceKey, deviceSecret };
  return {
    topic: `/ext/session/${productKey}/${deviceKey}/thing/activate/info`,
    text: formatRequest('1', 'thing.activate.info', params),
  };
}

/** A token for a client that is one of several of its name. */
export interface IssuedToken {
  readonly productKey: string;
  readonly deviceKey: string;
  readonly clientId: string;
  readonly token: string;
}

/** The same with a token; C clients read the first two members, the Python SDK all. */
export const tokenPush = ({ productKey, deviceKey, clientId, token }: IssuedToken): Push => ({
  topic: '/ext/regnwl',
  text: JSON.stringify({ clientId, deviceToken: token, productKey, deviceName: deviceKey }),
});

/** The answer of Alibaba's registration over HTTPS; at most 255 bytes (registration-protocols 1.7). */
export const issuedAnswer = ({ productKey, deviceKey, deviceSecret }: IssuedSecret): string =>
  formatCodeFirst(200, { productKey, deviceName: deviceKey, deviceSecret }, 'success');
