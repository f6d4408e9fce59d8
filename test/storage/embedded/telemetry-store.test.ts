import { telemetryConformance } from '../../conformance/storage/telemetry-store.ts';
import { makeEmbedded } from './make-store.ts';

telemetryConformance('embedded', makeEmbedded);
