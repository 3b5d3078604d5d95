import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { EXIT, EXIT_CODES_HELP } from '../../src/cli/exit.js';
import type { Connection } from '../../src/index.js';
import { listen } from '../../src/index.js';
import { closeLater } from '../support/life.js';
import { COTP } from './support.js';

const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
const page = await readFile(new URL('../../docs/cli.md', import.meta.url), 'utf8');

/** The command line and the output of each transcript in the README and in docs/cli.md. */
const transcripts = [...`${readme}\n${page}`.matchAll(/^```console\n\$ (.+)\n([\s\S]*?)^```$/gm)]
  .map(([, line = '', shown = '']) => ({ line, shown }))
  .filter(({ line }) => /cotp (?:connect|listen|probe|decode|bench)\b/.test(line));

/** The device of the transcripts: it echoes, and accepts every T-selector but one. */
async function device(): Promise<string> {
  const echo = async (conn: Connection) => {
    for await (const tsdu of conn) {
      conn.write(tsdu);
    }
  };
  const server = await listen(
    echo,
    { host: '127.0.0.1', port: 0 },
    {
      maxTpduSize: 1024,
      tpClass: '2,0',
      expedited: true,
      onExpedited: (data, conn) => {
        conn.writeExpedited(data);
      },
      onConnectRequest: (request) =>
        request.localTsel === 0x0305 ? request.refuse(3) : request.accept(),
    },
  );
  closeLater(() => server.asyncClose());
  return `127.0.0.1:${server.addresses[0]?.port}`;
}

/** Replaces what differs from run to run: references, times and measured values. */
function steady(text: string): string {
  return text
    .replace(/(ref:? )0x(?!0000)[0-9a-f]{4}/g, '$1REF')
    .replace(/[\d.]+ ms$/gm, 'TIME ms')
    .replace(/^ +\d+(?: +[\d.]+){6}$/gm, 'FIGURES')
    .replace(/ {2,}/g, '  ');
}

test('the transcripts are found', () => {
  expect(transcripts.length).toBeGreaterThan(3);
});

test.each(transcripts)('$line', async ({ line, shown }) => {
  const folder = await mkdtemp(join(tmpdir(), 'cotp-readme-'));
  closeLater(() => rm(folder, { recursive: true }));
  await symlink(COTP, join(folder, 'cotp'));
  const address = await device();
  const typed = line.replaceAll('10.0.0.5', address);
  const env = { PATH: `${folder}:${process.env.PATH}` };
  const said = await new Promise<string>((resolve) => {
    execFile('/bin/sh', ['-c', `{ ${typed}; } 2>&1`], { env }, (_error, stdout) => resolve(stdout));
  });
  expect(steady(said.replaceAll(address, '10.0.0.5:102'))).toBe(steady(shown));
});

test('the exit codes are all of them', () => {
  const [, table = ''] = readme.split('<!-- exit codes -->\n');
  const rows = [...table.matchAll(/^\| (\d+) \| (.+) \|$/gm)];
  expect(rows.map(([, code, what]) => [Number(code), what])).toEqual(EXIT_CODES_HELP);
  expect(EXIT_CODES_HELP.map(([code]) => code)).toEqual(Object.values(EXIT));
});
