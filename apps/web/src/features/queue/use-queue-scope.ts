import { useState } from 'react';
import { type QueueScope, queueScopes } from '../../shared/api/queue.ts';
import { useCan } from '../../shared/api/session.ts';
import { readStored, writeStored } from '../../shared/storage.ts';

/** Whose part of the queue is looked at; the browser remembers it. */
export function useQueueScope(): readonly [QueueScope, (scope: QueueScope) => void] {
  const maySeeAll = useCan()('tenants:manage');
  const [chosen, setChosen] = useState(readScope);
  const choose = (scope: QueueScope): void => {
    writeStored(key, scope);
    setChosen(scope);
  };
  // The right may be gone since.
  return [chosen === 'all' && !maySeeAll ? 'tenant' : chosen, choose];
}

function readScope(): QueueScope {
  const stored = readStored(key);
  return queueScopes.find((scope) => scope === stored) ?? 'tenant';
}

const key = 'imagemill.queue-scope';
