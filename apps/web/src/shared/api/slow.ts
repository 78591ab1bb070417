import { type QueryCache, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';

/** Whether a question to the server has had no answer for some seconds. */
export function useIsServerSlow(): boolean {
  const cache = useQueryClient().getQueryCache();
  const [isSlow, setIsSlow] = useState(false);
  useEffect(() => watchSlow(cache, setIsSlow), [cache]);
  return isSlow;
}

/** Tells when it changes whether a query is on its way for longer than `slowMs`; the result ends the watch. */
export function watchSlow(cache: QueryCache, tell: (isSlow: boolean) => void, slowMs = 5_000): () => void {
  const begun = new Map<string, number>();
  const stop = cache.subscribe(({ type, query }) => {
    if (type === 'removed' || query.state.fetchStatus !== 'fetching') begun.delete(query.queryHash);
    else if (!begun.has(query.queryHash)) begun.set(query.queryHash, Date.now());
  });
  let told = false;
  const timer = setInterval(() => {
    const oldest = Math.min(...begun.values());
    const isSlow = Date.now() - oldest >= slowMs;
    if (isSlow !== told) tell(isSlow);
    told = isSlow;
  }, 1_000);
  return () => {
    stop();
    clearInterval(timer);
  };
}
