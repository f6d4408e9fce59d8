export { type AddressGuard, createAddressGuard } from './address-guard.ts';
export { bodyText, payloadText } from './body.ts';
export { Link } from './link.ts';
export { Places } from './places.ts';
export { within } from './within.ts';
