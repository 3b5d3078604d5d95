/** The `cotp` command in a real terminal (tmux), and against the S7 server of snap7. */
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { connect, listen } from '../../dist/esm/index.js';
import { startSnap7 } from './snap7-server.js';
import { HOST, LIMIT } from './support.js';
import { Terminal } from './terminal.js';

const COTP = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const run = promisify(execFile);

describe('cotp in a terminal', () => {
  let folder;
  let server;
  let address;

  before(async () => {
    const { error } = spawnSync('tmux', ['-V']);
    assert.equal(error, undefined, 'these tests need tmux: apt-get install tmux');
    folder = await mkdtemp(join(tmpdir(), 'cotp-terminal-'));
    await symlink(COTP, join(folder, 'cotp'));
    server = await listen(
      async (conn) => {
        for await (const tsdu of conn) {
          conn.write(tsdu.toString() === 'bell' ? Buffer.from('\x1b[31mred\x07') : tsdu);
        }
      },
      { host: HOST, port: 0 },
      { localTsel: 0x0302 },
    );
    address = `${HOST}:${server.addresses[0].port}`;
  });

  after(async () => {
    await server?.asyncClose();
    await rm(folder, { recursive: true, force: true });
  });

  const inTerminal = (what, body) =>
    test(what, LIMIT, async () => {
      const socket = join(folder, `${what.replace(/\W+/g, '-')}.sock`);
      const terminal = await Terminal.open(socket, folder);
      try {
        await body(terminal);
      } finally {
        await terminal.close();
      }
    });

  inTerminal('typing lines, and Ctrl-D', async (terminal) => {
    await terminal.type(`cotp connect ${address} --remote-tsel 0x0302; echo code $?`);
    await terminal.shows(/^connected to .*remote 0x0302 \(basic, rack 0, slot 2\)/m);
    await terminal.type('hello');
    await terminal.shows(/^hello\nhello$/m);
    await terminal.press('C-d');
    await terminal.shows(/^code 0$/m);
  });

  inTerminal('a typing error in --hex, and the session goes on', async (terminal) => {
    await terminal.type(`cotp connect ${address} --remote-tsel 0x0302 --hex; echo code $?`);
    await terminal.shows(/^connected to/m);
    await terminal.type('010x');
    await terminal.shows(/line 1 must be hexadecimal/);
    await terminal.type('01');
    await terminal.shows(/^01\n01$/m);
    await terminal.press('C-d');
    await terminal.shows(/^code 0$/m);
  });

  inTerminal('a peer cannot talk to the terminal', async (terminal) => {
    await terminal.type(`cotp connect ${address} --remote-tsel 0x0302`);
    await terminal.shows(/^connected to/m);
    await terminal.type('bell');
    await terminal.shows(/^\\x1b\[31mred\\x07$/m);
  });

  inTerminal('Ctrl-C', async (terminal) => {
    await terminal.type(`cotp connect ${address} --remote-tsel 0x0302; echo code $?`);
    await terminal.shows(/^connected to/m);
    await terminal.press('C-c');
    await terminal.shows(/code 130$/m);
  });

  inTerminal('SIGTERM ends it while Ctrl-S holds the screen', async (terminal) => {
    await terminal.type(`sh -c 'echo pid $$; exec cotp listen ${HOST}:0 --hex'; echo code $?`);
    const screen = await terminal.shows(/^listening on \S+:\d+$/m);
    const [, pid] = /^pid (\d+)$/m.exec(screen);
    const [, port] = /^listening on \S+:(\d+)$/m.exec(screen);
    await terminal.press('C-s');
    const conn = await connect({ host: HOST, port: Number(port) });
    for (let count = 0; count < 20; count += 1) {
      conn.write(Buffer.alloc(1_000_000, 'flood'));
    }
    // What it does not take waits here: its back-pressure works.
    for (let before = -1; before !== conn.writeBuffered; ) {
      before = conn.writeBuffered;
      await sleep(300);
    }
    assert.ok(conn.writeBuffered > 1_000_000);
    process.kill(Number(pid), 'SIGTERM');
    await conn.waitClosed();
    await terminal.press('C-q');
    await terminal.shows(/code 143$/m);
  });

  inTerminal('no name and no message from outside reaches the terminal raw', async (terminal) => {
    await terminal.type(`cotp connect ${address} --tls-ca "$(printf '/no/\\033[31msuch')"`);
    await terminal.shows(
      /^cotp connect: --tls-ca \/no\/\\x1b\[31msuch cannot be read:\s+there\s+is\s+no\s+such\s+file\s+or\s+folder \(ENOENT\)$/m,
    );
  });

  inTerminal('colours', async (terminal) => {
    await terminal.type(`cotp probe ${address} --tsel 0x0302; echo code $?`);
    await terminal.shows(/^code 0$/m);
    assert.ok((await terminal.screen('-e')).includes('\x1b[32mCC  size'));
  });

  inTerminal('no colours with NO_COLOR', async (terminal) => {
    await terminal.type(`NO_COLOR=1 cotp probe ${address} --tsel 0x0302; echo code $?`);
    assert.match(await terminal.shows(/^code 0$/m), /CC {2}size/);
    assert.ok(!(await terminal.screen('-e')).includes('\x1b['));
  });

  inTerminal('a long list has a progress bar, which goes away', async (terminal) => {
    await terminal.type(`cotp probe ${address} --delay 300ms; echo code $?`);
    await terminal.shows(/^\d\/7 \[.+\] 0x0200$/m);
    const screen = await terminal.shows(/^code 0$/m);
    assert.equal(screen.match(/^\d\/7/gm), null);
    assert.equal(screen.match(/DR reason 3/g)?.length, 5);
    assert.match(screen, /0x0302 \(basic, rack 0, slot 2\) {2}CC/);
  });
});

describe('cotp and a snap7 server', () => {
  let server;
  let target;

  before(async () => {
    server = await startSnap7();
    target = `${HOST}:${server.address.port}`;
  });

  after(() => server.stop());

  test('probe confirms it', LIMIT, async () => {
    const { stdout } = await run(process.execPath, [COTP, 'probe', target, '--json']);
    const [attempt, verdict] = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    const { result, confirm } = attempt;
    assert.equal(result, 'confirmed');
    assert.equal(confirm.size, 1024);
    assert.equal(confirm.calledTsel, '0x0102');
    assert.deepEqual(verdict.accepted, ['0x0102']);
  });

  test('connect sets up S7 communication by hand', LIMIT, async () => {
    const args = [COTP, 'connect', target, '--s7', 'pg,0,0', '--hex', '--hold', '--wait', '500ms'];
    const running = run(process.execPath, args);
    running.child.stdin.end('32010000000000080000f0000001000101e0\n');
    const { stdout } = await running;
    // An acknowledgement (ROSCTR 3) of the same setup, without an error.
    assert.match(stdout, /^32030000000000080000\d{0,4}f0000001000101e0\n$/);
  });
});
