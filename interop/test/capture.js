/** Captures traffic on loopback and has it dissected, both by tshark. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { HOST } from './support.js';

const INSTALL =
  'this test needs tshark: install it by "apt-get install tshark" (Debian, Ubuntu) or "brew install wireshark" (macOS)';
const PERMIT =
  'this test needs to capture on the loopback interface: run it as root, or let dumpcap capture ("dpkg-reconfigure wireshark-common" and the group wireshark)';
const INTERFACE = process.platform === 'linux' ? 'lo' : 'lo0';
const START_LIMIT = 15_000;

/**
 * Starts to capture what goes to and from some TCP ports of loopback; resolves when packets really
 * arrive. `stop` ends the capture once everything until now is in it and gives the frames that
 * carry TPKT, dissected; before that, `look` gets the path of the file.
 */
export async function startCapture(ports) {
  // Knocks on this port tell how far the capture is.
  const door = createServer((socket) => socket.destroy()).listen(0, HOST);
  await once(door, 'listening');
  const folder = await mkdtemp(join(tmpdir(), 'cotp-capture-'));
  const file = join(folder, 'capture.pcapng');
  const filter = [...ports, door.address().port].map((port) => `tcp port ${port}`).join(' or ');
  const tshark = spawn(
    'tshark',
    // Each packet is described in one line at once: the ports.
    ['-n', '-i', INTERFACE, '-f', filter, '-w', file, '-P', '-l'].concat([
      '-T',
      'fields',
      '-e',
      'tcp.srcport',
      '-e',
      'tcp.dstport',
    ]),
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let seen = '';
  let complaint = '';
  let failure;
  tshark.stdout.on('data', (chunk) => {
    seen += chunk;
  });
  tshark.stderr.on('data', (chunk) => {
    complaint += chunk;
  });
  tshark.on('error', (error) => {
    failure = error.code === 'ENOENT' ? new Error(INSTALL) : error;
  });
  tshark.on('exit', () => {
    failure ??= new Error(`${PERMIT}; tshark said:\n${complaint}`);
  });

  const cleanUp = async () => {
    if (tshark.exitCode === null && tshark.signalCode === null && tshark.pid !== undefined) {
      const exited = once(tshark, 'exit');
      tshark.kill('SIGINT');
      const hurry = setTimeout(() => tshark.kill('SIGKILL'), 5000);
      await exited;
      clearTimeout(hurry);
    }
    door.close();
  };

  const seenKnock = async () => {
    const end = Date.now() + START_LIMIT;
    const knocks = [];
    while (Date.now() < end) {
      if (failure !== undefined) {
        throw failure;
      }
      knocks.push(await knock(door.address().port));
      await new Promise((resolve) => setTimeout(resolve, 100));
      if (knocks.some((port) => seen.split(/\s+/).includes(String(port)))) {
        return;
      }
    }
    throw new Error(`tshark has seen nothing within ${START_LIMIT} ms; it said:\n${complaint}`);
  };

  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    await seenKnock();
  } catch (error) {
    await cleanUp();
    await remove();
    throw error;
  }
  return {
    async stop(look) {
      try {
        await seenKnock();
        await cleanUp();
        await look?.(file);
        return await dissect(file, ports);
      } finally {
        await cleanUp();
        await remove();
      }
    },
  };
}

/** A TCP connection to nothing but a door; gives the port it came from. */
async function knock(port) {
  const socket = connect(port, HOST);
  socket.on('error', () => {});
  await once(socket, 'connect');
  const { localPort } = socket;
  socket.destroy();
  return localPort;
}

/**
 * The frames that carry TPKT. Each has the TCP ports, the names of its protocols in order, and its
 * COTP TPDUs: for each the fields of tshark by name, `show` and `value` (in hex) of every occurrence.
 */
async function dissect(file, ports) {
  const decodeAs = ports.flatMap((port) => ['-d', `tcp.port==${port},tpkt`]);

  const { stdout } = await promisify(execFile)(
    'tshark',
    ['-n', '-r', file, ...decodeAs, '-Y', 'tpkt or _ws.malformed', '-T', 'pdml'],
    { maxBuffer: 1 << 28 },
  );
  return stdout.split('<packet>').slice(1).map(readPacket);
}

/** PDML is regular enough: protocols stand one level below the packet, fields within them. */
function readPacket(text) {
  const frame = { srcPort: 0, dstPort: 0, protocols: [], tpdus: [], malformed: false };
  let fields = {};
  for (const [, element, attributes] of text.matchAll(/<(proto|field) ([^>]*?)\/?>/g)) {
    const attribute = (name) => new RegExp(`(?:^| )${name}="([^"]*)"`).exec(attributes)?.[1] ?? '';
    const name = attribute('name');
    if (element === 'proto') {
      // What tshark could not place among the fields of a protocol still follows it.
      if (name === 'fake-field-wrapper') {
        continue;
      }
      frame.protocols.push(name);
      fields = {};
      if (name === 'cotp') {
        frame.tpdus.push(fields);
      }
    } else {
      fields[name] ??= [];
      fields[name].push({ show: attribute('show'), value: attribute('value') });
      if (name === 'tcp.srcport') {
        frame.srcPort = Number(attribute('show'));
      } else if (name === 'tcp.dstport') {
        frame.dstPort = Number(attribute('show'));
      }
    }
    if (name.startsWith('_ws.malformed')) {
      frame.malformed = true;
    }
  }
  return frame;
}
