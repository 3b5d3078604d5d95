/** Receives the rows of the server. */
import type { Hello, Row } from '../../node/inspector/rows.js';
import { feed, follows, schedule, session } from './app.js';

/** Opens the stream of rows. The browser opens it again by itself when it is lost, but not when it is refused. */
export function openFeed(): void {
  const source = new EventSource('events');
  source.addEventListener('hello', ({ data }: MessageEvent<string>) => {
    const hello = JSON.parse(data) as Hello;
    session.begin(hello);
    feed.value = hello.isLive ? 'live' : 'ended';
    // What is over is read from its start.
    follows.value &&= hello.isLive;
    document.title = `${hello.title} – cotp inspector`;
    schedule();
  });
  source.addEventListener('rows', ({ data }: MessageEvent<string>) => {
    for (const row of JSON.parse(data) as readonly Row[]) {
      session.add(row);
    }
    schedule();
  });
  source.addEventListener('end', () => {
    source.close();
    feed.value = 'ended';
    schedule();
  });
  source.addEventListener('error', () => {
    feed.value = source.readyState === EventSource.CLOSED ? 'refused' : 'lost';
  });
}
