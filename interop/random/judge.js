/** Compares what both sides have seen of a connection with its plan. */
import { describe, pattern } from './octets.js';

/** Notes of the peer that are findings. A reset that the plan asks for is none. */
const FAULT = /FAULT|timer in state|^\w+(Error|Exit): | is not /;

/** Either of two values is right. */
const EITHER = Symbol('either');

/** Node reports a reset that comes right behind data as the end of the stream. */
const RESET = ['reset', 'fin'];

/** What is wrong, in words; empty where all is well. */
export function judge(plan, seen) {
  const { code, notes } = seen.peer;
  const findings = notes.filter((note) => FAULT.test(note));
  if (plan.agreed === undefined) {
    return [...findings, ...judgeRefusal(plan, seen)];
  }
  if (seen.agreed === undefined) {
    return [...findings, `the connection was not opened: ${seen.rejected ?? 'see the peer'}`];
  }
  // A reset at once may overtake our CC.
  const isOvertaken =
    plan.end.how === 'destroy' && notes.some((note) => note.includes('not opened'));
  if (code !== 0 && !isOvertaken) {
    findings.push(`the exit code of the peer is ${code}`);
  }
  if (JSON.stringify(seen.agreed) !== JSON.stringify(plan.agreed)) {
    findings.push(
      `agreed on ${JSON.stringify(seen.agreed)}, expected ${JSON.stringify(plan.agreed)}`,
    );
  }
  const wanted = expectedEnd(plan);
  return [
    ...findings,
    ...judgeData(plan, seen, wanted),
    ...judgeEnd(plan, seen, wanted),
    ...(wanted.isOurs && plan.agreed.tpClass === 2 ? judgeOurDr(plan, notes, wanted) : []),
  ];
}

function judgeRefusal({ role }, { rejected, agreed, peer }) {
  if (agreed !== undefined) {
    return ['a connection was opened without a class in common'];
  }
  const isRefused =
    role === 'initiator'
      ? rejected?.code === 'ERR_COTP_REFUSED'
      : peer.notes.some((note) => note.includes('not opened'));
  return isRefused ? [] : [`not refused, but: ${rejected}`];
}

/** How our side must see the end, and whether everything that was written must have arrived. */
function expectedEnd({ role, end, agreed, steps }) {
  const isClass2 = agreed.tpClass === 2;
  const isPeersTurn = role === 'responder' || steps.some(({ kind }) => kind === 'tsdu');
  if (end.by === 'us' || !isPeersTurn) {
    const how = end.by === 'us' ? end.how : 'close';
    return endByUs(how, isClass2);
  }
  if (!isClass2) {
    return end.how === 'rst'
      ? { endings: RESET, confirmed: EITHER, isError: EITHER }
      : { endings: ['fin'], confirmed: true, isWhole: true };
  }
  switch (end.how) {
    case 'close':
      return { endings: ['dr'], reason: 128, nonDisruptive: true, isWhole: true };
    case 'disruptive':
      return { endings: ['dr'], reason: 128, nonDisruptive: undefined };
    case 'fin':
      return { endings: ['fin'], isError: true };
    default:
      return { endings: RESET, isError: true };
  }
}

function endByUs(how, isClass2) {
  if (how === 'destroy') {
    return { endings: ['local'], confirmed: false };
  }
  // Who ends class 0 by `end` sees the peer end too.
  const endings = how === 'end' ? ['local', 'fin'] : ['local'];
  // In class 0 a TSDU may be cut by it, which the peer answers by a reset.
  const isCut = how === 'disruptive' && !isClass2;
  return {
    endings,
    confirmed: isCut ? EITHER : true,
    isWhole: how !== 'disruptive',
    isOurs: true,
  };
}

/** What arrived is what was sent, in order; all of it where nothing may be lost. */
function judgeData({ role, steps }, seen, wanted) {
  return ['tsdu', 'expedited'].flatMap((kind) => {
    const sent = steps.filter((step) => step.kind === kind).map(({ length }) => pattern(length));
    const received = seen[kind];
    const findings = received.flatMap((octets, i) =>
      sent[i]?.equals(octets)
        ? []
        : [`${kind} ${i} is ${describe(octets)}, not ${sent[i] && describe(sent[i])}`],
    );
    const arrived = role === 'responder' ? received.length : countAtPeer(seen.peer.notes, kind);
    const mustBeWhole = wanted.isWhole && (role === 'initiator' ? wanted.isOurs : !wanted.isOurs);
    return mustBeWhole && arrived !== sent.length
      ? [...findings, `${arrived} of ${sent.length} arrived: ${kind}`]
      : findings;
  });
}

function countAtPeer(notes, kind) {
  const [, tsdus, expedited] =
    /responder: (\d+) TSDUs, (\d+) expedited/.exec(notes.join('\n')) ?? [];
  return Number(kind === 'tsdu' ? tsdus : expedited);
}

/** What the peer has read in our DR (RFC 2126 4.2.3). */
function judgeOurDr({ end }, notes, { isWhole }) {
  const dr = notes.find((note) => note.includes("'ending': 'dr'"));
  if (dr === undefined) {
    return ['the peer has seen no DR of ours'];
  }
  const userData = end.by === 'us' && end.userData > 0 ? pattern(end.userData) : Buffer.of();
  const wrong = [
    ["'reason': 128", true],
    ["'nonDisruptive': True", isWhole],
    [`'userData': '${userData.toString('hex')}'`, userData.length > 0],
  ].filter(([text, isExpected]) => dr.includes(text) !== isExpected);
  return wrong.map(
    ([text, isExpected]) => `${text} is ${isExpected ? 'missing' : 'too much'} in our DR: ${dr}`,
  );
}

function judgeEnd({ end, agreed }, { disconnection, errors }, wanted) {
  const findings = [];
  const expect = (name, actual, expected) => {
    if (expected !== EITHER && actual !== expected) {
      findings.push(`${name} is ${actual}, not ${expected}`);
    }
  };
  const { ending, confirmed, unsent, reason, nonDisruptive, userData } = disconnection;
  if (!wanted.endings.includes(ending)) {
    findings.push(`ending is ${ending}, not ${wanted.endings.join(' or ')}`);
  }
  expect('confirmed', confirmed, wanted.confirmed ?? false);
  expect('reason', reason, wanted.reason);
  expect('nonDisruptive', nonDisruptive, wanted.nonDisruptive);
  if (end.by === 'peer') {
    const expected = end.userData > 0 ? pattern(end.userData).toString('hex') : undefined;
    expect('userData', userData && Buffer.from(userData).toString('hex'), expected);
  }
  if (wanted.isOurs && wanted.isWhole && agreed.tpClass === 2) {
    expect('unsent', unsent, 0);
  }
  const isLost = ending === 'dr' && unsent > 0;
  const isError = wanted.isError === EITHER ? EITHER : Number(wanted.isError === true || isLost);
  expect('number of errors', errors.length, isError);
  return findings;
}
