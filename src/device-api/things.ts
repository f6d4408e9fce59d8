import type { Clock } from '../model/clock.ts';
import type { JsonLimits } from '../model/json.ts';
import type { Log } from '../observe/index.ts';

/** What sessions of devices of other dialects need besides the device API of all. */
export interface Things {
  readonly json: JsonLimits;
  readonly clock: Clock;
  readonly log: Log;
}
