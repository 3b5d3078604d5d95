/**
 * Closes what each test has opened. A setup file, because several files of tests may share a process, in which a module
 * is loaded once.
 */
import { afterEach } from 'vitest';
import { closeAll } from './life.js';

afterEach(closeAll);
