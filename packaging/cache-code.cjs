/**
 * Runs the command once and writes V8's cache of the code that this compiled:
 *
 *     node packaging/cache-code.cjs COMMAND CACHE ARGUMENT...
 */
const { readFileSync, writeFileSync } = require('node:fs');
const { Script } = require('node:vm');

const [node, , source, cache, ...args] = process.argv;
const script = new Script(readFileSync(source, 'utf8'), { filename: 'cotp' });
process.on('exit', (code) => {
  if (code === 0) {
    writeFileSync(cache, script.createCachedData());
  }
});
process.argv = [node, node, ...args];
script.runInThisContext()(require);
