/** The keys of the page. Lists and fields have some of their own. */
import {
  conversation,
  filterText,
  follows,
  isHelpOpen,
  lines,
  moveSelection,
  nextTimeMode,
  pinned,
  removeFilter,
  select,
  selected,
  setFilter,
  tab,
  toggleFold,
  togglePause,
} from './app.js';

/** Lines of a page. */
const PAGE = 20;

const KEYS: Readonly<Record<string, () => void>> = {
  j: () => moveSelection(1),
  ArrowDown: () => moveSelection(1),
  k: () => moveSelection(-1),
  ArrowUp: () => moveSelection(-1),
  PageDown: () => moveSelection(PAGE),
  PageUp: () => moveSelection(-PAGE),
  g: () => moveSelection(-lines.peek().length),
  Home: () => moveSelection(-lines.peek().length),
  G: () => moveSelection(lines.peek().length),
  End: () => moveSelection(lines.peek().length),
  Enter: enter,
  ' ': togglePause,
  '/': enterFilter,
  '?': () => {
    isHelpOpen.value = true;
  },
  f: () => {
    follows.value = !follows.value;
  },
  t: nextTimeMode,
  1: () => {
    tab.value = 'tpdu';
  },
  2: () => {
    tab.value = 'tsdu';
  },
  3: () => {
    tab.value = 'connection';
  },
  4: () => {
    tab.value = 'statistics';
  },
  Escape: stepBack,
};

/** Listens to the keys of the whole page. */
export function listenToKeys(): void {
  document.addEventListener('keydown', (event) => {
    const { target, key } = event;
    if (event.ctrlKey || event.altKey || event.metaKey || isHelpOpen.value) {
      return;
    }
    if (target instanceof HTMLInputElement && target.type === 'text') {
      if (key === 'Escape' || key === 'Enter') {
        document.getElementById('tpdu')?.focus();
        target.blur();
        event.preventDefault();
      }
      return;
    }
    const isControl =
      target instanceof Element && target.closest('button, a, summary, label') !== null;
    if (isControl && (key === 'Enter' || key === ' ')) {
      return;
    }
    const act = Object.hasOwn(KEYS, key) ? KEYS[key] : undefined;
    if (act !== undefined) {
      event.preventDefault();
      act();
    }
  });
}

/** Unfolds a TSDU of several DTs, or goes to the fields. */
function enter(): void {
  const entry = selected.value;
  if (entry?.kind === 'tpdu' && entry.tsdu !== undefined && entry.tsdu.count > 1) {
    toggleFold(entry.tsdu);
  } else if (entry !== undefined) {
    document.querySelector<HTMLElement>('.field')?.focus();
  }
}

/** Goes to the filter, behind what is there. */
function enterFilter(): void {
  const text = filterText.peek();
  if (text !== '' && !text.endsWith(' ')) {
    setFilter(`${text} `);
  }
  document.getElementById('filter')?.focus();
}

/** One step back: from the fields to the list, then the selection, then the filter. */
function stepBack(): void {
  const list = document.getElementById('tpdu');
  if (document.activeElement?.closest('.detail') !== null && document.activeElement !== null) {
    pinned.value = undefined;
    list?.focus();
  } else if (selected.value !== undefined) {
    select(undefined);
  } else if (filterText.value !== '' || conversation.value !== undefined) {
    removeFilter();
  }
}
