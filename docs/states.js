/**
 * Writes docs/states.md from the transition table of class 0, or with `--check` only says by its
 * exit code whether that file is up to date. It reads dist: build first.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { CLASS0_TABLE } from '../dist/core/class0/procedure.js';
import { EVENTS, STATES } from '../dist/core/connection/transition.js';

/** What each action of the table does. */
const ACTIONS = {
  ignore: 'nothing; the event has no meaning any more',
  'reject user': 'an error to the caller; the state stays',
  'send CR': 'CR goes out; the time for an answer runs on',
  'indicate connect': 'the CR is put before the user of the server',
  'refuse by DR': 'DR goes out with a reason, then FIN',
  'refuse by ER': 'ER goes out with the octets at fault, then FIN',
  'send CC': 'CC goes out; the connection is open',
  'confirm connect': 'the connection is open',
  'send data': 'the TSDU goes out as DT TPDUs',
  'take data': 'the user data joins its TSDU; EOT delivers it',
  'keep data': 'the DT waits until the user has decided on the CR',
  'end sending': 'FIN once everything written is out; the data of the peer is still taken',
  'indicate end': 'the user is told that the peer will send nothing more',
  fail: 'an error to the user; TCP is dropped',
  'fail by reset':
    'an error to the user; TCP is reset, for the peer must not take it for an end in good order',
  'fail with ER': 'ER goes out with the octets at fault, an error to the user, then FIN',
  refused: 'the refusal to the user with its reason; TCP is dropped',
  'indicate disconnect': 'the end to the user with the reason of the DR, then FIN',
  release: 'everything written goes out, then FIN; the time to close runs',
  drop: 'TCP is dropped; there is no one to tell',
};

const QUIET = ['ignore', 'reject user'];
const states = Object.keys(STATES);
const event = (name) => (/^[A-Z]{2}$/.test(name) ? `${name} TPDU` : name);
const cell = ({ action, next }) => `${action} → ${next}`;

/** Events of a state that do something, as rows; those with the same effect share one. */
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
    throw new Error(`docs/states.js has no words for the action '${action}'`);
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

Written by \`npm run docs:states\` from [transition.ts](../src/core/connection/transition.ts); a test
checks that it is up to date. The table is X.224 table A.6 with TCP as the network service
(RFC 1006 §3 and §5). Names in capitals are those of X.224. WFCR, FIN_SENT, FIN_RECEIVED and ENDING
are what TCP adds.

| state | waits for |
| --- | --- |
${states.map((state) => `| ${state} | ${STATES[state]} |`).join('\n')}

A client begins in WFNC, a server in WFCR.

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

A mistake of the caller: ${quiet(state, 'reject user')}.
`,
  )
  .join('\n')}
## CLOSED

Nothing happens any more. A call that asks for something is a mistake of the caller.
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
  process.stderr.write('docs/states.md is not up to date: run npm run docs:states\n');
  process.exitCode = 1;
}
