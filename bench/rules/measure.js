/**
 * CPU time of each piece of work, ns, in many short rounds in which the pieces take turns, to and fro: what else the
 * machine does, and who runs after whom, strikes all alike.
 * @param {Readonly<Record<string, () => unknown>>} works  Asynchronous ones give a promise.
 * @param {{ times: number, rounds: number }} options  Runs of each in all, and rounds to share them out over.
 * @returns {Promise<Record<string, number[]>>}  Of each round.
 */
export async function measureRounds(works, { times, rounds }) {
  const turns = Object.entries(works);
  for (const [, work] of turns) await timed(work, times / 10);
  /** @type {Record<string, number[]>} */
  const seen = Object.fromEntries(turns.map(([name]) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const [name, work] of turns.reverse()) seen[name]?.push(await timed(work, Math.ceil(times / rounds)));
  }
  return seen;
}

/** The same, as the median of the rounds. @type {(...args: Parameters<typeof measureRounds>) => Promise<Record<string, number>>} */
export async function measure(works, options) {
  const seen = await measureRounds(works, options);
  return Object.fromEntries(Object.entries(seen).map(([name, all]) => [name, median(all)]));
}

/** @param {readonly number[]} values */
export function median(values) {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** @param {() => unknown} work @param {number} times */
async function timed(work, times) {
  const began = process.cpuUsage();
  for (let index = 0; index < times; index++) {
    const result = work();
    if (result instanceof Promise) await result;
  }
  const used = process.cpuUsage(began);
  return ((used.user + used.system) * 1000) / times;
}
