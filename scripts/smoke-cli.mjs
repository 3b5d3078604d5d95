/** Tries the `cotp` command of the installed package, as a person would, with the Node that runs this. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';

const COTP = 'node_modules/cotp/dist/cli/main.js';

async function cotp(args, input = '') {
  const child = spawn(process.execPath, [COTP, ...args], { timeout: 20_000 });
  child.stdin.end(input);
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { status: child.exitCode ?? (await once(child, 'exit'))[0], stdout, stderr };
}

/** Starts a command that listens; gives its process and the address that it says. */
async function start(...args) {
  const child = spawn(process.execPath, [COTP, ...args, '--json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await once(createInterface(child.stdout), 'line');
  return { child, address: JSON.parse(line).address };
}

assert.match((await cotp(['--help'])).stdout, /connect.*listen.*probe.*proxy.*decode.*bench/s);
assert.match((await cotp(['decode', '0300000702f080'])).stdout, /DT TPDU/);
assert.equal((await cotp(['connect'])).status, 2);

const listen = await start('listen', '127.0.0.1:0', '--echo');
const proxy = await start('proxy', '127.0.0.1:0', listen.address);
try {
  const echoed = await cotp(['connect', proxy.address, '--s7', 'pg,0,2'], 'one\ntwo\n');
  assert.deepEqual([echoed.status, echoed.stdout], [0, 'one\ntwo\n'], echoed.stderr);
  const probed = await cotp(['probe', listen.address, '--delay', '1ms']);
  assert.equal(probed.status, 0, probed.stderr);
  assert.match(probed.stdout, /CC {2}size/);
  const benched = await cotp(['bench', listen.address, '--tsdu', '64', '--duration', '100ms']);
  assert.equal(benched.status, 0, benched.stderr);
} finally {
  for (const { child } of [proxy, listen]) {
    child.kill('SIGINT');
    const [code] = await once(child, 'exit');
    assert.equal(code, 130, 'Ctrl-C ends it with exit code 130');
  }
}
