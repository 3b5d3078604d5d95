/** Reads a capture or a trace piece by piece. What is behind damage is not read, and this is reported. */
import type { CaptureEvent, CaptureReader } from './capture-reader.js';
import { DamagedFile } from './packet.js';
import type { TraceEvent, TraceReader } from './trace-reader.js';

/** @param take receives what each piece contains; reading waits for it */
export async function readEvents(
  { chunks }: { readonly chunks: AsyncIterable<Buffer> },
  reader: CaptureReader | TraceReader,
  signal: AbortSignal,
  take: (events: readonly (CaptureEvent | TraceEvent)[]) => Promise<void> | void,
): Promise<void> {
  let fault: string | undefined;
  try {
    for await (const chunk of chunks) {
      await take(reader.push(chunk));
      if (signal.aborted) {
        return;
      }
    }
  } catch (error) {
    if (!(error instanceof DamagedFile)) {
      throw error;
    }
    fault = error.message;
  }
  await take(reader.end(fault));
}
