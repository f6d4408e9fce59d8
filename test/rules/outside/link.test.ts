import { describe, expect, it } from 'vitest';
import { Link, Places, within } from '../../../src/rules/outside/index.ts';

describe('Link', () => {
  it('connects when it is first needed, and once for all', async () => {
    let opened = 0;
    const link = new Link(
      async () => ++opened,
      async () => {},
    );
    expect(opened).toBe(0);
    expect(await Promise.all([link.get(), link.get()])).toEqual([1, 1]);
    link.drop();
    expect(await link.get()).toBe(2);
  });

  it('leaves a service that is away alone for a while, and says why', async () => {
    let tries = 0;
    const link = new Link(
      async () => {
        tries++;
        throw new Error('refused');
      },
      async () => {},
    );
    await expect(link.get()).rejects.toThrow('not connected: refused');
    await expect(link.get()).rejects.toThrow('not connected: refused');
    expect(tries).toBe(1);
  });

  it('closes what is open, and opens nothing afterwards', async () => {
    const closed: number[] = [];
    const link = new Link(
      async () => 7,
      async (connection) => void closed.push(connection),
    );
    await link.get();
    await link.close();
    expect(closed).toEqual([7]);
    await expect(link.get()).rejects.toThrow('this node is gone');
  });
});

describe('Places', () => {
  it('fails what finds no place, and gives places back after failures too', async () => {
    const places = new Places(1);
    let release = (): void => {};
    const first = places.with(
      () =>
        new Promise<void>((_, reject) => {
          release = () => reject(new Error('broken'));
        }),
    );
    await expect(places.with(async () => 1)).rejects.toThrow('1 calls are under way already');
    release();
    await expect(first).rejects.toThrow('broken');
    expect(await places.with(async () => 2)).toBe(2);
  });
});

describe('within', () => {
  it('gives what comes in time, and a failure otherwise', async () => {
    expect(await within(1_000, 'nothing came', Promise.resolve(1))).toBe(1);
    await expect(within(5, 'nothing came', new Promise(() => {}))).rejects.toThrow('nothing came within 5 ms');
  });
});
