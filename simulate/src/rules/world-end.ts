/**
 * Rules that are checked once a world has ended: `left`, `answer`, `slot`, `unsent` and `honest`.
 */
import type { Connection } from 'cotp';
import type { Context } from '../context.js';
import { cotpOf, type Side } from '../sides.js';

/** @param references references in use before the world began */
export function checkWorldEnd(context: Context, references: number): void {
  leftSockets(context);
  answer(context);
  leftTimers(context);
  leftReferences(context, references);
  context.servers.forEach(({ server }, number) => {
    if (server.connectionCount > 0) {
      context.events.fail('slot', `server ${number} counts ${server.connectionCount} connections`);
    }
  });
  for (const side of context.sides) {
    unsent(context, side);
    honest(context, side);
  }
}

function leftSockets({ network, events }: Context): void {
  const { open } = network;
  const [handle] = open;
  if (handle !== undefined) {
    const { port, peer } = handle.end;
    events.fail(
      'left',
      `${open.size} sockets are open at the end, the first ${port} to ${peer.port}`,
    );
  }
}

/** Every promise of the library settles. */
function answer({ promises, events }: Context): void {
  const { unsettled } = promises;
  if (unsettled.length > 0) {
    events.fail('answer', `${unsettled[0]}: not settled at the end (${unsettled.length} in all)`);
  }
}

function leftTimers({ loop, events }: Context): void {
  if (loop.outstanding > 0) {
    events.fail('left', `${loop.outstanding} timers are set at the end`);
  }
}

function leftReferences({ library, events }: Context, before: number): void {
  const left = library.references() - before;
  if (left !== 0) {
    events.fail('left', `${left} references are in use at the end`);
  }
}

/** What was written was handed to TCP, or is unsent. */
function unsent({ events }: Context, side: Side): void {
  const end = cotpOf(side)?.disconnection;
  if (end === undefined) {
    return;
  }
  const { octetsWritten } = side.outgoing;
  const { userOctets } = side.departures;
  if (userOctets + end.unsent !== octetsWritten) {
    events.fail(
      'unsent',
      `${side.name}: ${octetsWritten} octets were written, ${userOctets} handed to TCP, and ${end.unsent} are unsent; it ended by ${end.ending}`,
    );
  }
}

/** Honest pairs receive everything. */
function honest(context: Context, side: Side): void {
  if (!side.isHonest) {
    return;
  }
  const { events } = context;
  const { delivered, written, expeditedDelivered, expeditedWritten } = side.incoming;
  const connection = cotpOf(side);
  if (!side.isOver) {
    events.fail('honest', `${side.name} did not end`);
  } else if (delivered !== written) {
    events.fail('honest', `${side.name} read ${delivered} of ${written} TSDUs`);
  } else if (expeditedDelivered !== expeditedWritten) {
    events.fail('honest', `${side.name} got ${expeditedDelivered} of ${expeditedWritten} ED`);
  } else if (connection !== undefined) {
    honestEnd(context, side, connection);
  }
}

/** In class 2 one side sends a DR behind all that it has written, and the other one confirms it. */
function honestEnd(
  { events }: Context,
  { name, closedByUs }: Side,
  { info, disconnection: end }: Connection,
): void {
  const isGood = closedByUs
    ? end?.ending === 'local' && end.confirmed
    : end?.ending === 'dr' && end.reason === 128 && end.nonDisruptive === true;
  if (info.tpClass === 2 && (!isGood || end?.unsent !== 0)) {
    events.fail('honest', `${name} ended so: ${JSON.stringify(end)}`);
  }
}
