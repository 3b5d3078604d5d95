/**
 * Times and a loop that does not go round. Whose octets had arrived in time is not ended because the
 * application kept the loop busy; who is silent ends all the same.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import type { ListenOptions } from '../../src/index.js';
import { open, within } from '../support/ends.js';
import { closeLater, rawClient, rejection, serve } from '../support/life.js';
import { CR, cc, dt, hex } from '../support/raw.js';
import { calling, guardProcess, ROLES, srcRefOf, until, wire } from '../support/wire.js';

guardProcess();

/** Milliseconds of the time under test, and how long the application keeps the loop. */
const TIME = 150;
const BLOCKED = 400;

const NEVER_NOTIFIED = new Int32Array(new SharedArrayBuffer(4));

/** Blocks the thread, as an application that computes would, but leaves the processor to other tests. */
function block(milliseconds: number): void {
  Atomics.wait(NEVER_NOTIFIED, 0, 0, milliseconds);
}

/** Milliseconds that pass after something began, before the loop is blocked. */
async function pass(milliseconds: number): Promise<void> {
  const at = performance.now() + milliseconds;
  while (performance.now() < at) {
    await nextTurn();
  }
}

describe('octets that had arrived before the loop was blocked', () => {
  test('connect: the CC counts', async () => {
    const { connecting, raw } = await calling({ timeout: TIME });
    const cr = await raw.packet();
    raw.send(cc(srcRefOf(cr)));
    block(BLOCKED);
    expect((await connecting).isOpen).toBe(true);
  });

  test('handshakeTimeout: the CR counts', async () => {
    const { address, accept } = await serve({ handshakeTimeout: TIME });
    const raw = await rawClient(address.port);
    await pass(TIME / 3);
    raw.send(CR);
    block(BLOCKED);
    expect((await accept()).isOpen).toBe(true);
  });

  test('handshakeTimeout: the rest of a CR counts', async () => {
    const { address, accept } = await serve({ handshakeTimeout: TIME });
    const raw = await rawClient(address.port);
    raw.send(CR.subarray(0, 9));
    await pass(TIME / 3);
    raw.send(CR.subarray(9));
    block(BLOCKED);
    expect((await accept()).isOpen).toBe(true);
  });

  test.each(ROLES)('reassemblyTimeout of our %s: the end of the TSDU counts', async (role) => {
    const { connection, raw } = await wire(role, { reassemblyTimeout: TIME });
    raw.send(dt('0102', false));
    await pass(TIME / 3);
    raw.send(dt('03'));
    block(BLOCKED);
    expect(await connection.read()).toEqual(hex('010203'));
  });

  test.each(ROLES)('idleTimeout of our %s: a TSDU counts', async (role) => {
    const { connection, raw } = await wire(role, { idleTimeout: TIME });
    await pass(TIME / 3);
    raw.send(dt('01'));
    block(BLOCKED);
    expect(await connection.read()).toEqual(hex('01'));
    expect(connection.isOpen).toBe(true);
  });

  test.each(ROLES)('receiveTimeout of our %s: a TSDU counts', async (role) => {
    const { connection, raw } = await wire(role, { receiveTimeout: TIME });
    await pass(TIME / 3);
    raw.send(dt('01'));
    block(BLOCKED);
    expect(await connection.read()).toEqual(hex('01'));
    expect(connection.isOpen).toBe(true);
  });

  test('again and again: a peer that sends in time is never ended', async () => {
    const { connection, raw } = await wire('server', { receiveTimeout: TIME });
    for (let i = 0; i < 5; i += 1) {
      await pass(TIME / 3);
      raw.send(dt('01'));
      block(2 * TIME);
      expect(await connection.read()).toEqual(hex('01'));
    }
    expect(connection.isOpen).toBe(true);
  });
});

