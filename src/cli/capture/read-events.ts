/**
 * Reads a capture or a trace piece by piece. What is behind damage is not read, and this is reported. If nothing was
 * found, this says why.
 */
import { type CaptureEvent, CaptureReader, isCapture } from './capture-reader.js';
import { DamagedFile } from './packet.js';
import { isTrace, type TraceEvent, TraceReader } from './trace-reader.js';

/** Reads a capture, or a trace as JSON lines. */
export type EventReader = CaptureReader | TraceReader;

/**
 * Returns the reader of an input; `undefined` if that is neither a capture nor a trace.
 *
 * @param start the first octets of the input
 */
export function readerFor(start: Buffer): EventReader | undefined {
  if (isCapture(start)) {
    return new CaptureReader(start);
  }
  return isTrace(start) ? new TraceReader() : undefined;
}

/**
 * Why nothing was found in an input, as a sentence.
 *
 * @param reader has read the input to its end; `undefined` if it is neither a capture nor a trace
 */
export function nothingIn(reader?: EventReader): string {
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
