/**
 * The TCP streams of a capture file, put together by tshark, which knows every form of capture and
 * what retransmission does to a stream.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { CommandError } from '../exit.js';

/** First octets of pcap in both byte orders and resolutions, and of pcapng. */
const MAGICS = ['d4c3b2a1', 'a1b2c3d4', '4d3cb2a1', 'a1b23c4d', '0a0d0d0a'];

/** True when these are the first octets of a capture file. */
export function isCapture(octets: Buffer): boolean {
  return MAGICS.includes(octets.subarray(0, 4).toString('hex'));
}

/** Where something of a capture was sent. */
export interface Way {
  /** Number of the stream in the capture. */
  readonly stream: number;
  readonly from: string;
  readonly to: string;
}

/** Octets that went one way over a stream, or how many of them the capture lacks. */
export type Piece = Way & ({ readonly octets: Buffer } | { readonly missing: number });

/** What tshark puts in the place of octets that a capture lacks, with the NUL of a string in C. */
const GAP = /^\[(\d+) bytes missing in capture file\]\0?$/;

function pieceOf(way: Way, octets: Buffer): Piece {
  // Nothing else of this length begins with a bracket: a look at the octet keeps the text from being made.
  const [, missing] = (octets[0] === 0x5b && GAP.exec(octets.toString('latin1'))) || [];
  return missing === undefined ? { ...way, octets } : { ...way, missing: Number(missing) };
}

/**
 * What was sent over every TCP stream, stream by stream, in order.
 *
 * @throws CommandError when tshark cannot read the capture; last, when it can read some of it
 */
export async function* piecesOf(path: string, signal: AbortSignal): AsyncGenerator<Piece> {
  const streams = new Set<number>();
  let failure: unknown;
  try {
    for await (const line of tshark(['-r', path, '-T', 'fields', '-e', 'tcp.stream'], signal)) {
      if (line !== '') {
        streams.add(Number(line.split(',')[0]));
      }
    }
  } catch (error) {
    // A capture that is cut short has streams all the same.
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

/** Lines of hexadecimal; those of the second end are set in by a tab. */
async function* follow(path: string, stream: number, signal: AbortSignal): AsyncGenerator<Piece> {
  const ends = ['', ''];
  const args = ['-q', '-r', path, '-z', `follow,tcp,raw,${stream}`];
  for await (const line of tshark(args, signal)) {
    const [, node, address = ''] = /^Node ([01]): (.*)$/.exec(line) ?? [];
    if (node !== undefined) {
      ends[Number(node)] = address;
    } else if (/^\t?(?:[0-9a-f]{2})+$/.test(line)) {
      const isSecond = line.startsWith('\t');
      const [from = '', to = ''] = isSecond ? [ends[1], ends[0]] : ends;
      yield pieceOf({ stream, from, to }, Buffer.from(line.trim(), 'hex'));
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
  // A program that cannot be started fails before anybody awaits its end.
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
