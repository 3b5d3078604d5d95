/** Runs a plan: a connection between our side and the reference peer, and what both have seen of it. */
import { connect, listen } from '../../dist/index.js';
import { deferred, HOST } from '../test/support.js';
import { pattern } from './octets.js';

/** No timer may expire in a connection that keeps to the rules, however busy the machine is. */
const PATIENCE = 30_000;
const PEER_PATIENCE = PATIENCE / 1000;

/** What our side saw: `received` in order and by kind, `disconnection`, `errors` of onError, or `rejected`. */
export async function run(plan, peers) {
  return plan.role === 'initiator' ? runInitiator(plan, peers) : runResponder(plan, peers);
}

function ourOptions({ role, ours }, record) {
  const { classes, expedited, ack, size, strict } = ours;
  return {
    tpClass: classes === '2,0' ? classes : Number(classes),
    expedited,
    ...(role === 'responder' || ack ? { expeditedAck: ack } : {}),
    // A size above 2048 has no code of its own in class 0: a strict peer takes 0xF0 only.
    ...(role === 'initiator' ? { sizeOffer: 'standard', timeout: PATIENCE } : {}),
    maxTpduSize: size,
    strict,
    closeTimeout: PATIENCE,
    onError: (error) => record.errors.push(error),
  };
}

function peerOptions({ role, peer }) {
  const { classes, expedited, ack, size, chunk, holdEa, userData } = peer;
  const ackWord = role === 'initiator' ? ack || '--no-ack' : !ack || '--ack';
  return [
    ...['--strict', '--class', classes, '--size', size, '--timer', PEER_PATIENCE],
    ...(expedited ? ['--xpd'] : []),
    ...(ackWord === true ? [] : [ackWord]),
    ...(chunk > 0 ? ['--chunk', chunk] : []),
    ...(holdEa > 0 ? ['--hold-ea', holdEa] : []),
    // Class 0 knows no user data in CR and CC.
    ...(userData > 0 && classes === '2' ? ['--user', 'ab'.repeat(userData)] : []),
  ];
}

const newRecord = () => ({ tsdu: [], expedited: [], errors: [] });
const ofKind = (steps, kind) => steps.filter((step) => step.kind === kind);

/** Our user ends the connection. */
function endByUs(connection, { how, userData }) {
  if (!connection.isOpen) {
    return;
  }
  switch (how) {
    case 'close':
      return connection.close();
    case 'end':
      return connection.end();
    case 'destroy':
      return connection.destroy();
    default: {
      const disruptive = how === 'disruptive';
      connection.disconnect(
        userData > 0 ? { userData: pattern(userData), disruptive } : { disruptive },
      );
    }
  }
}

async function finish(record, connection, peer) {
  await connection.waitClosed();
  const { tpClass, expedited, expeditedAck } = connection.info;
  const { code, notes } = await peer.done;
  return {
    ...record,
    agreed: { tpClass, expedited, ack: expeditedAck },
    disconnection: connection.disconnection,
    peer: { code, notes },
  };
}

/** Our side is the server and echoes; the peer follows the steps. */
async function runResponder(plan, peers) {
  const record = newRecord();
  const total = ofKind(plan.steps, 'tsdu').length;
  const { promise, resolve } = deferred();
  let hasEnded = false;
  const endIfDue = (connection) => {
    if (plan.end.by === 'us' && record.tsdu.length === total) {
      hasEnded = true;
      endByUs(connection, plan.end);
    }
  };
  const echo = async (connection) => {
    endIfDue(connection);
    for await (const tsdu of connection) {
      record.tsdu.push(tsdu);
      if (connection.isOpen && !hasEnded) {
        connection.write(tsdu);
      }
      endIfDue(connection);
    }
  };
  const server = await listen(
    (connection) => resolve({ connection, done: echo(connection).catch(() => {}) }),
    { host: HOST, port: 0 },
    {
      ...ourOptions(plan, record),
      onExpedited: (data, connection) => {
        record.expedited.push(data);
        if (connection.isOpen && !hasEnded) {
          connection.writeExpedited(data);
        }
      },
    },
  );
  const peer = peers.run(
    'client',
    HOST,
    server.addresses[0].port,
    ...peerOptions(plan),
    ...words(plan),
  );
  try {
    const first = await Promise.race([promise, peer.done]);
    if (first.connection === undefined) {
      return { ...record, peer: first };
    }
    const seen = await finish(record, first.connection, peer);
    await first.done;
    return seen;
  } finally {
    server.close();
  }
}

