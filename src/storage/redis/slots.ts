const SLOTS = 16_384;
const POLYNOMIAL = 0x1021;

/** CRC16 (XMODEM) of each byte. */
const TABLE = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ POLYNOMIAL : crc << 1;
  return crc;
});

/** The slot of a Cluster that keys with this hash tag are in. */
export function slotOf(tag: string): number {
  let crc = 0;
  for (let at = 0; at < tag.length; at++) {
    const unit = tag.charCodeAt(at);
    if (unit > 0x7f) return slotOfBytes(Buffer.from(tag));
    crc = next(crc, unit);
  }
  return crc % SLOTS;
}

const slotOfBytes = (bytes: Buffer): number => bytes.reduce(next, 0) % SLOTS;

function next(crc: number, byte: number): number {
  return ((crc << 8) & 0xffff) ^ (TABLE[(crc >> 8) ^ byte] ?? 0);
}
