/** The package in Jest, whose `require` cannot load an ES module. */
'use strict';

test('the package works', async () => {
  const said = jest.spyOn(console, 'log').mockImplementation(() => {});
  await require('./talk.cjs').main();
  expect(said.mock.calls.flat()).toContain('there and back');
});

test('an error of the package is one of its classes', async () => {
  const { connect, CotpError, formatTsel, listen } = require('cotp');
  const server = await listen(
    () => {},
    { host: '127.0.0.1', port: 0 },
    { onConnectRequest: (it) => it.refuse(3) },
  );
  await expect(connect(server.addresses[0])).rejects.toBeInstanceOf(CotpError);
  await server.asyncClose();
  expect(formatTsel(258)).toBe('0x0102');
});
