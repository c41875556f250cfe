import { afterEach, describe, expect, it } from 'vitest';

import { closeAll } from '../../packages/tls/test/fixtures.ts';
import { BROKEN } from './broken-transports.ts';
import { CELLS } from './cells/all-cells.ts';
import { type Cell, expectCell } from './cells/cell.ts';

afterEach(closeAll);

describe.each(Object.entries(BROKEN))('a transport that %s', (_, { transport, in: where }) => {
  const cells = Object.entries<Cell>(CELLS).filter(([name]) => where.test(name));

  it('is looked at', () => {
    expect(cells.length).toBeGreaterThan(0);
  });

  it.each(cells)('fails in %s', async (__, cell) => {
    await expect(expectCell(cell, transport)).rejects.toThrow(/\S/);
  });
});
