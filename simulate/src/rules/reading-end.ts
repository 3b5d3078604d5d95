/**
 * Rules on the end of reading: `lost`, and `honest` for honest pairs.
 */
import type { ReadingEnd } from '../application.js';
import type { Context } from '../context.js';
import { codeOf, describe } from '../event-log.js';
import { cotpOf, type Side } from '../sides.js';
import { checkError } from './errors.js';

/** Reading has ended: by an error, or cleanly. */
export function checkReadingEnd(context: Context, side: Side, { error }: ReadingEnd): void {
  const { events } = context;
  events.note(`${side.name}: reading ended ${codeOf(error)}`, side.port, 0);
  if (error !== undefined) {
    checkError(context, side, 'read', error);
  }
  if (side.reachedEnd || side.closedByUs) {
    return;
  }
  side.reachedEnd = true;
  const isClean = error === undefined || isCleanEnd(side, error);
  lost(context, side, endingOf(error), isClean);
  if (side.isHonest && !isClean) {
    events.fail('honest', `${side.name}: reading failed: ${describe(error)}`);
  }
}

/** TSDUs that had arrived are read before reading fails; a clean end means that all were read. */
function lost({ events }: Context, side: Side, ending: string | undefined, isClean: boolean): void {
  const { delivered, written, isDropped } = side.incoming;
  const { messages, isBroken } = side.arrivals;
  // A limit of the server can end a connection before all received octets are processed.
  const isCut = ending === 'limit' && !isBroken;
  if (delivered !== messages && !isCut) {
    events.fail(
      'lost',
      `${side.name}: ${messages} TSDUs had arrived, ${delivered} were read; it ended by ${ending ?? 'nothing'}`,
    );
  } else if (isClean && delivered !== written && !isBroken && !isDropped) {
    events.fail(
      'lost',
      `${side.name}: ${written} TSDUs were written, ${delivered} were read, and it ended cleanly`,
    );
  }
}

/**
 * A clean end of class 2 is a DR behind everything that the peer has written, and the end of TCP alone is a failure.
 * In class 0 a FIN is a clean end.
 */
function isCleanEnd(side: Side, error: unknown): boolean {
  return cotpOf(side)?.info.tpClass === 2 ? isNonDisruptive(error) : endingOf(error) === 'fin';
}

function endingOf(error: unknown): string | undefined {
  return (error as { ending?: string } | undefined)?.ending;
}

function isNonDisruptive(error: unknown): boolean {
  return (error as { nonDisruptive?: boolean } | undefined)?.nonDisruptive === true;
}
