/**
 * Why a file cannot be read or written, in words.
 */

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder',
  EISDIR: 'it is a folder',
  ENOTDIR: 'a part of its path is not a folder',
  EACCES: 'permission is denied',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
};

/** The reason in words and the code of the system error. */
export function fileReason({ code = 'unknown error' }: NodeJS.ErrnoException): string {
  const words = REASONS[code];
  return words === undefined ? code : `${words} (${code})`;
}
