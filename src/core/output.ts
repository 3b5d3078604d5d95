/**
 * What comes out of an engine, in order. Knows nothing of what messages and events mean.
 */
import type { EngineEvent, Message, MessageReceiver } from './engine.js';
import { Fifo } from './fifo.js';

/**
 * The output of one engine. A message before which nothing waits goes to its receiver at once: a chunk
 * may hold hundreds of them, which would all be queued here only to be taken out again.
 */
export class Output extends Fifo<Message | EngineEvent> {
  /** Nobody until an engine is told of one; then all wait. */
  receiver: MessageReceiver | undefined;

  /** Behind all that came out before. */
  message(message: Message): void {
    if (this.receiver !== undefined && this.length === 0) {
      this.receiver.onMessage(message);
    } else {
      this.push(message);
    }
  }
}
