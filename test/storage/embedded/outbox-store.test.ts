import { outboxConformance } from '../../conformance/storage/outbox-store.ts';
import { makeEmbedded } from './make-store.ts';

outboxConformance('embedded', makeEmbedded);
