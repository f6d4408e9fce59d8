import type { IPublishPacket } from 'mqtt-packet';
import type { Publication, PublicationProperties } from '../../../model/publication.ts';

/** What a client publishes, free of the chunk it was read in. */
export function toPublication(packet: IPublishPacket, clientId: string, now: number): Publication {
  const { topic, payload, qos, retain, properties } = packet;
  const expiryS = properties?.messageExpiryInterval;
  const kept = keptProperties(properties);
  return {
    topic,
    payload: Buffer.from(payload),
    qos: qos > 0 ? 1 : 0,
    retain: retain === true,
    clientId,
    ...(expiryS === undefined ? {} : { expiresAt: now + expiryS * 1_000 }),
    ...(kept === undefined ? {} : { properties: kept }),
  };
}

function keptProperties(given: IPublishPacket['properties']): PublicationProperties | undefined {
  if (!given) return undefined;
  const { payloadFormatIndicator, contentType, responseTopic, correlationData, userProperties } = given;
  return {
    ...(payloadFormatIndicator === undefined ? {} : { payloadFormatIndicator }),
    ...(contentType === undefined ? {} : { contentType }),
    ...(responseTopic === undefined ? {} : { responseTopic }),
    ...(correlationData === undefined ? {} : { correlationData: Buffer.from(correlationData) }),
    ...(userProperties === undefined ? {} : { userProperties: { ...userProperties } }),
  };
}
