import { useEffect, useState } from 'react';

/** Whether something has gone on for longer than a time. */
export function useIsLong(isGoingOn: boolean, afterMs: number): boolean {
  const [isLong, setIsLong] = useState(false);
  useEffect(() => {
    setIsLong(false);
    if (!isGoingOn) return;
    const timer = setTimeout(() => setIsLong(true), afterMs);
    return () => clearTimeout(timer);
  }, [isGoingOn, afterMs]);
  return isLong;
}
