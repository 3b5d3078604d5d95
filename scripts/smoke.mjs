/** Tries the installed package by `import`. */
import * as cotp from 'cotp';
import * as tpdu from 'cotp/tpdu';
import * as tpkt from 'cotp/tpkt';
import smoke from './smoke.cjs';

await smoke.check({ cotp, tpkt, tpdu });
