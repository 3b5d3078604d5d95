/** OpenSSL's own client and server of TLS, with the test at their standard input and output. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { HOST } from './support.js';

const run = promisify(execFile);

/** Certificates that vouch for themselves, as files and as options of Node. */
export async function makeIdentities(...names) {
  const folder = await mkdtemp(join(tmpdir(), 'cotp-openssl-'));
  const identities = await Promise.all(
    names.map(async (name) => {
      const keyFile = join(folder, `${name}.key`);
      const certFile = join(folder, `${name}.crt`);
      await run('openssl', [
        ...'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1'.split(' '),
        ...['-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name},IP:${HOST}`],
        ...['-keyout', keyFile, '-out', certFile],
      ]);
      const [key, cert] = await Promise.all([readFile(keyFile), readFile(certFile)]);
      return { keyFile, certFile, key, cert };
    }),
  );
  return { identities, remove: () => rm(folder, { recursive: true, force: true }) };
}

/** One end of a connection, the plain octets of which are standard input and output of a child. */
export class OpensslPeer {
  #child;
  #received = Buffer.alloc(0);
  #ended = false;
  #wake = () => {};
  /** What it wrote about errors. */
  complaints = '';

  constructor(...args) {
    this.#child = spawn('openssl', args, { stdio: ['pipe', 'pipe', 'pipe'] });
    this.#child.stdin.on('error', () => {});
    this.#child.stdout.on('data', (chunk) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#wake();
    });
    this.#child.stderr.on('data', (chunk) => {
      this.complaints += chunk;
    });
    this.#child.stdout.on('end', () => {
      this.#ended = true;
      this.#wake();
    });
  }

  send(octets) {
    this.#child.stdin.write(octets);
  }

  /** No more is sent: the client of OpenSSL closes then. */
  end() {
    this.#child.stdin.end();
  }

  /** The payload of the next TPKT. */
  async packet() {
    const isWhole = () =>
      this.#received.length >= 4 && this.#received.length >= this.#received.readUInt16BE(2);
    while (!isWhole()) {
      if (this.#ended) {
        throw new Error(`openssl has ended: ${this.complaints}`);
      }
      await new Promise((resolve) => {
        this.#wake = resolve;
      });
    }
    const length = this.#received.readUInt16BE(2);
    const payload = this.#received.subarray(4, length);
    this.#received = this.#received.subarray(length);
    return payload;
  }

  async closed() {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      await once(this.#child, 'close');
    }
  }

  kill() {
    this.#child.kill('SIGKILL');
  }
}

/** Tries again while the server of OpenSSL does not listen yet. */
export async function whenListening(open) {
  for (let tries = 0; ; tries += 1) {
    try {
      return await open();
    } catch (error) {
      if (error.code !== 'ECONNREFUSED' || tries === 200) {
        throw error;
      }
      await sleep(25);
    }
  }
}
