/**
 * Faults that are put back into the library, to check that the simulation finds them. Each is an edit of a
 * copy of the built files.
 */
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

export interface Fault {
  readonly name: string;
  /** The effect of the fault, in one sentence. */
  readonly what: string;
  /** The rule that must be broken. A world that breaks another rule is not counted. */
  readonly rule: string;
  readonly edits: readonly Edit[];
}

export interface Edit {
  /** Path within the built library. */
  readonly file: string;
  /** Text that must be in the file exactly once. */
  readonly find: string;
  readonly replace: string;
}

export const FAULTS: readonly Fault[] = [
  {
    name: 'reference-leak',
    what: 'a reference is never released',
    rule: 'left',
    edits: [
      {
        file: 'node/references.js',
        find: 'references.release(reference)',
        replace: 'undefined',
      },
    ],
  },
  {
    name: 'pause-while-closing',
    what: 'a connection that closes with a full read queue stays paused, and closeTimeout never expires',
    rule: 'close',
    edits: [
      {
        file: 'node/stream/read-flow.js',
        find: `            this.#engine.facts.isReceiving &&
            !this.#isGone;`,
        replace: '            !this.#isGone;',
      },
      {
        file: 'node/stream/read-flow.js',
        find: 'return this.#engine.facts.isReceiving && !this.#engine.facts.isReleasing;',
        replace: 'return true;',
      },
    ],
  },
  {
    name: 'reset-unseen',
    what: 'a reset behind unread octets is never noticed',
    rule: 'gone',
    edits: [
      {
        file: 'node/stream/driver.js',
        find: 'if (!isGone(this.stream)) {',
        replace: 'if (true) {',
      },
    ],
  },
  {
    name: 'timer-before-sockets',
    what: 'timers expire before the sockets were read',
    rule: 'timer',
    edits: [
      {
        file: 'node/deadline-timer.js',
        find: 'else if (late >= BLOCKED_FROM && timer.#wanted !== timer.#grantedUntil) {',
        replace: 'else if (late < 0) {',
      },
      {
        file: 'node/deadline-timer.js',
        find: 'timer.#afterSockets = setImmediate(_a.#onSocketsSeen, timer);',
        replace: '_a.#onSocketsRead(timer);',
      },
    ],
  },
  {
    name: 'endless-turn',
    what: 'one connection is served as long as it sends',
    rule: 'turn',
    edits: [
      {
        file: 'node/stream/read-flow.js',
        find: 'if (this.#turn >= TURN) {',
        replace: 'if (this.#turn < 0) {',
      },
    ],
  },
  {
    name: 'no-limit',
    what: 'the memory of all connections together has no limit',
    rule: 'memory',
    edits: [
      {
        file: 'node/connection/receive-budget.js',
        find: 'charge(share, change) {',
        replace: 'charge(share, change) { return;',
      },
    ],
  },
  {
    name: 'lost-tsdu',
    what: 'what was read from the socket before a reset is dropped',
    rule: 'lost',
    edits: [
      {
        file: 'node/stream/driver.js',
        find: 'if (this.stream.readableLength === 0) {',
        replace: 'if (this.stream.readableLength >= 0) {',
      },
    ],
  },
  {
    name: 'drain-forgotten',
    what: 'drain does not reject when the connection ends',
    rule: 'answer',
    edits: [
      {
        file: 'node/connection/message-connection.js',
        find: 'this.#closeWith(closedByUs, false);\n        this.#rejectDrains();',
        replace: 'this.#closeWith(closedByUs, false);',
      },
    ],
  },
  {
    name: 'slot-leak',
    what: 'a server counts connections that have ended',
    rule: 'slot',
    edits: [
      {
        file: 'node/server/admission.js',
        find: 'this.#admitted -= 1;',
        replace: '',
      },
    ],
  },
  {
    name: 'bystander-ends',
    what: 'the connection that reaches the limit of the server ends, not the one that uses most',
    rule: 'honest',
    edits: [
      {
        file: 'node/connection/receive-budget.js',
        find: 'if (largest === undefined || each.beyondFloor > largest.beyondFloor) {',
        replace: 'if (largest === undefined) {',
      },
      {
        file: 'node/connection/receive-budget.js',
        find: `            largest.unfinished > RECEIVE_FLOOR &&
            largest.unfinished >= largest.unread) {`,
        replace: '            true) {',
      },
      {
        file: 'node/connection/receive-budget.js',
        find: 'return Math.max(0, this.#unread + this.#unfinished - RECEIVE_FLOOR);',
        replace: 'return this.#unread + this.#unfinished;',
      },
    ],
  },
  {
    name: 'no-dc',
    what: 'in class 2 a DR of the peer is not confirmed: FIN comes without a DC',
    rule: 'honest',
    edits: [
      {
        file: 'core/connection/outgoing.js',
        find: 'this.reply(disconnectConfirm(dr, this.remoteRef));',
        replace: '',
      },
    ],
  },
  {
    name: 'data-before-ea',
    what: 'in class 2 data and expedited data leave while an EA is due',
    rule: 'ack',
    edits: [
      {
        file: 'core/data-transfer/urgent-packets.js',
        find: "this.isAckDue = this.use === 'acknowledged';",
        replace: '',
      },
    ],
  },
  {
    name: 'expedited-last',
    what: 'expedited data leaves behind all data that waits',
    rule: 'order',
    edits: [
      {
        file: 'core/data-transfer/send-buffer.js',
        find: 'return urgent.shift() ?? (urgent.isAckDue ? undefined : this.#shiftData());',
        replace: 'return (urgent.isAckDue ? undefined : this.#shiftData()) ?? urgent.shift();',
      },
    ],
  },
  {
    name: 'restarted-closeTimeout',
    what: 'in class 2 each TPDU of the peer starts closeTimeout anew',
    rule: 'close',
    edits: [
      {
        file: 'core/connection/connection-end.js',
        find: 'this.#closeBy ??= now + closeTimeout;',
        replace: 'this.#closeBy = now + closeTimeout;',
      },
      {
        file: 'core/connection/transport-engine.js',
        find: '    otherTpdus(octets) {',
        replace: '    otherTpdus(octets) { if (this.facts.isReleasing) this.startCloseTimeout();',
      },
    ],
  },
  {
    name: 'drain-without-end',
    what: 'in class 2 nothing limits the wait for a peer that takes nothing while reading is paused',
    rule: 'drain',
    edits: [
      {
        file: 'node/stream/stream-deadlines.js',
        find: 'const isSuspended = this.#flow.isPeerHeldUp && !this.#user.awaitsPeer;',
        replace: 'const isSuspended = this.#flow.isPeerHeldUp;',
      },
    ],
  },
  {
    name: 'unsent-forgotten',
    what: 'what a disruptive end drops is not reported as unsent',
    rule: 'unsent',
    edits: [
      {
        file: 'core/connection/connection-end.js',
        find: 'if (octets > 0 && !this.isDropped) {',
        replace: 'if (false) {',
      },
    ],
  },
];

