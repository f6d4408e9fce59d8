import type { DeviceId } from '../model/ids.ts';
import type { Rpc } from './rpc.ts';
import type { CallToDevice } from './rpc-queue.ts';

/** A call as JSON text for topics, which bear the id themselves. */
export const formatCall = ({ method, params }: CallToDevice): string =>
  `{"method":${JSON.stringify(method)},"params":${params}}`;

/** The same with its id, for long polls and gateways. */
export const formatCallWithId = ({ id, method, params }: CallToDevice): string =>
  `{"id":${id},"method":${JSON.stringify(method)},"params":${params}}`;

/**
 * Waits for one call to the device. @param wait waits for the signal's end or its own, and gives what ended it.
 * A call that was taken counts as delivered.
 */
export async function pollForCall<End>(
  rpc: Rpc,
  device: DeviceId,
  signal: AbortSignal,
  wait: (signal: AbortSignal) => Promise<End>,
): Promise<End | { readonly kind: 'update'; readonly text: string }> {
  const came = new AbortController();
  let text: string | undefined;
  const stop = rpc.listen(device, {
    send(call) {
      if (text !== undefined || signal.aborted || came.signal.aborted) return 'refused';
      text = formatCallWithId(call);
      came.abort();
      return 'delivered';
    },
  });
  try {
    const end = await wait(AbortSignal.any([signal, came.signal]));
    return text === undefined ? end : { kind: 'update', text };
  } finally {
    came.abort(); // nobody waits any more
    stop();
  }
}
