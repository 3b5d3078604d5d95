/** Who may ask the inspector what. Each refusal says what was expected. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, test } from 'vitest';
import type { StartedInspector } from '../../../src/node/inspector/start.js';
import { ask, Browser, inspector, PAGE } from '../../support/inspector.js';
import { closeLater } from '../../support/life.js';

const ROUTES = ['/', '/page.js', '/page.css', '/events', '/download?format=jsonl'];

const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
};

async function browser(own: Parameters<typeof inspector>[0] = {}): Promise<{
  started: StartedInspector;
  page: Browser;
  port: number;
}> {
  const started = await inspector(own);
  return { started, page: await Browser.open(started.url), port: started.address.port };
}

/** Sends octets; gives all that comes until the server closes. */
async function raw(port: number, text: string): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port });
  closeLater(() => socket.destroy());
  socket.on('error', () => {});
  let answer = '';
  socket.on('data', (chunk) => {
    answer += String(chunk);
  });
  socket.write(text);
  await once(socket, 'close');
  return answer;
}

describe('the address of an inspector', () => {
  test('is on the loopback interface and has a token of 128 random bits', async () => {
    const [one, other] = [await inspector(), await inspector()];
    const tokens = [one, other].map(({ url }) => new URL(url).searchParams.get('token'));
    expect(one.url).toBe(`http://127.0.0.1:${one.address.port}/?token=${tokens[0]}`);
    expect(tokens[0]).toMatch(/^[0-9a-f]{32}$/);
    expect(tokens[0]).not.toBe(tokens[1]);
  });

  test('sets a cookie for the session and leads to an address without the token', async () => {
    const { url, address } = await inspector();
    const token = new URL(url).searchParams.get('token');
    const { status, headers } = await ask(url);
    expect(status).toBe(303);
    expect(headers.location).toMatch(/^\/[0-9a-f]{32}\/$/);
    expect(headers['set-cookie']).toEqual([
      `cotp-inspector-${address.port}=${token}; HttpOnly; SameSite=Strict; Path=${headers.location}`,
    ]);
  });

  test('leads to a path that nobody can guess, and nothing is outside of it', async () => {
    const { page } = await browser();
    const { origin, pathname } = new URL(page.base);
    expect((await page.get('/')).status).toBe(200);
    for (const path of ['/', '/events', `${pathname}x/`, `${pathname}`]) {
      const { status } = await ask(`${origin}${path}`, { cookie: page.cookie });
      expect(status).toBe(404);
    }
  });

  test.each(['', '?', '?token=', `?token=${'0'.repeat(32)}`, '?token=x&token=y'])(
    'is refused with the query "%s"',
    async (query) => {
      const { url } = await inspector();
      const { status, headers, body } = await ask(`${new URL(url).origin}/${query}`);
      expect(status).toBe(403);
      expect(headers['set-cookie']).toBeUndefined();
      expect(String(body)).toMatch(/Open the address that the inspector printed/);
    },
  );
});

describe('a browser with the cookie', () => {
  test.each([
    ['/', PAGE.html, 'text/html; charset=utf-8'],
    ['/page.js', PAGE.script, 'text/javascript; charset=utf-8'],
    ['/page.css', PAGE.style, 'text/css; charset=utf-8'],
  ])('gets %s', async (path, text, type) => {
    const { page } = await browser();
    const { status, headers, body } = await page.get(path);
    expect([status, headers['content-type'], String(body)]).toEqual([200, type, text]);
  });

  test.each(['/nothing', '/page.js/', '//', '/%70age.js', '/constructor', '/favicon.ico'])(
    'gets nothing from %s',
    async (path) => {
      const { page } = await browser();
      const { status, body } = await page.get(path);
      expect([status, String(body)]).toEqual([404, expect.stringContaining('/events')]);
    },
  );

  test('may have other cookies too', async () => {
    const { page } = await browser();
    const { status } = await page.get('/', { cookie: `a=b; ${page.cookie}; c` });
    expect(status).toBe(200);
  });

  test('gets an error, not a part of the page, if the page cannot be loaded', async () => {
    const { page } = await browser({ page: () => Promise.reject(new Error('it is gone')) });
    const { status, body } = await page.get('/');
    expect([status, String(body)]).toEqual([500, 'The inspector has failed: it is gone\n']);
  });
});

