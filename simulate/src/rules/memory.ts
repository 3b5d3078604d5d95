/**
 * The rule `memory`: unread TSDUs stay within the limits of a connection and of its server.
 */
import type { Context } from '../context.js';
import { maxReceiveBuffer, readHighWaterMark } from '../library-options.js';
import type { Side } from '../sides.js';

/** Octets that a socket can keep beside the read queue: its own buffer, and the chunks at both ends. */
const CHUNKS = 4 * 65_536;
/** Octets of each connection that the limit of a server does not count, including chunks. */
const RECEIVE_FLOOR = 65_536 + CHUNKS;

/** When octets arrive, the unread octets must have been below the mark, except for chunks in transit. */
export function memory(context: Context, side: Side): void {
  // After the end of TCP everything that is left is read; it is at most the receive buffer.
  if (side.connection === undefined || side.handle?.end.isOver) {
    return;
  }
  const held = side.arrivals.octets - side.incoming.octets;
  const mark = readHighWaterMark(side.options);
  if (held > mark + CHUNKS + side.arrivals.largest) {
    context.events.fail(
      'memory',
      `${side.name} has ${held} unread octets and reads more; its mark is ${mark}`,
    );
  }
  if (context.library.limitsReceiving && side.server !== undefined) {
    memoryOfServer(context, side.server);
  }
}

function memoryOfServer({ plan, sides, events }: Context, server: number): void {
  let sum = 0;
  let count = 0;
  for (const { connection, server: of, arrivals, incoming } of sides) {
    if (of === server && connection?.isOpen === true) {
      sum += arrivals.octets + arrivals.unfinished - incoming.octets;
      count += 1;
    }
  }
  const most = maxReceiveBuffer(plan.servers[server]?.options ?? {});
  if (sum > most + count * RECEIVE_FLOOR) {
    events.fail(
      'memory',
      `the ${count} connections of server ${server} use ${sum} octets; maxReceiveBuffer is ${most}`,
    );
  }
}
