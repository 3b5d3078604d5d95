/**
 * The process in which a peer runs, both ends of it. It is told one task, answers with a rate for each
 * run or with the reason why there is none, and ends.
 */
import { PEERS, type PeerAnswer, type PeerTask, requirePeer } from './peers.js';
import { countFor, rate } from './rate.js';

// Nobody is left to answer to.
process.once('disconnect', end);

process.once('message', (task: PeerTask) => {
  const peer = PEERS.find(({ name }) => name === task.peer);
  const fail = (error: Error) => {
    const reason = peer?.explain(error) ?? (error.message.split('\n')[0] || error.name);
    answer({ reason }, end);
  };
  // A fault in what reads from a socket is thrown at nobody in particular.
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
