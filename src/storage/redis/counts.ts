import type { Queue } from './queue.ts';

export const ALL_DEVICES = 'devices';
export const devicesOf = (profile: string): string => `devices:${profile}`;

/** A number that is kept up to date in the steps that change what it counts. */
export async function readCount(queue: Queue, key: string, name: string): Promise<number> {
  return Number(((await queue.send('hget', [key, name])) as string | null) ?? 0);
}
