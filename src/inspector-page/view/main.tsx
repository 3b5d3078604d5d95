/** The page of the inspector. */
import { render } from 'preact';
import { schedule } from './app.js';
import { Connections } from './connections.js';
import { Detail } from './detail.js';
import { openFeed } from './feed.js';
import { FilterBar } from './filter-bar.js';
import { Head } from './head.js';
import { Help } from './help.js';
import { listenToKeys } from './keyboard.js';
import { Ladder } from './ladder.js';
import { followTheme } from './theme.js';

/** Milliseconds between two drawings while nothing comes: rates fall then too. */
const IDLE_INTERVAL = 1000;

function Page() {
  return (
    <>
      <Head />
      <Connections />
      <FilterBar />
      <main class="main">
        <Ladder />
        <Detail />
      </main>
      <Help />
    </>
  );
}

followTheme();
listenToKeys();
render(<Page />, document.body);
openFeed();
setInterval(schedule, IDLE_INTERVAL);
