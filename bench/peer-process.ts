/**
 * The process of a peer, with both of its ends. It receives one task, answers with a rate for each run or
 * with the reason why there is none, and ends.
 */
import { PEERS, type PeerAnswer, type PeerTask, requirePeer } from './peers.js';
import { countFor, rate } from './rate.js';

// The parent process has gone.
process.once('disconnect', end);

process.once('message', (task: PeerTask) => {
  const peer = PEERS.find(({ name }) => name === task.peer);
  const fail = (error: Error) => {
    const reason = peer?.explain(error) ?? (error.message.split('\n')[0] || error.name);
    answer({ reason }, end);
  };
  // An exception in a socket callback of the peer is uncaught.
  process.on('uncaughtException', fail);
  run(task).then(() => answer({ isDone: true }, end), fail);
});

async function run({ peer: name, benchCase, runs, milliseconds }: PeerTask): Promise<void> {
  const peer = PEERS.find((candidate) => candidate.name === name);
  if (peer === undefined) {
    throw new Error(`no peer ${name}`);
  }
  const module = peer.isOurs === true ? undefined : requirePeer(name);
  const contestant = await peer.open(module)(benchCase, benchCase.maxTpduSize);
  const tpduSize = contestant.tpduSize ?? benchCase.maxTpduSize;
  let { count } = benchCase;
  if (milliseconds === undefined) {
    await rate(contestant, benchCase.warmUp);
  } else {
    count = await countFor(contestant, milliseconds);
  }
  for (let i = 0; i < runs; i += 1) {
    answer({ rate: await rate(contestant, count), tpduSize });
  }
}

function answer(text: PeerAnswer, then = () => {}): void {
  process.send?.(text, then);
}

function end(): never {
  process.exit();
}
