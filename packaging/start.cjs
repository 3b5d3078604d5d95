/**
 * The main file of the executable: starts the command with V8's cache of its compiled code. The cache that Node could
 * keep itself has only what is compiled when a file is loaded, and Node warns if an option in NODE_OPTIONS makes it
 * useless. Here V8 then compiles the command without it.
 */
const { getRawAsset } = require('node:sea');
const { Script } = require('node:vm');

const script = new Script(Buffer.from(getRawAsset('command')).toString('latin1'), {
  filename: 'cotp',
  cachedData: Buffer.from(getRawAsset('cache')),
});
script.runInThisContext()(require);