describe('every answer', () => {
  test.each([...ROUTES.filter((each) => each !== '/events'), '/nothing', '/?token=wrong'])(
    'has the headers that keep other pages out: %s',
    async (path) => {
      const { page } = await browser();
      expect((await page.get(path)).headers).toMatchObject(HEADERS);
    },
  );

  test('has them: the stream of events', async () => {
    const { page } = await browser();
    const { response } = await page.watch();
    expect(response.headers).toMatchObject({ ...HEADERS, 'content-type': 'text/event-stream' });
  });

  test('has them: the way to the cookie', async () => {
    const { url } = await inspector();
    expect((await ask(url)).headers).toMatchObject(HEADERS);
  });
});

describe.each(ROUTES)('%s is refused', (path) => {
  test('without the cookie', async () => {
    const { page } = await browser();
    const { status, body } = await ask(`${page.base}${path}`);
    expect([status, String(body)]).toEqual([403, expect.stringContaining('cookie')]);
  });

  test('with the cookie of another inspector', async () => {
    const { page, port } = await browser();
    const cookie = `cotp-inspector-${port}=${'0'.repeat(32)}`;
    const { status } = await page.get(path, { cookie });
    expect(status).toBe(403);
  });

  test.each([
    'evil.example',
    'evil.example:PORT',
    '127.0.0.1',
    '127.0.0.1:1',
    '127.0.0.1:PORT.evil.example',
  ])('with the Host "%s"', async (host) => {
    const { page, port } = await browser();
    const { status, body } = await page.get(path, { host: host.replace('PORT', String(port)) });
    expect([status, String(body)]).toEqual([
      403,
      expect.stringContaining(`must be 127.0.0.1:${port} or localhost:${port} or [::1]:${port}`),
    ]);
  });

  test.each(['null', 'http://evil.example', 'http://127.0.0.1', 'https://127.0.0.1:PORT'])(
    'with the Origin "%s"',
    async (origin) => {
      const { page, port } = await browser();
      const headers = { origin: origin.replace('PORT', String(port)) };
      const { status, body } = await page.get(path, headers);
      expect([status, String(body)]).toEqual([
        403,
        expect.stringContaining(`Origin must be http://127.0.0.1:${port}`),
      ]);
    },
  );

  test.each(['cross-site', 'same-site'])('with Sec-Fetch-Site %s', async (site) => {
    const { page } = await browser();
    const { status, body } = await page.get(path, { 'sec-fetch-site': site });
    expect([status, String(body)]).toEqual([
      403,
      expect.stringContaining('Sec-Fetch-Site must be'),
    ]);
  });

  test.each(['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'HEAD'])('by %s', async (method) => {
    const { page } = await browser();
    const { status, headers } = await ask(`${page.base}${path}`, { cookie: page.cookie }, method);
    expect([status, headers.allow]).toEqual([405, 'GET']);
  });

  test('with a body, which is not read', async () => {
    const { page } = await browser();
    const headers = { cookie: page.cookie, 'content-length': '1000000' };
    const { status, headers: given } = await ask(`${page.base}${path}`, headers, 'GET', 'x');
    expect([status, given.connection]).toEqual([400, 'close']);
  });
});

describe('what the token is worth', () => {
  test('it is no use on a page of somebody else', async () => {
    const { url } = await inspector();
    for (const headers of [
      { 'sec-fetch-site': 'cross-site' },
      { origin: 'http://evil.example' },
      { host: 'evil.example' },
    ] as const) {
      const { status, headers: given } = await ask(url, headers as Record<string, string>);
      expect([status, given['set-cookie']]).toEqual([403, undefined]);
    }
  });
});

