import { command } from '../command.js';
import { EXIT } from '../exit.js';
import { JSON_OPTION } from '../options/output.js';

export const listen = command({
  name: 'listen',
  summary: 'listen',
  operands: [],
  options: { json: JSON_OPTION },
  examples: [],
  async run() {
    return EXIT.ok;
  },
});
