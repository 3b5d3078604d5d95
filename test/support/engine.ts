/**
 * What comes out of an engine and of its outbox, all at once, as tests want to see it.
 */
import type { SendBuffer } from '../../src/core/data-transfer/send-buffer.js';
import type { Engine, EngineEvent, Message } from '../../src/core/engine.js';

/** What comes out of an engine; a message under a name, so that all fit into one list. */
export type Output = EngineEvent | { readonly type: 'data'; readonly message: Message };

/** What has come out since the last look, in order. */
export function takeEvents(engine: Pick<Engine, 'next'>): readonly Output[] {
  return untilNone(() => engine.next()).map((output) =>
    output instanceof Uint8Array ? { type: 'data', message: output } : output,
  );
}

/** The pieces that wait, in order. */
export function takePieces(outbox: SendBuffer): readonly Uint8Array[] {
  return untilNone(() => outbox.shift());
}

function untilNone<T>(next: () => T | undefined): readonly T[] {
  const all: T[] = [];
  for (let one = next(); one !== undefined; one = next()) {
    all.push(one);
  }
  return all;
}
