import type { LoadedConfig } from '../../config/index.ts';
import { type ServeIo, serve } from '../serve.ts';
import { NUMBER_VARIABLE } from './messages.ts';
import { linkToPrimary } from './primary-link.ts';

/** Runs the broker as one of the workers, until its primary ends it. Ends the process. */
export async function serveAsWorker(loaded: LoadedConfig, io: ServeIo): Promise<never> {
  const code = await serve(loaded, io, linkToPrimary(Number(io.env[NUMBER_VARIABLE])));
  // The channel to the primary would hold the process open.
  process.exit(code);
}
