import { registryConformance } from '../../conformance/storage/registry-store.ts';
import { makeEmbedded } from './make-store.ts';

registryConformance('embedded', makeEmbedded);
