import type { TLSSocket } from 'node:tls';
import type { ClientCertificate } from '../../device-api/index.ts';

const MAX_ISSUERS = 8;

/** The leaf that a TLS peer showed, if it did; the handshake has proved that it holds the key. */
export function clientCertificate(socket: TLSSocket): ClientCertificate | undefined {
  // Not getPeerX509Certificate: on Node 20 it takes the first issuer out of the chain of the connection.
  const leaf = socket.getPeerCertificate();
  if (!leaf?.raw) return undefined;
  return {
    der: leaf.raw.toString('base64'),
    notBefore: Date.parse(leaf.valid_from),
    notAfter: Date.parse(leaf.valid_to),
    issuers: () => issuersOf(socket),
  };
}

/** Node gives the chain as a linked list, at whose end a self-signed certificate names itself; of a socket that has gone, null. */
function issuersOf(socket: TLSSocket): readonly string[] {
  const issuers: string[] = [];
  let at = socket.getPeerCertificate(true);
  while (at?.issuerCertificate && at.issuerCertificate !== at && issuers.length < MAX_ISSUERS) {
    at = at.issuerCertificate;
    issuers.push(at.raw.toString('base64'));
  }
  return issuers;
}