/**
 * The steps in the words of the peer, which waits for a number of echoes of either kind. Where our side ends the
 * connection behind the last TSDU, no echo is sure any more.
 */
function words({ steps, end }) {
  const result = [];
  const lastTsdu = steps.findLastIndex(({ kind }) => kind === 'tsdu');
  let due = 0;
  steps.forEach(({ kind, length }, index) => {
    if (kind !== 'answered') {
      result.push(`${kind === 'tsdu' ? 'D' : 'E'}${length}`);
      due += 1;
    } else if (end.by === 'peer' || index < lastTsdu) {
      result.push(...Array(due).fill('w'));
      due = 0;
    }
  });
  if (end.by === 'us') {
    return [...result, 'end'];
  }
  const last = { close: 'close', disruptive: 'drop', fin: 'fin', rst: 'rst' }[end.how];
  return [...result, end.userData > 0 ? `bye=${pattern(end.userData).toString('hex')}` : last];
}

/** Our side is the client and follows the steps; the peer echoes, and ends it if the plan says so. */
async function runInitiator(plan, peers) {
  const record = newRecord();
  const { by, how } = plan.end;
  const total = ofKind(plan.steps, 'tsdu').length;
  const bye = { close: 'dr', disruptive: 'disruptive', fin: 'fin', rst: 'rst' }[how];
  const ending = by === 'peer' && total > 0 ? ['--after', total, '--bye', bye] : [];
  const peer = peers.run('server', HOST, 0, ...peerOptions(plan), ...ending);
  let connection;
  try {
    connection = await connect({ host: HOST, port: await peer.port }, ourOptions(plan, record));
  } catch (error) {
    return { ...record, rejected: error, peer: await peer.done };
  }
  await followSteps(connection, plan.steps, record);
  if (ending.length === 0) {
    endByUs(connection, by === 'us' ? plan.end : { how: 'close' });
  }
  await readRest(connection, record);
  return finish(record, connection, peer);
}

/** Stops where the connection has ended. */
async function followSteps(connection, steps, record) {
  const due = { tsdu: 0, expedited: 0 };
  for (const { kind, length } of steps) {
    if (!connection.isOpen) {
      return;
    }
    if (kind === 'tsdu') {
      connection.write(pattern(length));
      due.tsdu += 1;
    } else if (kind === 'expedited') {
      connection.writeExpedited(pattern(length));
      due.expedited += 1;
    } else if (!(await readAnswers(connection, due, record))) {
      return;
    }
  }
}

async function readAnswers(connection, due, record) {
  try {
    for (; due.tsdu > 0; due.tsdu -= 1) {
      record.tsdu.push(await connection.read());
    }
    for (; due.expedited > 0; due.expedited -= 1) {
      record.expedited.push(await connection.readExpedited());
    }
    return true;
  } catch {
    return false;
  }
}

/** Reads until the connection has nothing more. */
async function readRest(connection, record) {
  const drain = async (read, received) => {
    try {
      while (true) {
        received.push(await read());
      }
    } catch {
      // It has ended: how is in `disconnection`.
    }
  };
  await Promise.all([
    drain(() => connection.read(), record.tsdu),
    drain(() => connection.readExpedited(), record.expedited),
  ]);
}