export function faultNamed(name: string): Fault {
  const fault = FAULTS.find((one) => one.name === name);
  if (fault === undefined) {
    const names = FAULTS.map((one) => one.name).join(', ');
    throw new TypeError(`--fault must be one of ${names}, not ${name}`);
  }
  return fault;
}

/** Runs a function on a copy of the library that has the fault. */
export async function withFault<T>(
  fault: Fault,
  folder: string,
  run: (copy: string) => Promise<T>,
): Promise<T> {
  const parent = await mkdtemp(join(tmpdir(), 'cotp-fault-'));
  try {
    const copy = join(parent, 'dist');
    await cp(folder, copy, { recursive: true });
    // The copy must also be an ES module and find the same packages.
    await writeFile(join(parent, 'package.json'), '{ "type": "module" }\n');
    await symlink(resolve('node_modules'), join(parent, 'node_modules'), 'dir');
    for (const edit of fault.edits) {
      await change(join(copy, edit.file), edit, fault.name);
    }
    return await run(copy);
  } finally {
    await rm(parent, { recursive: true });
  }
}

async function change(path: string, { find, replace }: Edit, name: string): Promise<void> {
  const text = await readFile(path, 'utf8');
  const count = text.split(find).length - 1;
  if (count !== 1) {
    throw new Error(
      `fault ${name}: '${find}' must be in ${path} once, but is there ${count} times`,
    );
  }
  await writeFile(
    path,
    text.replace(find, () => replace),
  );
}
