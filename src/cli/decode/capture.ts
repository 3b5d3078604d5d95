/**
 * Reads the TCP streams of a capture file with tshark, which supports every capture format and reassembles
 * TCP (retransmissions, reordering).
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { CommandError } from '../exit.js';

/** Magic numbers of pcap, in both byte orders and both time resolutions, and of pcapng. */
const MAGICS = ['d4c3b2a1', 'a1b2c3d4', '4d3cb2a1', 'a1b23c4d', '0a0d0d0a'];

/** True if the octets begin like a capture file. */
export function isCapture(octets: Buffer): boolean {
  return MAGICS.includes(octets.subarray(0, 4).toString('hex'));
}

/** One direction of a TCP stream of a capture. */
export interface Flow {
  /** Number of the stream in the capture. */
  readonly stream: number;
  readonly from: string;
  readonly to: string;
}

/** Octets of a flow, or the number of octets that are missing in the capture. */
export type FlowChunk = Flow & ({ readonly octets: Buffer } | { readonly missing: number });

/** What tshark prints in place of missing octets, with the NUL that ends a C string. */
const GAP = /^\[(\d+) bytes missing in capture file\]\0?$/;

function chunkOf(flow: Flow, octets: Buffer): FlowChunk {
  // Check the first octet before converting to text: most chunks are data.
  const [, missing] = (octets[0] === 0x5b && GAP.exec(octets.toString('latin1'))) || [];
  return missing === undefined ? { ...flow, octets } : { ...flow, missing: Number(missing) };
}

/**
 * The chunks of all TCP streams: one stream after the other, the chunks of a stream in order.
 *
 * @throws CommandError if tshark cannot read the capture. If it can read a part, the error follows the
 * chunks.
 */
export async function* captureChunks(path: string, signal: AbortSignal): AsyncGenerator<FlowChunk> {
  const streams = new Set<number>();
  let failure: unknown;
  try {
    for await (const line of tshark(['-r', path, '-T', 'fields', '-e', 'tcp.stream'], signal)) {
      if (line !== '') {
        streams.add(Number(line.split(',')[0]));
      }
    }
  } catch (error) {
    // A truncated capture can contain complete streams.
    failure = error;
  }
  for (const stream of streams) {
    try {
      yield* follow(path, stream, signal);
    } catch (error) {
      failure ??= error;
    }
  }
  if (failure !== undefined) {
    throw failure;
  }
}

/** Parses `tshark -z follow`: lines of hexadecimal, with a tab before those of the second peer. */
async function* follow(
  path: string,
  stream: number,
  signal: AbortSignal,
): AsyncGenerator<FlowChunk> {
  const ends = ['', ''];
  const args = ['-q', '-r', path, '-z', `follow,tcp,raw,${stream}`];
  for await (const line of tshark(args, signal)) {
    const [, node, address = ''] = /^Node ([01]): (.*)$/.exec(line) ?? [];
    if (node !== undefined) {
      ends[Number(node)] = address;
    } else if (/^\t?(?:[0-9a-f]{2})+$/.test(line)) {
      const isSecond = line.startsWith('\t');
      const [from = '', to = ''] = isSecond ? [ends[1], ends[0]] : ends;
      yield chunkOf({ stream, from, to }, Buffer.from(line.trim(), 'hex'));
    }
  }
}

async function* tshark(args: readonly string[], signal: AbortSignal): AsyncGenerator<string> {
  const child = spawn('tshark', ['-n', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const stop = () => child.kill();
  signal.addEventListener('abort', stop, { once: true });
  let complaint = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    complaint = `${complaint}${chunk}`.slice(-4000);
  });
  const ended = once(child, 'close');
  // If tshark cannot be started, this rejects before it is awaited.
  ended.catch(() => {});
  try {
    await once(child, 'spawn');
    yield* createInterface({ input: child.stdout });
    await ended;
  } catch (error) {
    throw startFailure(error as NodeJS.ErrnoException) ?? error;
  } finally {
    signal.removeEventListener('abort', stop);
    child.kill();
  }
  if (child.exitCode !== 0 && !signal.aborted) {
    const said = complaint.trim().split('\n').at(-1) ?? '';
    throw new CommandError(
      `tshark cannot read all of the capture: ${said.replace(/^tshark: /, '')}`,
    );
  }
}

function startFailure({ code, syscall = '' }: NodeJS.ErrnoException): CommandError | undefined {
  if (!syscall.startsWith('spawn')) {
    return undefined;
  }
  const what = code === 'ENOENT' ? 'is not in PATH' : `cannot be started (${code})`;
  return new CommandError(
    `reading a capture requires tshark, which ${what}: install it ("apt-get install tshark", "brew install wireshark")`,
  );
}
