/** The commands on a terminal of a certain width, in the process of the test. */
import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { COMMANDS, run } from '../../src/cli/command-line/command-line.js';
import { Stop } from '../../src/cli/exit.js';
import { createIo } from '../../src/cli/io.js';
import { folded } from '../../src/cli/output/fold.js';
import { connect } from '../../src/index.js';
import { closeLater, serve } from '../support/life.js';
import { closedPort, cotpListen, strangers } from './support.js';

/** A stream that claims to be a terminal, and what was written to it without the colours. */
class Terminal extends PassThrough {
  readonly isTTY = true;
  readonly columns: number;
  #text = '';
  #changed: () => void = () => {};

  constructor(columns: number) {
    super();
    this.columns = columns;
    this.on('data', (octets) => {
      this.#text += String(octets);
      this.#changed();
    });
  }

  get text(): string {
    const esc = String.fromCharCode(0x1b);
    return this.#text.replace(new RegExp(`${esc}\\[[\\d;?]*[A-Za-z]`, 'g'), '');
  }

  async says(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.text)) {
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
    }
  }
}

/** A command that runs with all its streams on a terminal. */
function onTerminal(columns: number, args: readonly string[]) {
  const stdin = Object.assign(new PassThrough(), { isTTY: true });
  const [stdout, stderr] = [new Terminal(columns), new Terminal(columns)];
  const { io, stop } = createIo({ stdin, stdout, stderr, env: {} });
  closeLater(() => stop(new Stop(130)));
  return { stdin, stdout, stderr, stop, ended: run(args, '1.2.3', io) };
}

function longest(text: string): number {
  return Math.max(...text.split('\n').map((line) => line.length));
}

const WIDTHS = [80, 120];
const CALLS = [['--help'], ['help'], ...COMMANDS.map(({ name }) => [name, '--help'])];

