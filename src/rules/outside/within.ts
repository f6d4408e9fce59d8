import { NodeFailure } from '../node-kind.ts';

/**
 * What a call gives, or a failure when that takes too long: a client that keeps a message for a service which is away must
 * not hold the chain up. A late answer is dropped.
 */
export async function within<T>(ms: number, what: string, call: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new NodeFailure(`${what} within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([call, late]);
  } finally {
    clearTimeout(timer);
  }
}
