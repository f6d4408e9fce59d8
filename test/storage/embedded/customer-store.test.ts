import { customerConformance } from '../../conformance/storage/customer-store.ts';
import { makeEmbedded } from './make-store.ts';

customerConformance('embedded', makeEmbedded);
