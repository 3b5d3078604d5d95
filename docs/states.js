/**
 * Generates docs/states.md from the transition tables of both classes. With `--check` it writes nothing; its exit
 * code is 1 if that file is out of date. It reads dist: build first.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { CLASS0_TABLE } from '../dist/core/class0/procedure.js';
import { CLASS2_TABLE } from '../dist/core/class2/table.js';
import {
  CLASS2_EVENTS,
  CLASS2_STATES,
  cellOf,
  EVENTS,
  STATES,
} from '../dist/core/connection/transition.js';

/** What each action of the table does. */
const ACTIONS = {
  ignore: 'does nothing: the event has no effect in this state',
  'reject user': 'throws an error to the caller; the state does not change',
  'send CR': 'sends the CR; the timer for the whole establishment continues',
  'indicate connect': 'asks the user of the server to accept or refuse the CR',
  'refuse by DR': 'sends a DR with a reason, then FIN',
  'refuse by ER': 'sends an ER with the octets at fault, then FIN',
  'send CC': 'sends the CC; the connection is open',
  'confirm connect': 'the connection is open',
  'send data': 'sends the TSDU as DT TPDUs',
  'take data': 'adds the user data to its TSDU; delivers the TSDU at EOT',
  'keep data': 'keeps the DT until the user has decided on the CR',
  'end sending': 'sends FIN after everything that was written; still receives data of the peer',
  'indicate end': 'notifies the user that the peer will send nothing more',
  fail: 'reports an error to the user; drops TCP',
  'fail by reset':
    'reports an error to the user; resets TCP, so that the peer does not mistake the failure for a clean end',
  'fail with ER':
    'sends an ER with the octets at fault, reports an error to the user, then sends FIN',
  refused: 'reports the refusal and its reason to the user; drops TCP',
  'indicate disconnect': 'reports the end to the user, with the reason of the DR; sends FIN',
  release: 'sends everything that was written, then FIN; starts the timer for closing',
  drop: 'drops TCP; nobody is notified',
  'send expedited data': 'sends an ED before all data that the stream has not taken',
  'take expedited data': 'delivers the data at once; sends an EA if that was agreed on',
  'acknowledge expedited data': 'sends an EA if that was agreed on; delivers nothing',
  'resume sending': 'sends what was held back until the EA came',
  'reject half-close': 'throws an error to the caller: class 2 has no end of one direction',
  'release at once': 'drops what is queued, then sends FIN; starts the timer for closing',
  'give up': 'waits for the CC, to answer it by a DR; starts the timer for closing',
  'begin release': 'sends everything that was written; starts the timer for closing',
  'send DR': 'sends a DR with reason 128 that says that everything was sent',
  'send DR at once':
    'drops what is queued, sends a DR with reason 128; starts the timer for closing',
  'fail by DR':
    'reports an error to the user, drops what is queued, sends a DR; starts the timer for closing',
  'refuse CC': 'reports an error to the user; sends a DR with reason 130',
  'refuse foreign CC': 'reports an error to the user; sends a DR with reason 132, then FIN',
  'refused, send DC': 'reports the refusal and its reason to the user; sends a DC, then FIN',
  'fail with DC': 'reports an error to the user; sends a DC, then FIN',
  'release with DC': 'sends a DC, then FIN; nobody is notified',
  'confirm disconnect':
    'reports the end to the user, with the reason of the DR; drops what is queued, sends a DC, then FIN',
  confirmed: 'notes that the peer has confirmed the end; sends FIN',
  'answer foreign DR': 'sends a DC, if the DR has a SRC-REF',
  'refuse second CR': 'sends a DR with reason 136',
  'answer foreign CC': 'sends a DR with reason 132',
};

const QUIET = ['ignore', 'reject user'];
const event = (name) => (/^[A-Z]{2}$/.test(name) ? `${name} TPDU` : name);
const cell = ({ action, next }) => `${action} → ${next}`;

/** The table of one class as text. */
class ClassPage {
  #table;
  #states;
  #events;

  /** @param owns which of all states and events the class has */
  constructor(table, owns) {
    this.#table = table;
    this.#states = Object.keys(STATES).filter(owns.state);
    this.#events = EVENTS.filter(owns.event);
  }

  get stateList() {
    return this.#states.map((state) => `| ${state} | ${STATES[state].waitsFor} |`).join('\n');
  }

