import { useCallback, useState } from 'react';

/** Outlives the page, so that a deletion can still be undone after a look at another one. */
let last: readonly string[] = [];

/** Ids of the pictures that were deleted last, as long as that can be undone. */
export function useRemoved(): readonly [readonly string[], (ids: readonly string[]) => void] {
  const [removed, setRemoved] = useState(last);
  const remember = useCallback((ids: readonly string[]) => {
    last = ids;
    setRemoved(ids);
  }, []);
  return [removed, remember];
}
