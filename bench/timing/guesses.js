import { randomBytes } from 'node:crypto';

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** @param {number} length */
export function randomText(length) {
  return Array.from(randomBytes(length), (byte) => LETTERS[byte % LETTERS.length]).join('');
}

/**
 * A wrong secret of the same length that shares its first characters with a real one, and not the next. A new one for
 * each sample: a fixed one would also measure where in the store its look-up happens to end.
 * @param {string} secret
 * @param {number} shared
 */
export function wrongSecret(secret, shared) {
  const random = randomText(secret.length);
  if (random[shared] === secret[shared]) return wrongSecret(secret, shared);
  // Through bytes, as it comes from the wire: texts put together have another form in memory.
  return Buffer.from(secret.slice(0, shared) + random.slice(shared)).toString('latin1');
}

/**
 * The classes of a secret: wrong from its first, its middle, its last character on.
 * @param {() => string} secret  Any one of the real ones.
 * @param {number} fixed  Characters that stand in front of each and are no secret.
 */
export function prefixClasses(secret, fixed = 0) {
  const sharing = (/** @type {(variable: number) => number} */ count) => () => {
    const real = secret();
    return wrongSecret(real, fixed + count(real.length - fixed));
  };
  return [
    { name: 'shares nothing', guess: sharing(() => 0) },
    { name: 'shares half', guess: sharing((length) => Math.floor(length / 2)) },
    { name: 'shares all but one', guess: sharing((length) => length - 1) },
  ];
}

/**
 * @template T
 * @param {readonly T[]} items
 * @returns {T}
 */
export const anyOf = (items) => /** @type {T} */ (items[Math.floor(Math.random() * items.length)]);

/** Guesses are made ahead, so that the making of one kind does not warm the machine for its check. */
const ROUNDS_AHEAD = 100;

/**
 * Times each class the same number of times, in an order that is drawn anew each round, after a warm-up of a tenth.
 * @template Guess
 * @param {readonly { name: string, guess: () => Guess }[]} classes
 * @param {number} samples  Of each class.
 * @param {(guess: Guess) => Promise<number>} time  Nanoseconds.
 */
export async function interleave(classes, samples, time) {
  const measured = classes.map(({ name, guess }) => ({ name, guess, times: /** @type {number[]} */ ([]) }));
  const warmUp = Math.ceil(samples / 10);
  for (let done = -warmUp; done < samples; done += ROUNDS_AHEAD) {
    const rounds = Array.from({ length: Math.min(ROUNDS_AHEAD, samples - done) }, () =>
      measured.map(({ guess, times }) => ({ guess: guess(), times })).sort(() => Math.random() - 0.5),
    );
    // lmdb takes a new view of the store in each turn.
    await new Promise((resolve) => setImmediate(resolve));
    for (const [index, round] of rounds.entries()) {
      for (const { guess, times } of round) {
        const ns = await time(guess);
        if (done + index >= 0) times.push(ns);
      }
    }
  }
  return measured.map(({ name, times }) => ({ name, times }));
}
