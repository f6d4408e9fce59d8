import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { pipeline } from 'node:stream';
import { createServer } from 'node:tls';
import { PROXY_HEADER, TLS_PROXY } from '../conformance/dialects/kit.ts';
import type { Broker } from '../helpers/broker.ts';

const TLS = join(import.meta.dirname, '../fixtures/tls');
/** A certificate for the names that SDKs of vendors make themselves, and its own CA. */
export const VENDOR_CERT = join(TLS, 'vendor-cert.pem');
export const VENDOR_KEY = join(TLS, 'vendor-key.pem');
/** A load balancer that ends TLS before the broker's HTTP port. */
export async function startHttpsProxy(broker: Broker): Promise<AsyncDisposable & { readonly port: number }> {
  const server = createServer({ cert: await readFile(VENDOR_CERT), key: await readFile(VENDOR_KEY) }, (client) => {
    const upstream = connect({ port: broker.ports.http, host: '127.0.0.1', localAddress: TLS_PROXY });
    upstream.write(PROXY_HEADER);
    pipeline(client, upstream, client, () => {
      client.destroy();
      upstream.destroy();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.close();
    },
  };
}