describe.each(WIDTHS)('at %i columns', (columns) => {
  test.each(CALLS)('no line of the help is longer: %s %s', async (...args) => {
    const { stdout, ended } = onTerminal(columns, args.filter(Boolean));
    expect(await ended).toBe(0);
    expect(stdout.text).not.toBe('');
    expect(longest(stdout.text)).toBeLessThanOrEqual(columns);
  });

  test('no line of an error is longer', async () => {
    const { stderr, ended } = onTerminal(columns, ['connect', 'h', '--remote-tsel', '0102']);
    expect(await ended).toBe(2);
    expect(longest(stderr.text)).toBeLessThanOrEqual(columns);
  });

  test('no line of decode is longer', async () => {
    const { stdout, ended } = onTerminal(columns, ['decode', '0300000b06804a1c000004']);
    expect(await ended).toBe(1);
    expect(stdout.text).toMatch(/not\s+defined by X\.224/);
    expect(longest(stdout.text)).toBeLessThanOrEqual(columns);
  });

  test('no line of probe is longer', async () => {
    const { address } = await serve();
    const hosts = [
      `${address.host}:${address.port}`,
      await closedPort(),
      await strangers(() => 'SSH-2.0-OpenSSH_9.6\r\n'),
    ];
    const args = ['probe', ...hosts, '--delay', '0', '--tsel', '0x0102', '-v'];
    const { stdout, stderr, ended } = onTerminal(columns, args);
    expect(await ended).toBe(1);
    expect(stdout.text.match(/verdict: /g)).toHaveLength(3);
    expect(longest(stdout.text)).toBeLessThanOrEqual(columns);
    expect(longest(stderr.text)).toBeLessThanOrEqual(columns);
  });

  test('the lines of probe --verbose are lines of their own, without a progress bar', async () => {
    const { address } = await serve();
    const args = ['probe', `${address.host}:${address.port}`, '-v'];
    const { stderr, ended } = onTerminal(columns, args);
    expect(await ended).toBe(0);
    const [plan, sent] = stderr.text.split(/\n(?! )/);
    expect(plan).toBe('7 selectors, 500 ms apart; each try uses one connection');
    expect(sent).toMatch(/^> 127\.0\.0\.1:\d+ CR TPDU /);
  });

  test.each([[[]], [['--legs', '-v']]])('no line of the proxy is longer: %j', async (more) => {
    const { address, accept } = await serve();
    const args = ['proxy', '127.0.0.1:0', `${address.host}:${address.port}`, ...more];
    const { stdout, stderr, ended, stop } = onTerminal(columns, args);
    await stderr.says(/:(\d+) is relayed/);
    const [, port] = /:(\d+) is relayed/.exec(stderr.text) ?? [];
    const where = { host: '127.0.0.1', port: Number(port) };
    const long = Buffer.alloc(32, 'selector');
    const conn = await connect(where, { localTsel: long, remoteTsel: long, maxTpduSize: 512 });
    closeLater(() => conn.destroy());
    const peer = await accept();
    conn.write(Buffer.alloc(2000, 'Hi\u001b'));
    await peer.read();
    conn.destroy();
    await stdout.says(/ close /);
    stop(new Stop(130));
    expect(await ended).toBe(130);
    expect(stdout.text).toMatch(/DT EOT \d+ +48 69 1b .* Hi\.|DT \d+ +48 69 1b .* Hi\./);
    expect(longest(stdout.text)).toBeLessThanOrEqual(columns);
    expect(longest(stderr.text)).toBeLessThanOrEqual(columns);
  });

  test('bench draws the times of its round trips', async () => {
    const { address } = await cotpListen('--echo');
    const args = ['bench', address, '--tsdu', '16', '--duration', '100ms'];
    const { stdout, ended } = onTerminal(columns, args);
    expect(await ended).toBe(0);
    expect(stdout.text).toMatch(/round trips of 16 octets, in ms\n {2}.*\d - \d.* {2}\d+ {2}#+\n/);
    expect(longest(stdout.text)).toBeLessThanOrEqual(columns);
  });
});

describe('on a terminal', () => {
  test('that says 0 columns, because it does not know them, lines fit 80', async () => {
    const { stdout, ended } = onTerminal(0, ['decode', '0300000702f080']);
    const usual = onTerminal(80, ['decode', '0300000702f080']);
    expect([await ended, await usual.ended]).toEqual([0, 0]);
    expect(stdout.text).toBe(usual.stdout.text);
  });

  test('of hardly any columns, lines are not shorter than 20', async () => {
    const { stdout, ended } = onTerminal(1, ['decode', '0300000702f080']);
    const narrow = onTerminal(20, ['decode', '0300000702f080']);
    expect([await ended, await narrow.ended]).toEqual([0, 0]);
    expect(stdout.text).toBe(narrow.stdout.text);
  });
});

describe('a line is folded', () => {
  test('not at all if it fits', () => {
    expect(folded('one  two', 8)).toBe('one  two');
  });

  test('between its fields', () => {
    expect(folded('one two  three four  five', 14)).toBe('one two\n    three four\n    five');
  });

  test('within a field that is too long', () => {
    expect(folded('one two three four', 12)).toBe('one two\n    three\n    four');
  });

  test('and keeps its indentation', () => {
    expect(folded('      one two  three', 12)).toBe('      one\n      two\n      three');
  });

  test('without a change to what stands before the fold', () => {
    const arrow = '#1   client --> ·          ';
    expect(folded(`${arrow} CR TPDU of more octets than there are`, 36)).toBe(
      `${arrow} CR TPDU\n    of more octets than there are`,
    );
  });

  test('not within a word', () => {
    expect(folded(`a ${'b'.repeat(30)}`, 12)).toBe(`a\n    ${'b'.repeat(30)}`);
  });

  test('as if its colours took no room', () => {
    const red = '\u001b[31mone\u001b[39m';
    expect(folded(`${red}  two`, 8)).toBe(`${red}  two`);
  });
});

describe('connect --hex with someone who types', () => {
  const session = async (...args: readonly string[]) => {
    const { address, accept } = await serve();
    const where = `${address.host}:${address.port}`;
    const format = args.includes('--line') ? [] : ['--hex'];
    const terminal = onTerminal(80, ['connect', where, ...format, ...args]);
    const peer = await accept();
    void (async () => {
      for await (const tsdu of peer) {
        peer.write(tsdu);
      }
    })();
    return terminal;
  };

  test('a typing error is reported and the session goes on', async () => {
    const { stdin, stdout, stderr, ended } = await session();
    stdin.write('010x\n');
    await stderr.says(/line 1 must be hexadecimal, .*not\s+"010x";\s+nothing\s+was\s+sent/);
    stdin.write('0102\n');
    await stdout.says(/^0102$/m);
    stdin.end();
    expect(await ended).toBe(0);
    expect(stderr.text.match(/must be hexadecimal/g)).toHaveLength(1);
  });

  test.each(['--hex', '--line'])(
    'a pasted line that the terminal has cut is reported and not sent: %s',
    async (format) => {
      const { stdin, stdout, stderr, ended } = await session(format);
      stdin.write(`${'30'.repeat(2047)}3\n`);
      await stderr.says(/line 1 has 4095 octets, .*the\s+most .*use\s+--file/s);
      stdin.write('0102\n');
      await stdout.says(/^0102$/m);
      stdin.end();
      expect(await ended).toBe(0);
      expect(stdout.text).toBe('0102\n');
    },
  );

  test('expedited data without --expedited is reported and the session goes on', async () => {
    const { stdin, stdout, stderr, ended } = await session();
    stdin.write('!01\n');
    await stderr.says(/requires\s+--expedited/);
    stdin.write('03\n');
    await stdout.says(/^03$/m);
    stdin.end();
    expect(await ended).toBe(0);
  });
});
