import { userConformance } from '../../conformance/storage/user-store.ts';
import { makeEmbedded } from './make-store.ts';

userConformance('embedded', makeEmbedded);
