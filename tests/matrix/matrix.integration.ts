import { afterEach, describe, expect, it } from 'vitest';

import { closeAll } from '../../packages/tls/test/fixtures.ts';
import { ABSENT } from './absent.ts';
import { type TransportName, TRANSPORTS } from './all-transports.ts';
import { type CellName, CELLS } from './cells/all-cells.ts';
import { type Cell, expectCell } from './cells/cell.ts';
import { type Transport } from './transport.ts';

afterEach(closeAll);

const transports = Object.entries(TRANSPORTS) as [TransportName, Transport][];
const cells = Object.entries(CELLS) as [CellName, Cell][];
const nameOf = (transport: TransportName, cell: CellName): string => `${transport} x ${cell}`;
const absent = ABSENT.flatMap(({ transports: rows, cells: columns }) =>
  rows.flatMap((row) => columns.map((column) => nameOf(row, column))),
);

describe.each(transports)('%s', (row, transport) => {
  const present = cells.filter(([column]) => !absent.includes(nameOf(row, column)));
  it.each(present)('%s', (_, cell) => expectCell(cell, transport));
});

describe('the cells that are absent', () => {
  it('are listed once, with a reason', () => {
    expect(new Set(absent).size).toBe(absent.length);
    for (const { reason } of ABSENT) expect(reason).toMatch(/\w{3,}/);
  });

  it('are those about a bad peer that meets the end of another row, and no others', () => {
    const foreign = transports.flatMap(([row, { own }]) =>
      cells.filter(([, { bad }]) => bad !== undefined && own === bad).map(([column]) => nameOf(row, column)),
    );
    expect(absent.toSorted()).toEqual(foreign.toSorted());
  });
});
