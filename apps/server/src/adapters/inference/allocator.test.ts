import { expect, it } from 'vitest';
import { withKeptBlocks } from './allocator.ts';

it('an engine process keeps blocks of memory, and what the operator has set of the allocator stays', () => {
  const environment = withKeptBlocks({ PATH: '/bin', MALLOC_TRIM_THRESHOLD_: '1' });
  expect(environment).toMatchObject({ PATH: '/bin', MALLOC_TRIM_THRESHOLD_: '1', MALLOC_TOP_PAD_: '16777216' });
});
