import { alarmStateConformance } from '../../conformance/storage/alarm-state-store.ts';
import { makeEmbedded } from './make-store.ts';

alarmStateConformance('embedded', makeEmbedded);
