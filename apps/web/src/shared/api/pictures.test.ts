import type { Picture } from '@imagemill/api';
import { describe, expect, test } from 'vitest';
import { marked } from './pictures.ts';

const pictures = ['a', 'b'].map((id) => ({ id, starred: false, tags: ['old'] }) as unknown as Picture);

describe('pictures after a change', () => {
  test('are starred and tagged where they are meant, and the others stay', () => {
    const after = marked(pictures, { ids: ['b'], starred: true, addTags: ['new', 'old'] });
    expect(after).toMatchObject([
      { id: 'a', starred: false, tags: ['old'] },
      { id: 'b', starred: true, tags: ['new', 'old'] },
    ]);
    expect(after[0]).toBe(pictures[0]);
  });

  test('lose a tag, or are gone', () => {
    expect(marked(pictures, { ids: ['a'], removeTags: ['old'] })).toMatchObject([{ tags: [] }, { tags: ['old'] }]);
    expect(marked(pictures, { ids: ['a'], deleted: true }).map(({ id }) => id)).toEqual(['b']);
  });
});
