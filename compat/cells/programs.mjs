/** Programs, and what each must write. */
import { equal } from 'node:assert/strict';
import { run } from '../project.mjs';

const TALK = `there and back
there and back
CR TPDU src-ref: 0x0001 dst-ref: 0x0000 class: 0 called: 0x0102
`;

/** What the programs write to stdout. */
export const PROGRAMS = {
  'talk.mjs': TALK,
  'talk.cjs': TALK,
  'both.mjs': 'true true\ntrue\n',
  'part.mjs': '0x0102 ERR_COTP_BUSY\n',
};

/** Runs a program, or what was made of it, and compares. */
export async function tryProgram(program, command, folder) {
  const [file, ...args] = command;
  equal(await run(file, args, folder), PROGRAMS[program]);
}
