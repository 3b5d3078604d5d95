/** All targets, with their share of the packets. */
import type { Target } from '../target.js';
import { captureTarget } from './capture.js';
import { class2Target } from './class2.js';
import { codecTarget } from './codec.js';
import { coreTarget } from './core.js';
import { proxyTarget } from './proxy.js';
import { socketTarget } from './socket.js';
import { splitterTarget } from './splitter.js';

export interface Share {
  readonly make: () => Target;
  /** Percentage of all packets. */
  readonly percent: number;
}

export const TARGETS: Readonly<Record<string, Share>> = {
  splitter: { make: splitterTarget, percent: 15 },
  proxy: { make: proxyTarget, percent: 5 },
  codec: { make: codecTarget, percent: 20 },
  core: { make: coreTarget, percent: 30 },
  class2: { make: class2Target, percent: 20 },
  capture: { make: captureTarget, percent: 5 },
  socket: { make: socketTarget, percent: 5 },
};
