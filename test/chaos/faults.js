// Loaded into a broker before its own code (NODE_OPTIONS=--import=...): does inside its process what a test cannot do from
// outside. At SIGUSR2 it reads the file CHAOS_FAULTS, JSON: `clockMs` is how far ahead its clock of day is, `blockMs` for
// how long its event loop stands still.
import { readFileSync } from 'node:fs';

const Day = Date;
const now = Day.now.bind(Day);
let aheadMs = 0;

Day.now = () => now() + aheadMs;
globalThis.Date = new Proxy(Day, {
  construct: (target, args, as) => Reflect.construct(target, args.length === 0 ? [target.now()] : args, as),
  apply: (target) => new target(target.now()).toString(),
});

process.on('SIGUSR2', () => {
  const { clockMs = 0, blockMs = 0 } = JSON.parse(readFileSync(process.env.CHAOS_FAULTS ?? '', 'utf8'));
  aheadMs = clockMs;
  const until = performance.now() + blockMs;
  while (performance.now() < until);
});
