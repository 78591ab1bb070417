import type { Generation, JobDetail, SystemStatus } from '@imagemill/api';
import { expect, it } from 'vitest';
import { openParts, untilReady } from '../support/server-parts.ts';

const terabyte = 1_099_511_627_776;

it('a picture that does not fit the memory is refused with what it needs, and the memory is told', async () => {
  const parts = await openParts({ device: 'cpu', memoryReserveBytes: terabyte });
  try {
    await untilReady(parts);
    const get = async <T>(url: string): Promise<T> =>
      (await parts.app.inject({ url, headers: { host: 'localhost' } })).json<T>();
    const headers = { host: 'localhost', 'content-type': 'application/json' };
    const payload = { prompt: 'a boat', width: 64, height: 64, maxRetries: 0, oversize: 'fit' };
    const answer = await parts.app.inject({ method: 'POST', url: '/v1/generations', headers, payload });
    const generation = answer.json<Generation>();
    await parts.app.inject({ url: generation.links.events, headers: { host: 'localhost' } });
    const job = await get<JobDetail>(`/v1/jobs/${generation.jobs[0]?.id}`);
    expect(job).toMatchObject({
      state: 'dead',
      error: { code: 'out_of_memory', details: { freeBytes: 0, rungs: ['smaller_size'] } },
    });
    expect(job.error?.message).toContain('64 × 64 needs about');
    const [engine] = (await get<SystemStatus>('/v1/system')).engines;
    expect(engine?.memory).toMatchObject({ source: 'system', reserveBytes: terabyte });
    expect(engine?.memory?.totalBytes).toBeGreaterThan(engine?.memory?.freeBytes ?? Number.POSITIVE_INFINITY);
  } finally {
    await parts.close();
  }
});
