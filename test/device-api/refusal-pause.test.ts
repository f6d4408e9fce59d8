import { describe, expect, it } from 'vitest';
import { RefusalPause } from '../../src/device-api/refusal-pause.ts';
import { systemClock } from '../../src/model/clock.ts';

const options = { free: 2, baseMs: 60_000, maxMs: 60_000, maxHeldPerAddress: 3, maxHeld: 5 };

describe('refusal pause', () => {
  it('answers the free refusals at once, holds the next ones back, and hangs up on more than may wait', async () => {
    const pause = new RefusalPause(options, systemClock);
    expect(await pause.refused('a')).toBe('answer');
    expect(await pause.refused('a')).toBe('answer');
    const held = [pause.refused('a'), pause.refused('a'), pause.refused('a')];
    expect(await pause.refused('a')).toBe('drop');
    pause.close();
    expect(await Promise.all(held)).toEqual(['answer', 'answer', 'answer']);
  });

  it('keeps addresses apart, and bounds how many wait in all', async () => {
    const pause = new RefusalPause({ ...options, free: 0 }, systemClock);
    const held = ['a', 'a', 'a', 'b', 'b'].map((address) => pause.refused(address));
    expect(await pause.refused('b')).toBe('drop');
    expect(await pause.refused('c')).toBe('drop');
    pause.close();
    await Promise.all(held);
  });

  it('lets the waiting go when their pause is over', async () => {
    const pause = new RefusalPause({ ...options, free: 0, baseMs: 1, maxMs: 1 }, systemClock);
    expect(await pause.refused('a')).toBe('answer');
  });
});
