import cluster from 'node:cluster';
import type { Config, LoadedConfig } from '../../config/index.ts';
import type { ServeIo } from '../serve.ts';

/** Runs several brokers on the same ports: this process is the one that starts them, or one of them. Gives the exit code. */
export async function serveWithWorkers(
  loaded: LoadedConfig & { readonly config: Config },
  io: ServeIo,
): Promise<number> {
  if (cluster.isWorker) return (await import('./worker.ts')).serveAsWorker(loaded, io);
  return (await import('./primary.ts')).runWorkers(loaded.config);
}
