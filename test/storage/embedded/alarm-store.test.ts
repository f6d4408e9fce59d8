import { alarmConformance } from '../../conformance/storage/alarm-store.ts';
import { makeEmbedded } from './make-store.ts';

alarmConformance('embedded', makeEmbedded);
