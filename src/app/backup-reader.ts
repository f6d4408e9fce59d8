import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { BrokerError } from '../errors.ts';
import { type BackupHeader, MAX_HEADER_BYTES, parseBackupHeader } from './backup-file.ts';

const PIECE_BYTES = 1024 * 1024;
const NEWLINE = 0x0a;

export interface OpenBackup {
  readonly handle: FileHandle;
  readonly header: BackupHeader;
  /** Where the data begins. */
  readonly at: number;
}

/** Opens a backup for `use`, and closes it. Throws FILE_INVALID. */
export async function readBackup<T>(file: string, use: (backup: OpenBackup) => Promise<T>): Promise<T> {
  const handle = await openFile(file);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(MAX_HEADER_BYTES), 0, MAX_HEADER_BYTES, 0);
    const end = buffer.subarray(0, bytesRead).indexOf(NEWLINE);
    // Without a line end the whole piece is read as one, which then tells what is wrong.
    const header = parseBackupHeader(buffer.subarray(0, end < 0 ? bytesRead : end));
    return await use({ handle, header, at: end + 1 });
  } finally {
    await handle.close();
  }
}

async function openFile(file: string): Promise<FileHandle> {
  try {
    const handle = await open(file, 'r');
    if ((await handle.stat()).isFile()) return handle;
    await handle.close();
    throw new BrokerError('FILE_INVALID', { file, detail: 'it is no file' });
  } catch (error) {
    if (error instanceof BrokerError) throw error;
    const detail = `it cannot be read (${(error as NodeJS.ErrnoException).code})`;
    throw new BrokerError('FILE_INVALID', { file, detail }, { cause: error });
  }
}

/** Reads the data from first to last byte, for `use`; what was changed, cut or made longer is refused. */
export async function checkData(
  source: FileHandle,
  start: number,
  { bytes, sha256 }: BackupHeader,
  use: (piece: Buffer, done: number) => Promise<void> = async () => undefined,
): Promise<void> {
  const { size } = await source.stat();
  if (size !== start + bytes) {
    const detail = `the backup has ${size - start} bytes of data and should have ${bytes}: it was cut short or changed`;
    throw new BrokerError('FILE_INVALID', { detail });
  }
  const hash = createHash('sha256');
  const piece = Buffer.alloc(PIECE_BYTES);
  for (let at = 0; at < bytes; ) {
    const { bytesRead } = await source.read(piece, 0, PIECE_BYTES, start + at);
    if (bytesRead === 0) break;
    hash.update(piece.subarray(0, bytesRead));
    at += bytesRead;
    await use(piece.subarray(0, bytesRead), at);
  }
  if (hash.digest('hex') === sha256) return;
  throw new BrokerError('FILE_INVALID', { detail: 'the data of the backup was changed: its checksum is another one' });
}
