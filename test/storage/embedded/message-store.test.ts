import { messageConformance } from '../../conformance/storage/message-store.ts';
import { makeEmbedded } from './make-store.ts';

messageConformance('embedded', makeEmbedded);
