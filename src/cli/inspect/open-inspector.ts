/** Starts the inspector of a command and prints its address. */
import type { StartedInspector, StartOptions } from '../../node/inspector/start.js';
import type { Io } from '../io.js';
import { jsonLine } from '../output/events.js';

/** What a command decides; the others are the same for all commands. */
export type CommandInspectorOptions = Pick<
  StartOptions,
  'source' | 'title' | 'target' | 'maxOctets' | 'port'
>;

/** It keeps the command running until it is closed. */
export async function openInspector(options: CommandInspectorOptions): Promise<StartedInspector> {
  // Loaded only for commands that show something.
  const { startInspector } = await import('../../node/inspector/start.js');
  return startInspector({ ...options, host: '127.0.0.1', redact: false, isRef: true });
}

/** Prints the address to open in a browser. */
export async function announceInspector(
  { url }: StartedInspector,
  io: Io,
  json: boolean,
): Promise<void> {
  if (json) {
    await jsonLine(io, { event: 'inspector', url });
  } else {
    io.stderr.line(`open in a browser: ${url} (Ctrl-C ends it)`);
  }
}
