/**
 * Generates docs/states.md from the transition table of class 0. With `--check` it writes nothing; its exit
 * code is 1 if that file is out of date. It reads dist: build first.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { CLASS0_TABLE } from '../dist/core/class0/procedure.js';
import { EVENTS, STATES } from '../dist/core/connection/transition.js';

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
};

const QUIET = ['ignore', 'reject user'];
const states = Object.keys(STATES);
const event = (name) => (/^[A-Z]{2}$/.test(name) ? `${name} TPDU` : name);
const cell = ({ action, next }) => `${action} → ${next}`;

/** The events of a state that have an effect, as rows; events with the same effect share a row. */
function rows(state) {
  const byEffect = groupBy(
    EVENTS.filter((name) => !QUIET.includes(CLASS0_TABLE[state][name].action)),
    (name) => cell(CLASS0_TABLE[state][name]),
  );
  return [...byEffect.values()].map((names) => {
    const { action, next } = CLASS0_TABLE[state][names[0]];
    return `| ${names.map(event).join(', ')} | ${describe(action)} | ${next} |`;
  });
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

function quiet(state, action) {
  const names = EVENTS.filter((name) => CLASS0_TABLE[state][name].action === action).map(event);
  return names.length === 0 ? 'none' : names.join(', ');
}

/** One line of the diagram for each pair of states that an event leads between. */
function edges() {
  return states.flatMap((from) => {
    const leaving = EVENTS.filter((name) => CLASS0_TABLE[from][name].next !== from);
    const byNext = groupBy(leaving, (name) => CLASS0_TABLE[from][name].next);
    return [...byNext].map(([next, names]) => {
      const shown = names.slice(0, 4).map(event).join(', ');
      const more = names.length > 4 ? ', …' : '';
      return `  ${from} --> ${next}: ${shown}${more}`;
    });
  });
}

const document = `# States of a class 0 connection

\`npm run docs:states\` generates this page from the transition table of class 0.
[transition.ts](../src/core/connection/transition.ts) explains how to read a table. A test checks that the page is up
to date.

The table is X.224 table A.6 with TCP as the network service (RFC 1006 §3 and §5). Names in capitals are those of
X.224, except WFCR, FIN_SENT, FIN_RECEIVED and ENDING: TCP requires these additional states. An event is a request
of the user, a TPDU of the peer, a change of the TCP connection, an expired timer, or an exceeded limit.

| state | waits for |
| --- | --- |
${states.map((state) => `| ${state} | ${STATES[state]} |`).join('\n')}

A client starts in WFNC, a server in WFCR.

\`\`\`mermaid
stateDiagram-v2
  [*] --> WFNC: connect
  [*] --> WFCR: TCP accepted
${edges().join('\n')}
  CLOSED --> [*]
\`\`\`

${states
  .filter((state) => rows(state).length > 0)
  .map(
    (state) => `## ${state}

| event | action | next |
| --- | --- | --- |
${rows(state).join('\n')}

Ignored: ${quiet(state, 'ignore')}.

Errors of the caller: ${quiet(state, 'reject user')}.
`,
  )
  .join('\n')}
## CLOSED

Every event is ignored. A request of the user is an error of the caller, except T-DISCONNECT.
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
