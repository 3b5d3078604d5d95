import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { COMMANDS } from '../../src/cli/command-line/command-line.js';
import { EXIT } from '../../src/cli/exit.js';
import { COTP, cotp, typed } from './support.js';

/** An existing file that is not a certificate. */
const NO_CERTIFICATE = fileURLToPath(new URL('../../README.md', import.meta.url));

const names = COMMANDS.map(({ name }) => name);

test('the help shows every command and the exit codes', async () => {
  const { code, stdout, stderr } = await typed(['--help']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatchSnapshot();
  for (const { name, summary } of COMMANDS) {
    expect(stdout.replace(/\s+/g, ' ')).toContain(`${name} `);
    expect(stdout.replace(/\s+/g, ' ')).toContain(summary);
  }
  const [, codes = ''] = stdout.split('Exit codes:');
  const shown = [...codes.matchAll(/\b(\d+) \w/g)].map(([, code]) => Number(code));
  expect(shown).toEqual(Object.values(EXIT));
});

test('the help of cotp begins with a question and fits a terminal of 24 lines', async () => {
  const { stdout } = await typed(['--help']);
  expect(stdout).toMatch(/^port 102 does not answer.* cotp probe HOST/);
  // A prompt, and the status line of tmux.
  expect(stdout.trimEnd().split('\n').length).toBeLessThanOrEqual(24 - 2);
});

test.each([
  [['127.0.0.1:0'], /^cotp probe: the port of 127\.0\.0\.1:0 must be/],
  [['[::1]:0', '--all'], /^cotp probe: the port of \[::1\]:0 must be/],
  [['localhost', '--tsel', 'x'], /^cotp probe: --tsel must be/],
  [['plc1', '--tsel', 'x'], /^cotp probe: --tsel must be/],
  [['plc', '--tsel', 'x'], /^cotp: unknown command 'plc'/],
] as const)(
  'a host without a command is probed, a word without digits is not: %j',
  async (args, sentence) => {
    const { code, stderr } = await typed(args);
    expect(code).toBe(2);
    expect(stderr).toMatch(sentence);
  },
);

test.each([
  [['no.pcap'], 'no.pcap'],
  [['no.pcapng', '--summary'], 'no.pcapng'],
  [['no.jsonl'], 'no.jsonl'],
  [['no.gz'], 'no.gz'],
  [[import.meta.filename], import.meta.filename],
  [['0300000702f080'], '0300000702f080'],
  [['0x0300000702f080'], '0x0300000702f080'],
  [['03', '00', '00', '07', '02', 'f0', '80', '--json'], '03 00 00 07 02 f0 80'],
  [['03:00:00:07:02:f0:80'], '03:00:00:07:02:f0:80'],
])('what decode takes is not probed without a command: %j', async (args, input) => {
  const { code, stdout, stderr } = await typed(args);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr.split('\n')[0]).toBe(
    `cotp: did you mean 'cotp decode ${input}'? To probe a host of that name, write 'cotp probe'`,
  );
});

test.each([
  ['connect', '--remote-tsap', 'remote-tsel'],
  ['connect', '--local-tsap', 'local-tsel'],
  ['bench', '--remote-tsap', 'remote-tsel'],
  ['probe', '--local-tsap', 'local-tsel'],
  ['probe', '--tsap', 'tsel'],
] as const)('%s %s is --%s', async (name, alias, flag) => {
  const { code, stderr } = await typed([name, 'h', `${alias}=x`]);
  expect(code).toBe(2);
  expect(stderr).toContain(`cotp ${name}: --${flag} must be a T-selector`);
});

test.each([
  [['proxy', '1', 'h', '--rack', '0'], "'--rack'"],
  [['connect', 'h', '--rack', '0'], "'--rack' (Did you mean --s7 <type,rack,slot>?)"],
  [['probe', 'h', '--slot', '2'], "'--slot' (Did you mean --s7 <type,rack,slot>?)"],
  [['listen', '--s7', 'pg,0,2'], "'--s7' (Did you mean --accept <selector>?)"],
  [['connect', 'h', '--tsap', '1'], "'--tsap' (Did you mean --remote-tsel <selector>?)"],
  [['probe', 'h', '--remote-tsel', '1'], "'--remote-tsel' (Did you mean --tsel <list>?)"],
  [['bench', 'h', '--src-tsap=1'], "'--src-tsap' (Did you mean --local-tsel <selector>?)"],
  [['connect', 'h', '--port', '1'], "'--port': the port is part of the address: HOST:PORT"],
  [['proxy', '0', 'h', '--port', '1'], "'--port': the port is part of the address: HOST:PORT"],
  [['decode', '--port', '1'], "'--port'"],
  [['completion', 'bash', '--host', '1'], "'--host'"],
  ...['--bind', '--interface', '--host', '--port', '--address'].map(
    (option) =>
      [
        ['listen', option, '1'],
        `'${option}': the address is written without an option: HOST, HOST:PORT or PORT`,
      ] as const,
  ),
  [['connect', 'h', '--bind', '1'], "'--bind' (Did you mean --local-address <ip>?)"],
  [['connect', 'h', '--constructor'], "'--constructor'"],
  [['connect', 'h', '--verbos'], "'--verbos' (Did you mean --verbose?)"],
] as const)(
  'an option of another name leads to the one that there is: %j',
  async (args, sentence) => {
    const { code, stderr } = await typed(args);
    expect(code).toBe(2);
    expect(stderr.split('\n')[0]).toBe(`cotp ${args[0]}: unknown option ${sentence}`);
  },
);

