import { attachmentConformance } from '../../conformance/storage/attachment-store.ts';
import { makeEmbedded } from './make-store.ts';

attachmentConformance('embedded', makeEmbedded);
