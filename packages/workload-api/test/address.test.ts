import { expect, test } from 'vitest';

import { chooseAddress, parseAddress } from '../src/address.ts';
import { createWorkloadApiClient } from '../src/index.ts';

const refused = (text: string): unknown => {
  try {
    return parseAddress(text, 'option address');
  } catch (error) {
    return error;
  }
};

test.each([
  ['unix:///run/spire/agent.sock', '/run/spire/agent.sock'],
  ['unix:/run/spire/agent.sock', '/run/spire/agent.sock'],
  ['unix:///run/with%20space/a.sock', '/run/with space/a.sock'],
  ['unix:///run/@{odd}:name/a.sock', '/run/@{odd}:name/a.sock'],
])('E-06, E-07, E-08: %s is a socket', (text, path) => {
  expect(parseAddress(text, 'option address')).toMatchObject({ scheme: 'unix', path, text });
});

test.each([
  ['tcp://127.0.0.1:1', '127.0.0.1', 1],
  ['tcp://[::1]:65535', '::1', 65_535],
  ['tcp://10.1.2.3:8081', '10.1.2.3', 8081],
])('E-09, E-10: %s is an address and a port', (text, host, port) => {
  expect(parseAddress(text, 'option address')).toMatchObject({ scheme: 'tcp', host, port });
});

test.each([
  ['', 'another scheme'],
  ['/run/a.sock', 'another scheme'],
  ['http://127.0.0.1:1', 'another scheme'],
  ['npipe:spire-agent', 'another scheme'],
  ['UNIX:///run/a.sock', 'another scheme'],
  [' unix:///run/a.sock', 'another scheme'],
  ['Tcp://127.0.0.1:1', 'another scheme'],
])('E-06: %j has no legal scheme', (text, problem) => {
  expect(refused(text)).toMatchObject({
    code: 'ERR_WORKLOAD_API_ADDRESS',
    message: expect.stringContaining(problem) as string,
  });
});

test.each([
  ['unix://foo', 'an authority'],
  ['unix://foo/bar.sock', 'an authority'],
  ['unix://u@/x', 'an authority'],
  ['unix://:1/x', 'an authority'],
])('E-07: %s has an authority', (text, problem) => {
  expect(refused(text)).toMatchObject({
    code: 'ERR_WORKLOAD_API_ADDRESS',
    message: expect.stringContaining(problem) as string,
  });
});

test.each([
  ['unix:foo', 'not absolute'],
  ['unix:./foo', 'not absolute'],
  ['unix:', 'no path'],
  ['unix://', 'no path'],
  ['unix:///', 'names no socket'],
  ['unix:/', 'names no socket'],
  ['unix:///a?x', 'a query'],
  ['unix:///a?', 'a query'],
  ['unix:///a#x', 'a fragment'],
  ['unix:///a#', 'a fragment'],
  ['unix:///a%2', 'bad percent-encoding'],
  ['unix:///a%00b', 'a control character'],
  ['unix:///a\nb', 'a control character'],
])('E-08: %j is no absolute path alone', (text, problem) => {
  expect(refused(text)).toMatchObject({
    code: 'ERR_WORKLOAD_API_ADDRESS',
    message: expect.stringContaining(problem) as string,
  });
});

test.each([
  ['tcp://localhost:1', 'no IP address'],
  ['tcp://agent:1', 'no IP address'],
  ['tcp://1.2.3:1', 'no IP address'],
  ['tcp://0x7f.0.0.1:1', 'no IP address'],
  ['tcp://[127.0.0.1]:1', 'no IP address'],
  ['tcp://[fe80::1%eth0]:1', 'no IP address'],
  ['tcp://::1:1', 'no host'],
  ['tcp://:1', 'no host'],
  ['tcp:', 'no host'],
  ['tcp:127.0.0.1:1', 'no host'],
])('E-09: %s has no IP address', (text, problem) => {
  expect(refused(text)).toMatchObject({
    code: 'ERR_WORKLOAD_API_ADDRESS',
    message: expect.stringContaining(problem) as string,
  });
});

test.each([
  ['tcp://1.2.3.4', 'no port'],
  ['tcp://1.2.3.4:', 'no port'],
  ['tcp://[::1]', 'no port'],
  ['tcp://1.2.3.4:0', 'out of range'],
  ['tcp://1.2.3.4:65536', 'out of range'],
  ['tcp://1.2.3.4:+1', 'out of range'],
  ['tcp://1.2.3.4:1e3', 'out of range'],
  ['tcp://1.2.3.4:1/', 'a path'],
  ['tcp://1.2.3.4:1/foo', 'a path'],
  ['tcp://1.2.3.4:1?q', 'a query'],
  ['tcp://1.2.3.4:1#f', 'a fragment'],
  ['tcp://u@1.2.3.4:1', 'user information'],
  ['tcp://@1.2.3.4:1', 'user information'],
])('E-10: %s has more or less than an address and a port', (text, problem) => {
  expect(refused(text)).toMatchObject({
    code: 'ERR_WORKLOAD_API_ADDRESS',
    message: expect.stringContaining(problem) as string,
  });
});

test('E-05: the option counts before the environment', () => {
  const env = { SPIFFE_ENDPOINT_SOCKET: 'unix:///env.sock' };
  expect(chooseAddress('unix:///option.sock', env).text).toBe('unix:///option.sock');
  expect(chooseAddress(undefined, env).text).toBe('unix:///env.sock');
});

test.each([
  [{}, 'got neither'],
  [{ SPIFFE_ENDPOINT_SOCKET: '' }, 'got an empty variable'],
])('E-05: without an address (%j) there is an error, and never a guess', (env, problem) => {
  expect(() => createWorkloadApiClient({ env })).toThrow(
    expect.objectContaining({
      code: 'ERR_WORKLOAD_API_ADDRESS',
      blame: 'caller',
      message: expect.stringContaining(problem) as string,
    }) as Error,
  );
});

test('an error shows what was given without letting it break the line', () => {
  expect(refused('unix:\u202Efoo\n')).toMatchObject({
    message: expect.stringContaining(String.raw`"unix:\u202efoo\u000a"`) as string,
  });
});

test('an address can be read before anything is opened, from the name that the package has for it', async () => {
  const { parseWorkloadApiAddress: exported } = await import('../src/index.ts');
  expect(exported('unix:///run/agent%20one.sock')).toEqual({
    scheme: 'unix',
    path: '/run/agent one.sock',
    text: 'unix:///run/agent%20one.sock',
  });
  expect(() => exported('tcp://localhost:1')).toThrow(/as address, got a host that is no IP address/);
});
