import { supplierConformance } from '../../conformance/storage/supplier-store.ts';
import { makeEmbedded } from './make-store.ts';

supplierConformance('embedded', makeEmbedded);
