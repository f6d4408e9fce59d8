import { rpcConformance } from '../../conformance/storage/rpc-store.ts';
import { makeEmbedded } from './make-store.ts';

rpcConformance('embedded', makeEmbedded);