  /** The events of a state that have an effect, as rows; events with the same effect share a row. */
  #rows(state) {
    const cellFor = (name) => cellOf(this.#table, state, name);
    const byEffect = groupBy(
      this.#events.filter((name) => !QUIET.includes(cellFor(name).action)),
      (name) => cell(cellFor(name)),
    );
    return [...byEffect.values()].map((names) => {
      const { action, next } = cellFor(names[0]);
      return `| ${names.map(event).join(', ')} | ${describe(action)} | ${next} |`;
    });
  }

  #quiet(state, action) {
    const names = this.#events.filter((name) => cellOf(this.#table, state, name).action === action);
    return names.length === 0 ? 'none' : names.map(event).join(', ');
  }

  /** One line of the diagram for each pair of states that an event leads between. */
  get #edges() {
    return this.#states.flatMap((from) => {
      const next = (name) => cellOf(this.#table, from, name).next;
      const leaving = this.#events.filter((name) => next(name) !== from);
      const byNext = groupBy(leaving, next);
      return [...byNext].map(([to, names]) => {
        const shown = names.slice(0, 4).map(event).join(', ');
        const more = names.length > 4 ? ', …' : '';
        return `  ${from} --> ${to}: ${shown}${more}`;
      });
    });
  }

  get diagram() {
    return `\`\`\`mermaid
stateDiagram-v2
  [*] --> WFNC: connect
  [*] --> WFCR: TCP accepted
${this.#edges.join('\n')}
  CLOSED --> [*]
\`\`\``;
  }

  /** A section for each state in which anything has an effect. */
  get sections() {
    const states = this.#states.filter((state) => this.#rows(state).length > 0);
    return states
      .map(
        (state) => `### ${state}

| event | action | next |
| --- | --- | --- |
${this.#rows(state).join('\n')}

Ignored: ${this.#quiet(state, 'ignore')}.

Errors of the caller: ${this.#quiet(state, 'reject user')}.
`,
      )
      .join('\n');
  }
}

function describe(action) {
  const text = ACTIONS[action];
  if (text === undefined) {
    throw new Error(
      `docs/states.js has no description of the action '${action}': add it to ACTIONS`,
    );
  }
  return `**${action}**: ${text}`;
}

const class0 = new ClassPage(CLASS0_TABLE, {
  state: (state) => !CLASS2_STATES.has(state),
  event: (name) => !CLASS2_EVENTS.has(name),
});
/** States of class 0 alone. */
const HALF_CLOSE = ['FIN_SENT', 'FIN_RECEIVED'];
const class2 = new ClassPage(CLASS2_TABLE, {
  state: (state) => !HALF_CLOSE.includes(state),
  event: (name) => name !== 'DR within a TSDU',
});

const document = `# States of a connection

\`npm run docs:states\` generates this page from the transition tables of class 0 and class 2.
[transition.ts](../src/core/connection/transition.ts) explains how to read a table. A test checks that the page is up
to date.

The tables are X.224 table A.6 with TCP as the network service (RFC 1006 §3 and §5, RFC 2126 §4). Names in capitals
are those of X.224, except WFCR, RELEASING, FIN_SENT, FIN_RECEIVED and ENDING: TCP requires these additional states. An
event is a request of the user, a TPDU of the peer, a change of the TCP connection, an expired timer, or an exceeded
limit. The table in force is that of the class which the CR prefers, and once the connection is open that of the class
which CR and CC have agreed on. A client starts in WFNC, a server in WFCR.

## Class 0

| state | waits for |
| --- | --- |
${class0.stateList}

${class0.diagram}

${class0.sections}
### CLOSED

Every event is ignored. A request of the user is an error of the caller, except T-DISCONNECT.

## Class 2

| state | waits for |
| --- | --- |
${class2.stateList}

${class2.diagram}

${class2.sections.trimEnd()}
`;

/** `Map.groupBy` came after Node 20. */
function groupBy(items, keyOf) {
  const groups = new Map();
  for (const item of items) {
    const key = keyOf(item);
    groups.set(key, [...(groups.get(key) ?? []), item]);
  }
  return groups;
}

const file = new URL('states.md', import.meta.url);
if (!process.argv.includes('--check')) {
  writeFileSync(file, document);
} else if (readFileSync(file, 'utf8') !== document) {
  process.stderr.write('docs/states.md is out of date: run npm run docs:states\n');
  process.exitCode = 1;
}
