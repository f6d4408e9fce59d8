import { credentialsConformance } from '../../conformance/storage/credentials.ts';
import { makeEmbedded } from './make-store.ts';

credentialsConformance('embedded', makeEmbedded);
