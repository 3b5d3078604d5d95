/** The head of the page: what is inspected, whether rows come, and the controls for all of it. */
import { useState } from 'preact/hooks';
import { count } from '../model/words.js';
import {
  changes,
  clear,
  type FeedState,
  feed,
  isHelpOpen,
  pausedAt,
  session,
  togglePause,
  waiting,
} from './app.js';
import { theme, toggleTheme } from './theme.js';

export function Head() {
  changes.value;
  const { hello } = session;
  const isPaused = pausedAt.value !== undefined;
  return (
    <header class="head">
      <h1 class="what">
        <What />
      </h1>
      {hello?.isRedacted && <span class="mark">user data redacted</span>}
      <State />
      <span class="space" />
      <button
        type="button"
        aria-pressed={isPaused}
        title="Pause the view (Space)"
        onClick={togglePause}
      >
        {isPaused ? '▶ Resume' : '❚❚ Pause'}
      </button>
      <button
        type="button"
        title="Forget what is shown here. The server keeps its rows."
        onClick={clear}
      >
        Clear
      </button>
      <Download />
      <PageButtons />
    </header>
  );
}

/** Colours and help. */
function PageButtons() {
  const isDark = theme.value === 'dark';
  return (
    <>
      <button
        type="button"
        title="Switch between dark and light"
        aria-label={isDark ? 'Light colours' : 'Dark colours'}
        onClick={toggleTheme}
      >
        {isDark ? '☀' : '☾'}
      </button>
      <button
        type="button"
        title="Keys and filters (?)"
        aria-label="Keys and filters"
        onClick={() => {
          isHelpOpen.value = true;
        }}
      >
        ?
      </button>
    </>
  );
}

/** What is inspected. */
function What() {
  changes.value;
  const { hello } = session;
  if (hello === undefined) {
    return <>cotp inspector</>;
  }
  if (hello.source !== 'proxy') {
    return (
      <>
        <span class="kind">{hello.source === 'file' ? 'file' : 'process'}</span> {hello.title}
      </>
    );
  }
  return (
    <>
      <span class="kind">clients</span> <span class="way">→</span> <span class="kind">proxy</span>{' '}
      <span class="mono">{hello.title}</span> <span class="way">→</span>{' '}
      <span class="kind">target</span> <span class="mono">{hello.target}</span>
    </>
  );
}

/** Whether rows come, and whether any are missing. */
function State() {
  changes.value;
  const isPaused = pausedAt.value !== undefined;
  const { forgotten, missing } = session;
  const lost = missing + forgotten;
  return (
    <>
      <span class={`state ${isPaused ? 'paused' : feed.value}`} role="status">
        {isPaused ? `❚❚ paused, ${count(waiting())} wait` : FEED_WORDS[feed.value]}
      </span>
      {lost > 0 && (
        <span
          class="state gone"
          title={`${count(forgotten)} rows were dropped here to bound memory; ${count(missing)} never came, because the server had forgotten them`}
        >
          ⚠ oldest {count(lost)} rows dropped
        </span>
      )}
    </>
  );
}

export const FEED_WORDS: Readonly<Record<FeedState, string>> = {
  connecting: '○ connecting',
  live: '● live',
  ended: '■ complete',
  lost: '⚠ no answer from the inspector, trying again',
  refused:
    '⚠ the inspector refused this page: it was restarted, or 8 browsers watch already. Open the printed address again',
};

/** The download menu. */
function Download() {
  const [isRedacted, setRedacted] = useState(false);
  const redact = isRedacted ? '&redact=1' : '';
  return (
    <details
      class="menu"
      onKeyDown={(event) => {
        if (event.key === 'Escape') {
          event.currentTarget.open = false;
          event.stopPropagation();
        }
      }}
    >
      <summary class="button">Download ▾</summary>
      <div class="menu-items">
        <a href={`download?format=pcapng${redact}`} download>
          pcapng, for Wireshark
        </a>
        <a href={`download?format=jsonl${redact}`} download>
          JSON lines
        </a>
        <label>
          <input
            type="checkbox"
            checked={isRedacted}
            onChange={(event) => setRedacted(event.currentTarget.checked)}
          />{' '}
          redact user data
        </label>
      </div>
    </details>
  );
}
