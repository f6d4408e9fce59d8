import type { TLSSocket } from 'node:tls';
import type { ClientCertificate } from '../../device-api/index.ts';

/** The leaf that a TLS peer showed, if it did; the handshake has proved that it holds the key. */
export function clientCertificate(socket: TLSSocket): ClientCertificate | undefined {
  const leaf = socket.getPeerX509Certificate();
  if (!leaf) return undefined;
  return {
    der: leaf.raw.toString('base64'),
    notBefore: Date.parse(leaf.validFrom),
    notAfter: Date.parse(leaf.validTo),
  };
}
