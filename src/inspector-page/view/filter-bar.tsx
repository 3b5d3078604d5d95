/** The filter: its text, buttons for types and words, and how many lines match. */
import { hasTerm, toggledTerm, toggledType, valuesIn } from '../model/filter.js';
import { count } from '../model/words.js';
import {
  bothLegs,
  changes,
  filter,
  filterText,
  folds,
  follows,
  lines,
  removeFilter,
  session,
  setBothLegs,
  setFilter,
  setFolds,
  showAllConnections,
  shownEnd,
} from './app.js';

const TYPES = ['CR', 'CC', 'DT', 'ED', 'DR', 'DC', 'AK', 'EA', 'RJ', 'ER'] as const;
/** Their buttons are there only if such TPDUs came. */
const RARE: ReadonlySet<string> = new Set(['ED', 'DC', 'AK', 'EA', 'RJ', 'ER']);

export function FilterBar() {
  changes.value;
  const text = filterText.value;
  const { faults } = filter.value;
  return (
    <div class="filter">
      <input
        id="filter"
        type="text"
        class="mono"
        placeholder="Filter, as tsel:0x0102 len>200 bad   ( / )"
        aria-label="Filter"
        aria-invalid={faults.length > 0}
        aria-describedby="filter-says"
        spellcheck={false}
        autocomplete="off"
        value={text}
        onInput={(event) => setFilter(event.currentTarget.value)}
      />
      {text !== '' && (
        <button
          type="button"
          title="Remove the filter (Esc)"
          aria-label="Remove the filter"
          onClick={removeFilter}
        >
          ✕
        </button>
      )}
      <span class="chips">
        <Chips text={text} />
      </span>
      <Count />
      <span class="space" />
      <Toggles />
      <Faults />
    </div>
  );
}

/** What the filter does not understand. */
function Faults() {
  const { faults } = filter.value;
  return faults.length === 0 ? null : (
    <p class="faults" id="filter-says" role="alert">
      {faults.map((fault) => (
        <span key={fault}>⚠ {fault}</span>
      ))}
    </p>
  );
}

function Chips({ text }: { readonly text: string }) {
  changes.value;
  const types = valuesIn(text, 'type');
  const conn = valuesIn(text, 'conn').find((value) => /^\d+$/.test(value));
  return (
    <>
      {conn !== undefined && (
        <button
          type="button"
          class="chip"
          aria-pressed={true}
          title="Show all connections"
          onClick={showAllConnections}
        >
          connection {conn} ✕
        </button>
      )}
      {TYPES.filter((type) => !RARE.has(type) || session.statistics.types.has(type)).map((type) => (
        <button
          key={type}
          type="button"
          class="chip"
          aria-pressed={types.includes(type.toLowerCase())}
          onClick={() => setFilter(toggledType(text, type.toLowerCase()))}
        >
          {type}
        </button>
      ))}
      <Words text={text} />
    </>
  );
}

function Words({ text }: { readonly text: string }) {
  return (
    <>
      {WORDS.map(([word, label]) => (
        <button
          key={word}
          type="button"
          class="chip"
          aria-pressed={hasTerm(text, word)}
          onClick={() => setFilter(toggledTerm(text, word))}
        >
          {label}
        </button>
      ))}
    </>
  );
}

const WORDS = [
  ['bad', '⚠ bad'],
  ['refused', '✕ refused'],
] as const;

function Count() {
  changes.value;
  const list = lines.value;
  const isBusy = list.next < shownEnd();
  const of = filter.value.isEmpty ? '' : ` of ${count(list.candidates)}`;
  return (
    <output class="count" id="count">
      {isBusy ? '… ' : ''}
      {count(list.length)}
      {of} lines
    </output>
  );
}

function Toggles() {
  changes.value;
  const isProxy = session.hello?.source === 'proxy';
  return (
    <>
      <Toggle
        label="fold TSDUs"
        title="One line for each TSDU instead of each DT"
        isOn={folds.value}
        set={setFolds}
      />
      {isProxy && (
        <Toggle
          label="both legs"
          title="Show a TPDU that the proxy relayed unchanged on both connections"
          isOn={bothLegs.value}
          set={setBothLegs}
        />
      )}
      <button
        type="button"
        aria-pressed={follows.value}
        title="Stay at the newest line (f)"
        onClick={() => {
          follows.value = !follows.value;
        }}
      >
        ↓ Follow
      </button>
    </>
  );
}

interface ToggleProps {
  readonly label: string;
  readonly title: string;
  readonly isOn: boolean;
  readonly set: (value: boolean) => void;
}

function Toggle({ label, title, isOn, set }: ToggleProps) {
  return (
    <label title={title}>
      <input
        type="checkbox"
        checked={isOn}
        onChange={(event) => set(event.currentTarget.checked)}
      />{' '}
      {label}
    </label>
  );
}
