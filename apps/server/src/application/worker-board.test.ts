import { describe, expect, it } from 'vitest';
import { workerId } from '../domain/ids.ts';
import { groupModels, type WorkerReport } from './worker-board.ts';

function worker(id: string, serves: readonly string[] | undefined): WorkerReport {
  const engine = { state: 'ready', device: 'cpu', executionProvider: 'cpu', slots: 1, crashes: 0 } as const;
  return {
    ...{ id: workerId(id), host: 'a', pid: 1, memory: undefined, serves },
    engine: { ...engine, problem: undefined, notes: [], models: [] },
  };
}

describe('the models of a cluster', () => {
  it('are one group while all workers have all of them', () => {
    const groups = groupModels([worker('1', ['b', 'a']), worker('2', ['a', 'b'])]);
    expect(groups).toEqual(
      new Map([
        ['a', 'a'],
        ['b', 'a'],
      ]),
    );
  });

  it('are grouped by who draws them, under a name that does not change with the number of workers', () => {
    const of = (...ids: string[]) =>
      groupModels([...ids.map((id) => worker(id, ['a', 'b'])), worker('9', ['b', 'c', 'd'])]);
    expect(of('1')).toEqual(
      new Map([
        ['a', 'a'],
        ['b', 'b'],
        ['c', 'c'],
        ['d', 'c'],
      ]),
    );
    expect(of('1', '2', '3')).toEqual(of('1'));
  });

  it('are not known where a worker does not say what it has', () => {
    expect(groupModels([worker('1', ['a']), worker('2', undefined)])).toBeUndefined();
    expect(groupModels([])).toEqual(new Map());
  });
});
