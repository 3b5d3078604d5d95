/**
 * Reads a capture or a trace piece by piece. What is behind damage is not read, and this is reported. If nothing was
 * found, this says why.
 */
import { type CaptureEvent, CaptureReader, isCapture } from './capture-reader.js';
import { DamagedFile } from './packet.js';
import { isTrace, type TraceEvent, TraceReader } from './trace-reader.js';

/** The reader of an input; `undefined` if it is neither a capture nor a trace. @param start its first octets */
export function readerOf({
  start,
}: {
  readonly start: Buffer;
}): CaptureReader | TraceReader | undefined {
  if (isCapture(start)) {
    return new CaptureReader(start);
  }
  return isTrace(start) ? new TraceReader() : undefined;
}

/** Why nothing was found in an input, as a sentence. @param reader what has read it, to its end */
export function nothingIn(reader?: CaptureReader | TraceReader): string {
  const cut = reader instanceof CaptureReader ? reader.cutPackets : 0;
  if (cut === 0) {
    return 'there is no TPKT or TPDU in the input';
  }
  const packets = cut === 1 ? '1 packet is' : `${cut} packets are`;
  return `there is no whole TPKT in the capture: ${packets} cut off by its snap length; capture with -s 0`;
}

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
