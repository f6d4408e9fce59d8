import type { Client } from 'aedes';
import type { PrivateClient } from './aedes-inner.ts';

/**
 * Takes over the timer that ends a silent connection. When this process has stood still, timers come before what peers have sent
 * meanwhile is read: aedes would end them all at once. A connection whose time is over is heard once more.
 */
export function hearBeforeSilence(client: Client): void {
  const inner = client as unknown as PrivateClient;
  const former = inner._keepaliveTimer;
  if (former === null) return;
  clearTimeout(former);
  let heard = false;
  const end = (): void => {
    if (heard || inner._keepaliveTimer !== timer) return;
    inner.broker.emit('keepaliveTimeout', client);
    client.emit('error', new Error('keep alive timeout'));
  };
  const timer = setTimeout(() => {
    heard = false;
    setImmediate(end); // behind what is there to be read
  }, inner._keepaliveInterval);
  const refresh = timer.refresh.bind(timer);
  timer.refresh = () => {
    heard = true;
    return refresh();
  };
  inner._keepaliveTimer = timer;
}

/** A packet of the client has come. */
export function touch(client: Client): void {
  (client as unknown as PrivateClient)._keepaliveTimer?.refresh();
}
