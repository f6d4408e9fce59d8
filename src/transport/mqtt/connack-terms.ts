import type { Client } from 'aedes';
import type { IConnectPacket } from 'mqtt-packet';
import type { PrivateClient } from './aedes-inner.ts';
import type { ConnackFacts } from './connection-packets.ts';

/** What holds for an MQTT 5 device in place of what its CONNECT asks for. */
export interface Terms {
  /** It has no client id: it is told the one that it gets [MQTT-3.2.2-16]. */
  readonly unnamed: boolean;
  /** It names no keep-alive: this one, s, holds [MQTT-3.2.2-21]. */
  readonly keepAlive: number | undefined;
  /** It asks for a session that outlives the connection: there is none (MQTT 5.0, 3.2.2.3.2). */
  readonly sessionEnds: boolean;
}

export const termsFor = ({ clientId, keepalive, properties }: IConnectPacket, defaultKeepAlive: number): Terms => ({
  unnamed: clientId === '',
  keepAlive: keepalive ? undefined : defaultKeepAlive,
  sessionEnds: (properties?.sessionExpiryInterval ?? 0) > 0,
});

/** Call it while the client is authenticated: later the CONNACK is written, and the keep-alive runs. */
export function setTerms(client: Client, { unnamed, keepAlive, sessionEnds }: Terms): void {
  const inner = client as unknown as PrivateClient;
  if (unnamed) inner._assignedClientId = client.id;
  if (keepAlive !== undefined) inner._serverKeepAlive = keepAlive;
  inner._sessionExpiryClamped = sessionEnds;
}

/** What the CONNACK says of them. */
export function termsOf(client: Client): Pick<ConnackFacts, 'assignedId' | 'keepAlive' | 'sessionEnds'> {
  const inner = client as unknown as PrivateClient;
  return {
    assignedId: inner._assignedClientId,
    keepAlive: inner._serverKeepAlive,
    sessionEnds: inner._sessionExpiryClamped,
  };
}
