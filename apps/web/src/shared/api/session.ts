import type { Caller, Permission, SignInOptions } from '@imagemill/api';
import { ApiError } from '@imagemill/api/client';
import {
  type UseMutationResult,
  type UseQueryResult,
  useMutation,
  useQuery,
  useQueryClient,
} from '@tanstack/react-query';
import { useSyncExternalStore } from 'react';
import { forgetStored } from '../storage.ts';
import { client } from './client.ts';
import { sessionEnd } from './session-state.ts';

const whoamiKey = ['whoami'];

/** Who the server takes this browser for; asked again when the reader comes back to the tab. */
export function useWhoami(): UseQueryResult<Caller> {
  return useQuery({
    queryKey: whoamiKey,
    queryFn: ({ signal }) => client.whoami({ signal }),
    staleTime: 60_000,
    // A server that does not answer is asked on; one that knows nobody waits for the sign-in.
    refetchInterval: ({ state }) => (state.status === 'error' && !isSignedOut(state.error) ? 3_000 : false),
  });
}

/** Whether an error says that nobody is signed in. */
export function isSignedOut(error: unknown): boolean {
  return error instanceof ApiError && error.status === 401;
}

/** Whether the session ended while the page was in use. */
export function useIsSessionEnded(): boolean {
  return useSyncExternalStore(sessionEnd.subscribe, sessionEnd.get);
}

/** Asks whether the caller has a permission; nobody has any before it is known who they are. */
export function useCan(): (permission: Permission) => boolean {
  const { data } = useQuery<Caller>({ queryKey: whoamiKey, queryFn: () => client.whoami(), enabled: false });
  return (permission) => data?.permissions.includes(permission) ?? false;
}

/** Signs in with a key. The page goes on where it was; for somebody else it begins anew. */
export function useSignIn(): UseMutationResult<Caller, Error, string> {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (key) => client.signIn(key, { signal: AbortSignal.timeout(timeoutMs) }),
    onSuccess: (caller) => {
      const before = queries.getQueryData<Caller>(whoamiKey);
      if (before !== undefined && !isSame(before, caller)) return startAnew();
      queries.setQueryData(whoamiKey, caller);
      sessionEnd.set(false);
      return queries.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] !== whoamiKey[0] });
    },
  });
}

/** The ways to sign in beside a key. */
export function useSignInOptions(): UseQueryResult<SignInOptions> {
  return useQuery({
    queryKey: ['sign-in-options'],
    queryFn: ({ signal }) => client.getSignInOptions({ signal }),
    staleTime: 60_000,
  });
}

/** Signs out; what was typed here is not left for whoever comes next. */
export function useSignOut(): UseMutationResult<void, Error, void> {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: () => client.signOut(),
    onSettled: async (_data, error) => {
      if (error !== null && !isSignedOut(error)) return;
      const isMember = queries.getQueryData<Caller>(whoamiKey)?.keyId === undefined;
      const options = isMember ? await client.getSignInOptions().catch(() => undefined) : undefined;
      startAnew(options?.provider?.endUrl);
    },
  });
}

/** To be called when somebody may have signed in elsewhere, in another tab. */
export function useSessionCheck(): () => Promise<void> {
  const queries = useQueryClient();
  return async () => {
    const before = queries.getQueryData<Caller>(whoamiKey);
    const caller = await client.whoami().catch(() => undefined);
    if (caller === undefined) return;
    if (before !== undefined && !isSame(before, caller)) return startAnew();
    queries.setQueryData(whoamiKey, caller);
    sessionEnd.set(false);
    await queries.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] !== whoamiKey[0] });
  };
}

/** Whether two callers see the same data; the same people may come with another key. */
function isSame(a: Caller, b: Caller): boolean {
  return a.tenantId === b.tenantId && a.memberId === b.memberId;
}

function startAnew(path = '/'): void {
  forgetStored();
  globalThis.location.assign(path);
}

const timeoutMs = 30_000;
