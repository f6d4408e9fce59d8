import { diff } from './chain-diff.ts';
import { explain } from './chain-explain.ts';
import { exportCommand } from './chain-export.ts';
import { fmt } from './chain-fmt.ts';
import { canary, history, rollback } from './chain-generations.ts';
import { graph } from './chain-graph.ts';
import { importCommand } from './chain-import.ts';
import { lint } from './chain-lint.ts';
import { push } from './chain-push.ts';
import { replay } from './chain-replay.ts';
import { test } from './chain-test.ts';
import { group } from './frame.ts';

export const run = group('chain', 'Rule chains: JSON files that say what happens to every message.', [
  lint,
  fmt,
  test,
  explain,
  diff,
  replay,
  graph,
  push,
  history,
  rollback,
  canary,
  importCommand,
  exportCommand,
]);