/** A peer in a thread of its own, which goes on while the loop of this one is blocked. */
const PEER = `
  const { connect } = require('node:net');
  const { parentPort, workerData } = require('node:worker_threads');
  const socket = connect({ host: '127.0.0.1', port: workerData.port, allowHalfOpen: true });
  let isReading = workerData.isReading;
  socket.write(Buffer.from(workerData.cr));
  socket.once('data', () => {
    parentPort.postMessage('open');
    socket.on('data', () => {});
    if (!isReading) socket.pause();
  });
  socket.on('end', () => {
    setTimeout(() => socket.end(), workerData.answerAfter);
  });
  socket.on('error', (error) => parentPort.postMessage(error.code));
  socket.on('close', (hasFailed) => parentPort.postMessage(hasFailed ? 'reset' : 'closed'));
  parentPort.on('message', () => socket.resume());
`;

async function threadedPeer(options: ListenOptions, isReading: boolean) {
  const { address, accept } = await serve(options);
  const workerData = { port: address.port, cr: CR, isReading, answerAfter: 50 };
  const worker = new Worker(PEER, { eval: true, workerData });
  closeLater(() => worker.terminate());
  const said: string[] = [];
  worker.on('message', (what: string) => said.push(what));
  const connection = await accept();
  await until(() => said.includes('open'));
  return { connection, worker, said };
}

describe('what the peer did while the loop was blocked', () => {
  test('writeTimeout: octets that it took count', async () => {
    const { connection, worker } = await threadedPeer({ writeTimeout: TIME }, false);
    const block64 = Buffer.alloc(65_536);
    while (connection.writeBuffered === 0 || connection.write(block64)) {
      if (connection.writeBuffered === 0) {
        connection.write(block64);
        await nextTurn();
      }
    }
    worker.postMessage('read');
    block(BLOCKED);
    await connection.drain();
    expect(connection.isOpen).toBe(true);
  });

  test('closeTimeout: its FIN counts, so it is not reset', async () => {
    const { connection, said } = await threadedPeer({ closeTimeout: TIME }, true);
    connection.close();
    await nextTurn();
    block(BLOCKED);
    await connection.waitClosed();
    await until(() => said.includes('closed') || said.includes('reset'));
    expect(said).toEqual(['open', 'closed']);
  });
});

describe('on a loop that is busy all the time', () => {
  /** Every turn takes 40 ms, more than a timer may be late without being noticed, for as long as the test runs. */
  function keepBusy(): void {
    let next = setImmediate(function work() {
      block(40);
      next = setImmediate(work);
    });
    closeLater(() => clearImmediate(next));
  }

  /** A time may run out later by a few turns, and by as much again as the loop was late. */
  const BOUND = 10 * TIME;

  test('a server that does not answer a CR still times out', async () => {
    const { connecting } = await calling({ timeout: TIME });
    keepBusy();
    const error = await within(BOUND, rejection(connecting), 'connect');
    expect(error).toMatchObject({ code: 'ERR_COTP_TIMEOUT' });
  });

  test('a client that sends no CR is still dropped', async () => {
    const { address, errors } = await serve({ handshakeTimeout: TIME });
    await rawClient(address.port);
    keepBusy();
    await until(() => errors.length > 0, BOUND);
    expect(errors[0]).toMatchObject({ timer: 'handshakeTimeout' });
  });

  test.each([
    ['reassemblyTimeout', dt('0102', false)],
    ['idleTimeout', undefined],
    ['receiveTimeout', undefined],
  ] as const)('%s still ends a silent peer', async (timer, first) => {
    const { connection, raw } = await wire('server', { [timer]: TIME });
    if (first !== undefined) {
      raw.send(first);
    }
    keepBusy();
    const error = await within(BOUND, rejection(connection.read()), timer);
    expect(error).toMatchObject({ code: 'ERR_COTP_TIMEOUT', timer });
  });

  test('a peer that does not close is still reset', async () => {
    const { connection } = await open(
      { role: 'server', service: 'cotp', tls: false },
      { closeTimeout: TIME },
    );
    keepBusy();
    await within(BOUND, connection.asyncClose(), 'closeTimeout');
    expect(connection.isClosed).toBe(true);
  });

  test('a peer that takes nothing is still reset', async () => {
    const { connection, raw } = await wire('server', { writeTimeout: TIME });
    raw.socket.pause();
    connection.write(Buffer.alloc(32_000_000));
    keepBusy();
    const error = await within(BOUND, rejection(connection.drain()), 'writeTimeout');
    expect(error).toMatchObject({ timer: 'writeTimeout' });
  });
});
