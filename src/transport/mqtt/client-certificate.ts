import type { TLSSocket } from 'node:tls';
import type { ClientCertificate } from '../../device-api/index.ts';

const MAX_ISSUERS = 8;

/** The leaf that a TLS peer showed, if it did; the handshake has proved that it holds the key. */
export function clientCertificate(socket: TLSSocket): ClientCertificate | undefined {
  const leaf = socket.getPeerX509Certificate();
  if (!leaf) return undefined;
  return {
    der: leaf.raw.toString('base64'),
    notBefore: Date.parse(leaf.validFrom),
    notAfter: Date.parse(leaf.validTo),
    issuers: () => issuersOf(socket),
  };
}

/** Node gives the chain as a linked list, at whose end a self-signed certificate names itself. */
function issuersOf(socket: TLSSocket): readonly string[] {
  const issuers: string[] = [];
  let at = socket.getPeerCertificate(true);
  while (at.issuerCertificate && at.issuerCertificate !== at && issuers.length < MAX_ISSUERS) {
    at = at.issuerCertificate;
    issuers.push(at.raw.toString('base64'));
  }
  return issuers;
}
