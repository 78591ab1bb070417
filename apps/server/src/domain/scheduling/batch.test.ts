import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Candidate, type PickRequest, pickBatch } from './batch.ts';

function candidate(id: string, startTag: number, fields: Partial<Candidate> = {}): Candidate {
  return { id, startTag, tenantId: 'a', model: 'turbo', shapeKey: 'turbo 512x512', ...fields };
}

function pick(candidates: readonly Candidate[], fields: Partial<PickRequest> = {}): string[] {
  const request = { candidates, loadedModels: new Set(['turbo']), limit: 4, closeMs: 1000, room: new Map(), ...fields };
  return pickBatch(request).map(({ id }) => id);
}

describe('a batch', () => {
  it('is led by the lowest tag and filled with jobs of its shape in their order', () => {
    const wide = { shapeKey: 'turbo 1024x512' };
    expect(pick([candidate('1', 10), candidate('2', 20, wide), candidate('3', 30), candidate('4', 40)])).toEqual([
      '1',
      '3',
      '4',
    ]);
  });

  it('prefers a loaded model when the tags are close, and only then', () => {
    const other = { model: 'base', shapeKey: 'base 512x512' };
    expect(pick([candidate('1', 10, other), candidate('2', 900)])).toEqual(['2']);
    expect(pick([candidate('1', 10, other), candidate('2', 1500)])).toEqual(['1']);
  });

  it('passes over tenants that may start nothing more', () => {
    const room = new Map([['a', 1]]);
    const jobs = [candidate('1', 10), candidate('2', 20), candidate('3', 30, { tenantId: 'b' })];
    expect(pick(jobs, { room })).toEqual(['1', '3']);
    expect(pick(jobs, { room: new Map([['a', 0]]) })).toEqual(['3']);
  });

  it('passes over keys that may start nothing more', () => {
    const jobs = ['x', 'x', 'y', undefined].map((keyId, at) => candidate(String(at), at, { keyId }));
    expect(pick(jobs, { keyRoom: new Map([['x', 1]]) })).toEqual(['0', '2', '3']);
    expect(pick(jobs, { keyRoom: new Map([['x', 0]]), room: new Map([['a', 1]]) })).toEqual(['2']);
  });

  it('is empty without places or candidates', () => {
    expect(pick([candidate('1', 10)], { limit: 0 })).toEqual([]);
    expect(pick([])).toEqual([]);
  });

  it('never breaks a limit and never takes a job twice', () => {
    const jobs = fc.array(
      fc.record({ startTag: fc.nat(1000), tenantId: fc.constantFrom('a', 'b'), model: fc.constantFrom('x', 'y') }),
      { maxLength: 30 },
    );
    fc.assert(
      fc.property(jobs, fc.nat(8), fc.nat(5), (fields, limit, room) => {
        const candidates = fields
          .map((field, at) => candidate(String(at), field.startTag, { ...field, shapeKey: field.model }))
          .sort((a, b) => a.startTag - b.startTag);
        const picked = pickBatch({
          candidates,
          loadedModels: new Set(['x']),
          limit,
          closeMs: 100,
          room: new Map([['a', room]]),
        });
        expect(picked.length).toBeLessThanOrEqual(limit);
        expect(new Set(picked).size).toBe(picked.length);
        expect(picked.filter(({ tenantId }) => tenantId === 'a').length).toBeLessThanOrEqual(room);
        expect(new Set(picked.map(({ shapeKey }) => shapeKey)).size).toBeLessThanOrEqual(1);
      }),
    );
  });
});
