/**
 * How a byte stream ended, in words. It knows the codes of Node's errors and nothing of sockets.
 */

/** Whether an error is one of TLS, and not of TCP beneath it. */
export function isTlsFailure(cause: unknown): boolean {
  return /^ERR_(SSL|TLS)_/.test(codeOf(cause) ?? '');
}

/** What happened to the stream, to begin a sentence with; `undefined` as cause for a FIN. */
export function streamFailure(cause: Error | undefined): string {
  if (cause === undefined) {
    return 'the peer closed TCP';
  }
  const what = codeOrMessage(cause);
  return isTlsFailure(cause) ? `TLS failed (${what})` : `TCP was reset or failed (${what})`;
}

/** Messages may be several lines long, with addresses and files of the library of TLS. */
export function codeOrMessage(cause: Error): string {
  return codeOf(cause) ?? cause.message;
}

function codeOf(cause: unknown): string | undefined {
  const { code } = (cause ?? {}) as { code?: unknown };
  return typeof code === 'string' ? code : undefined;
}
