import { newRunId } from '../../src/cluster/bus.ts';
import { LocalHub } from '../../src/cluster/local.ts';
import { busConformance } from '../conformance/cluster/bus.ts';

busConformance('local', async () => {
  const hub = new LocalHub();
  let runs = 0;
  return {
    join: async () => hub.join(newRunId('local', ++runs, 'test')),
    close: async () => {},
  };
});
