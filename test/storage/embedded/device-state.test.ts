import { deviceStateConformance } from '../../conformance/storage/device-state.ts';
import { makeEmbedded } from './make-store.ts';

deviceStateConformance('embedded', makeEmbedded);
