import { attributeConformance } from '../../conformance/storage/attribute-store.ts';
import { makeEmbedded } from './make-store.ts';

attributeConformance('embedded', makeEmbedded);