describe('names of this machine', () => {
  test.each(['localhost:PORT', '[::1]:PORT', '127.0.0.1:PORT'])('%s is right', async (host) => {
    const { page, port } = await browser();
    const name = host.replace('PORT', String(port));
    const { status } = await page.get('/', { host: name, origin: `http://${name}` });
    expect(status).toBe(200);
  });

  test('the host that was asked for is right', async () => {
    const { url, address } = await inspector({ host: '127.0.0.2' });
    expect(url).toMatch(`http://127.0.0.2:${address.port}/`);
    expect((await ask(url)).status).toBe(303);
  });

  test('the host that was asked for is right in the form that a browser gives it', async () => {
    const { url, address } = await inspector({ host: '::ffff:127.0.0.1' });
    expect(url).toMatch(`http://[::ffff:127.0.0.1]:${address.port}/`);
    const { host } = new URL(url);
    expect(host).toBe(`[::ffff:7f00:1]:${address.port}`);
    expect((await ask(url, { host })).status).toBe(303);
    expect((await ask(url, { host: `[::ffff:127.0.0.1]:${address.port}` })).status).toBe(303);
    expect((await ask(url, { host: `[::ffff:7f00:2]:${address.port}` })).status).toBe(403);
  });

  test.each(['0.0.0.0', '0', '::', '::0', '::ffff:0.0.0.0'])(
    'on all addresses (%s), the one that the browser has connected to is right, and no name',
    async (host) => {
      const { url, address } = await inspector({ host });
      expect(url).toMatch(`http://127.0.0.1:${address.port}/`);
      const other = url.replace('127.0.0.1', '127.0.0.3');
      expect((await ask(other)).status).toBe(303);
      expect((await ask(url, { host: `127.0.0.4:${address.port}` })).status).toBe(403);
      expect((await ask(url, { host: `evil.example:${address.port}` })).status).toBe(403);
    },
  );

  test.each([
    ['of HTTP/1.0', 'GET / HTTP/1.0\r\n\r\n'],
    ['with an empty Host', 'GET / HTTP/1.1\r\nHost:\r\n\r\n'],
  ])('a request %s has none, and is refused', async (_what, text) => {
    const { port } = await browser();
    expect(await raw(port, text)).toMatch(/^HTTP\/1\.1 403 [\s\S]*header Host must/);
  });
});

describe('octets that are no request of a browser', () => {
  test.each([
    ['another protocol', '\x03\x00\x00\x07\x02\xf0\x80\r\n\r\n', 400, 'HTTP/1.1 was expected'],
    [
      'headers of more than 8 KiB',
      `GET / HTTP/1.1\r\nx: ${'x'.repeat(9000)}\r\n\r\n`,
      431,
      'at most 8192',
    ],
    [
      'CONNECT',
      'CONNECT evil.example:80 HTTP/1.1\r\nHost: evil.example:80\r\n\r\n',
      405,
      'must be GET',
    ],
    [
      'the address of another server',
      'GET http://evil.example/ HTTP/1.1\r\nHost: HOST\r\n\r\n',
      403,
      'cookie',
    ],
    [
      'an upgrade',
      'GET / HTTP/1.1\r\nHost: HOST\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n',
      403,
      'cookie',
    ],
  ])('%s is refused', async (_what, text, status, sentence) => {
    const { port } = await browser();
    const answer = await raw(port, text.replace('HOST', `127.0.0.1:${port}`));
    const [head = '', body] = answer.split('\r\n\r\n');
    expect(head).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(body).toContain(sentence);
    for (const [name, value] of Object.entries(HEADERS)) {
      expect(head.toLowerCase()).toContain(`${name}: ${value}`.toLowerCase());
    }
  });

  test.each([
    ['CONNECT', 'CONNECT evil.example:80 HTTP/1.1\r\nHost: evil.example:80\r\n\r\n'],
    ['another protocol', '\x03\x00\x00\x07\x02\xf0\x80\r\n\r\n'],
  ])(
    '%s does not keep the inspector from closing, though its client stays',
    async (_what, text) => {
      const { started, port } = await browser();
      const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
      closeLater(() => socket.destroy());
      socket.write(text);
      await once(socket.resume(), 'end');
      await started.close();
    },
  );

  test('requests before the answer to the last one take no place of a browser', async () => {
    const { page, port } = await browser();
    const { pathname, host } = new URL(page.base);
    const asked = `GET ${pathname}/events HTTP/1.1\r\nHost: ${host}\r\nCookie: ${page.cookie}\r\n\r\n`;
    const socket = connect({ host: '127.0.0.1', port });
    closeLater(() => socket.destroy());
    socket.on('error', () => {});
    socket.write(asked.repeat(12));
    // The server has read all of it when it answers the first, or closes.
    await new Promise<void>((resolve) => {
      socket.once('data', () => resolve()).once('close', () => resolve());
    });
    socket.destroy();
    const watch = async () => (await page.watch()).response.statusCode;
    for (let i = 0; i < 8; i += 1) {
      await expect.poll(watch).toBe(200);
    }
  });

  test('a request that does not end is refused within seconds', async () => {
    const { port } = await browser();
    expect(await raw(port, 'GET / HTTP/1.1\r\n')).toMatch(/^HTTP\/1\.1 408 [\s\S]*within 5000 ms/);
  });
});
