/** The pane beside the ladder: the selected TPDU, its TSDU, its connection, or the statistics. */
import type { TargetedKeyboardEvent } from 'preact';
import { selectedTpdu, shownConversation, type Tab, tab } from './app.js';
import { ConnectionDetail } from './connection-detail.js';
import { StatisticsDetail } from './statistics.js';
import { TpduDetail } from './tpdu-detail.js';
import { TsduDetail } from './tsdu-detail.js';

const TABS: readonly (readonly [Tab, string])[] = [
  ['tpdu', 'TPDU'],
  ['tsdu', 'TSDU'],
  ['connection', 'Connection'],
  ['statistics', 'Statistics'],
];

export function Detail() {
  return (
    <section class="detail" aria-label="Details">
      <div class="tabs" role="tablist" onKeyDown={moveTab}>
        {TABS.map(([name, words]) => (
          <button
            key={name}
            id={`tab-${name}`}
            type="button"
            role="tab"
            aria-selected={tab.value === name}
            aria-controls="pane"
            tabIndex={tab.value === name ? 0 : -1}
            onClick={() => {
              tab.value = name;
            }}
          >
            {words}
          </button>
        ))}
      </div>
      <div class="pane" id="pane" role="tabpanel" aria-labelledby={`tab-${tab.value}`}>
        <Pane />
      </div>
    </section>
  );
}

function Pane() {
  const entry = selectedTpdu.value;
  const conversation = shownConversation.value;
  switch (tab.value) {
    case 'tpdu':
      return entry === undefined ? <Nothing /> : <TpduDetail key={entry.index} entry={entry} />;
    case 'tsdu':
      return entry === undefined ? <Nothing /> : <TsduDetail key={entry.index} entry={entry} />;
    case 'connection':
      return conversation === undefined ? <Nothing /> : <ConnectionDetail of={conversation} />;
    case 'statistics':
      return <StatisticsDetail />;
  }
}

function Nothing() {
  return (
    <p class="none">
      Select a line with <kbd>j</kbd> and <kbd>k</kbd> or a click to see its octets explained.
    </p>
  );
}

/** The arrows go from tab to tab. */
function moveTab(event: TargetedKeyboardEvent<HTMLDivElement>): void {
  const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (by !== undefined) {
    event.preventDefault();
    event.stopPropagation();
    const at = TABS.findIndex(([name]) => name === tab.value);
    const [name] = TABS[(at + by + TABS.length) % TABS.length] ?? [];
    tab.value = name ?? tab.value;
    document.getElementById(`tab-${tab.value}`)?.focus();
  }
}
