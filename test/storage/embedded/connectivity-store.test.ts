import { connectivityConformance } from '../../conformance/storage/connectivity-store.ts';
import { makeEmbedded } from './make-store.ts';

connectivityConformance('embedded', makeEmbedded);