test.each(names)('the help of %s', async (name) => {
  const { code, stdout, stderr } = await typed([name, '--help']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatchSnapshot();
  expect(await typed(['help', name])).toEqual({ code, stdout, stderr });
});

test.each(COMMANDS)('the examples of $name have options that there are', ({ examples }) => {
  expect(examples.length).toBeGreaterThan(0);
  for (const [line] of examples) {
    const [, name, words = ''] = /\bcotp (\w+)([^|>]*)/.exec(line) ?? [];
    const { options = {} } = COMMANDS.find((each) => each.name === name) ?? {};
    const known = Object.values(options).flatMap(({ flags }) => flags.match(/--[\w-]+/g) ?? []);
    expect(names, line).toContain(name);
    for (const flag of words.match(/--[\w-]+/g) ?? []) {
      expect(known, line).toContain(flag);
    }
  }
});

test('the version is that of the package', async () => {
  const manifest = await readFile(new URL('../../package.json', import.meta.url), 'utf8');
  const { version } = JSON.parse(manifest) as { version: string };
  const { code, stdout } = await cotp(['--version']);
  expect({ code, stdout }).toEqual({ code: 0, stdout: `${version}\n` });
});

test('without a command it shows the help on stderr', async () => {
  const { code, stdout, stderr } = await typed([]);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toMatch(/^Usage: cotp /m);
});

test.each([
  [['conect'], /^cotp: unknown command 'conect' \(Did you mean connect\?\)\n/],
  [['help', 'prob'], /^cotp: unknown command 'prob' \(Did you mean probe\?\)\n/],
  [['plc'], /^cotp: unknown command 'plc'; to probe .* write 'cotp probe plc'\n/],
  [['./no-such'], /^cotp: there is no file \.\/no-such\n/],
  [['-v', 'h'], /^cotp: option '-v' must follow the command: 'cotp probe HOST -v'\n/],
  [
    ['--rack', '0', 'h'],
    /^cotp: option '--rack' must follow .* 'cotp probe HOST --s7 <type,rack,slot>'\n/,
  ],
  [['--tsap', '1', 'h'], /^cotp: option '--tsap' must .* 'cotp probe HOST --tsap'\n/],
  [['--hex', 'h'], /^cotp: option '--hex' must .* 'cotp connect HOST --hex'\n/],
  [['--nothing'], /^cotp: unknown option '--nothing'\n/],
  [['1102'], /^cotp probe: the address must be HOST or HOST:PORT, not a number alone: 1102\n/],
  [['proxy', 'h', '1102'], /^cotp proxy: the address must be .* not a number alone: 1102\n/],
  [
    ['10.0.0.0/24'],
    /^cotp probe: the address must be one HOST .* not a network: 10\.0\.0\.0\/24\n/,
  ],
  [['connect', 'h', '102'], /^cotp connect: .* 2 arguments came; the port is part of the address/],
  [['inspect', 'a', 'b'], /^cotp inspect: <file> is expected, but 2 arguments came\n/],
  [['proxy'], /^cotp proxy: missing required .*'listen', as in 'cotp proxy 1102 10\.0\.0\.5'\n/],
  [
    ['proxy', '--ui', '1102', 'h'],
    /^cotp proxy: .*'target': --ui has taken 1102 as its port; write --ui last\n/,
  ],
  [['connect', 'h', '--s7'], /^cotp connect: --s7 requires a value: --s7 <type,rack,slot>\n/],
  [['probe', 'h', '--tsel', 'MMS'], /not 'MMS'; the text MMS is '"MMS"' for a shell/],
  [['connect'], /^cotp connect: missing required argument 'host\[:port\]', as in 'cotp connect /],
  [['connect', 'h', '--siz', '1'], /^cotp connect: unknown option '--siz'/],
  [
    ['connect', 'h', '--size', '12'],
    /^cotp connect: --size must be an integer 128 to 65531, not "12"\n/,
  ],
  [['connect', 'h', '--size', '1e3'], /--size must be an integer/],
  [['connect', 'h:70000'], /the port of h:70000 must be an integer 1 to 65535/],
  [['connect', 'h:0'], /the port of h:0 must be an integer 1 to 65535, not "0"/],
  [['bench', '[::1]:0'], /the port of \[::1\]:0 must be an integer 1 to 65535, not "0"/],
  [['probe', 'h', 'i:0'], /the port of i:0 must be an integer 1 to 65535, not "0"/],
  [['proxy', '0', 'h:0'], /the port of h:0 must be an integer 1 to 65535, not "0"/],
  [['listen', ':65536'], /the port of 0\.0\.0\.0:65536 must be an integer 0 to 65535/],
  ...[
    ...['h:102:3', '10.0.0.5:102:x', '::1:99999', 'fe80::1:102:zz', '1:2:3', 'fe80::1%eth0:102'],
    ...['[10.0.0.5]:102', '[h]:102', '[::1', '[::1]]:102', '[fe80::1%]:102'],
  ].map(
    (address) =>
      [
        ['connect', address],
        /the address must be HOST, HOST:PORT or \[IPV6\]:PORT, not "/,
      ] as const,
  ),
  [['10.0.0.5:102:x'], /^cotp probe: the address must be HOST, HOST:PORT or \[IPV6\]:PORT/],
  [['listen', '::1:99999'], /^cotp listen: the address must be HOST, HOST:PORT or \[IPV6\]/],
  [['proxy', '0', 'h:1:2'], /^cotp proxy: the address must be HOST, HOST:PORT or \[IPV6\]/],
  [
    ['connect', 'h', '--timeout', 'soon'],
    /--timeout must be a time such as 500ms or 2s, not "soon"/,
  ],
  [
    ['connect', 'h', '--timeout', '5'],
    /--timeout must be a time with its unit, 5ms or 5s, not "5"\n/,
  ],
  [['connect', 'h', '--idle-timeout', '1.5'], /--idle-timeout must be .*, 1\.5ms or 1\.5s,/],
  [['connect', 'h', '--wait', '3'], /--wait must be .*, 3ms or 3s,/],
  [['listen', '--handshake-timeout', '10'], /--handshake-timeout must be .*, 10ms or 10s,/],
  [['listen', '--idle-timeout', '60'], /--idle-timeout must be .*, 60ms or 60s,/],
  [['probe', 'h', '--timeout', '3'], /--timeout must be .*, 3ms or 3s,/],
  [['probe', 'h', '--delay', '500'], /--delay must be .*, 500ms or 500s,/],
  [['bench', 'h', '--duration', '2'], /--duration must be .*, 2ms or 2s,/],
  [
    ['connect', 'h', '--remote-tsel', '0102'],
    /--remote-tsel must be .* one way only, not '0102': write 0x0102 .*or 102 /,
  ],
  [['connect', 'h', '--local-tsel', '0300'], /--local-tsel must be .* write 0x0300 .*or 300 /],
  [['listen', '--accept', '0001'], /--accept must be .* write 0x0001 .*or 1 /],
  [['probe', 'h', '--tsel', '1,0102'], /--tsel must be .* write 0x0102 .*or 102 /],
  [['probe', 'h', '--range', '0100-0x011f'], /--range must be .* write 0x0100 .*or 100 /],
  [
    ['proxy', '0', 'h', '--rewrite-remote-tsel', '0102'],
    /--rewrite-remote-tsel must be .* write 0x0102 .*or 102 /,
  ],
  [['listen', '--max-programs', '2'], /--max-programs requires --exec/],
  [['connect', 'h', '--remote-tsel', 'xyz'], /--remote-tsel must be a T-selector such as 0x0102/],
  [['connect', 'h', '--s7', 'pg,0'], /--s7 must be pg, op or basic, a rack and a slot/],
  [['connect', 'h', '--s7', 'pg,8,0'], /--s7 has a rack that must be an integer 0 to 7, not "8"/],
  [
    ['connect', 'h', '--s7', 'pg,0,2', '--remote-tsel', '1'],
    /'--remote-tsel <selector>' cannot be used with option '--s7/,
  ],
  [['connect', 'h', '--hex', '--raw'], /'--hex' cannot be used with option '--raw'/],
  [
    ['connect', 'h', '--size-offer', 'none'],
    /--size-offer must be deployed or standard or nonstandard or absent/,
  ],
  [['connect', 'h', '--tsdu-size', '9'], /--tsdu-size requires --raw/],
  [
    ['connect', 'h', '--raw', '--tsdu-size', '9', '--file', 'f'],
    /'--file <file>' cannot be used with option '--tsdu-size/,
  ],
  [['connect', 'h', '--file', '/dev/null'], /--file \/dev\/null is empty/],
  [['connect', 'h', '--tls-ca', NO_CERTIFICATE], /is not PEM/],
  [['connect', 'h', '--tls-cert', NO_CERTIFICATE], /--tls-cert and --tls-key require each other/],
  [['listen', '--echo', '--exec', 'cat'], /'--echo' cannot be used with option '--exec/],
  [['listen', '--refuse', '4'], /--refuse must be an integer 0 to 3/],
  [
    ['listen', '--refuse', '1', '--accept', '1'],
    /'--refuse <reason>' cannot be used with .*'--acc/,
  ],
  [['listen', '--refuse', '1', '--echo'], /'--refuse <reason>' cannot be used with .*'--echo'/],
  [['listen', '--tls'], /a TLS server requires --tls-cert and --tls-key/],
  [['probe'], /missing required argument 'host\[:port\]'/],
  [['probe', 'h', '--tsel', '1,x'], /--tsel must be a T-selector/],
  [['probe', 'h', '--range', '2-1'], /--range must be a range such as 0x0100-0x011f/],
  [
    ['proxy', '1102', '127.0.0.1:1102'],
    /the target 127\.0\.0\.1:1102 must not be the proxy itself\n/,
  ],
  [['proxy', '0', 'h', '--redact'], /--redact requires --pcap or --jsonl/],
  [['proxy', '0', 'h', '--max-file-size', '5000'], /--max-file-size requires --pcap or --jsonl/],
  [['proxy', '0', 'h', '--max-files', '5'], /--max-files requires --max-file-size/],
  [
    ['proxy', '0', 'h', '--pcap', 'x', '--jsonl', './x'],
    /--pcap and --jsonl require different files/,
  ],
  [['connect', 'h', '--class', '4'], /--class must be 0, 2 or 2,0, not "4"\n/],
  [
    ['listen', '--class', '0,2'],
    /--class must be .*, not "0,2": class 2 stands first, class 0 is the fallback\n/,
  ],
  [['bench', 'h', '--class', '2', '--expedited-ack'], /--expedited-ack requires --expedited\n/],
  [
    ['probe', 'h', '--expedited', '--expedited-ack'],
    /--expedited-ack requires --class 2 or --class 2,0: class 0 has no EA\n/,
  ],
  [['probe', 'h', '--classes', '--class', '2'], /'--classes' cannot be used with .*'--class </],
  [
    ['proxy', '0', 'h', '--transparent', '--expedited'],
    /'--transparent' cannot be used with option '--expedited'/,
  ],
  [['proxy', '0', 'h', '--listen-tls-cert', 'x'], /--listen-tls-cert and --listen-tls-key require/],
  [['proxy', '0', 'h', '--listen-tls-ca', 'x'], /--listen-tls-ca requires --listen-tls-cert and/],
  [
    ['proxy', '0', 'h', '--transparent', '--tls'],
    /'--transparent' cannot be used with option '--tls'/,
  ],
  [['connect', 'h', '--local-address', 'h'], /--local-address must be an IP address, not "h"/],
  [['bench', 'h', '--tsdu', '0'], /--tsdu must be an integer 1 to 16777216/],
] as const)('a wrong call is one sentence and exit code 2: %j', async (args, sentence) => {
  const { code, stdout, stderr } = await typed(args);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toMatch(sentence);
  expect(stderr).toMatch(/\ntry 'cotp.* --help'\n$/);
  expect(stderr).not.toMatch(/\n {4}at /);
});

test.each([
  [
    ['connect', 'h', '--file', '/no/such'],
    '--file /no/such cannot be read: there is no such file or folder (ENOENT)',
  ],
  [
    ['connect', 'h', '--tls-ca', '/no/such'],
    '--tls-ca /no/such cannot be read: there is no such file or folder (ENOENT)',
  ],
  [['proxy', '0', 'h', '--jsonl', '/'], '--jsonl / cannot be written: it is a folder (EISDIR)'],
] as const)(
  'a file that cannot be had is one sentence and exit code 1: %j',
  async (args, sentence) => {
    const { code, stdout, stderr } = await typed(args);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toBe(`cotp ${args[0]}: ${sentence}\n`);
  },
);

test
  .runIf(process.platform === 'linux')
  .each(['--help', '--version', 'help', 'decode --help', 'decode 02f080'])(
  'a full disk is an error, however little was written: %s',
  (words) => {
    const line = `"${process.execPath}" "${COTP}" ${words} > /dev/full`;
    const { status, stderr } = spawnSync('/bin/sh', ['-c', line], { encoding: 'utf8' });
    expect(status).toBe(1);
    expect(stderr).toBe('cotp: cannot write: ENOSPC: no space left on device, write\n');
  },
);

test('a pipe gets no colours, whatever the environment says', async () => {
  const { stderr } = await cotp(['connect'], '', { FORCE_COLOR: '1' });
  expect(stderr).not.toContain('\u001b');
});
