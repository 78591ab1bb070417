import type {
  AlertChannel,
  AlertChannelRequest,
  AlertNotice,
  AlertPage,
  AlertRule,
  AlertRuleChange,
  AlertSilence,
  AlertSilenceRequest,
} from '@imagemill/api';
import {
  type UseMutationResult,
  type UseQueryResult,
  useMutation,
  useQuery,
  useQueryClient,
} from '@tanstack/react-query';
import { client } from './client.ts';

const key = ['alerts'];

/** What fires and what fired, newest first. */
export function useAlerts(): UseQueryResult<AlertPage> {
  return useQuery({
    queryKey: [...key, 'list'],
    queryFn: ({ signal }) => client.listAlerts({ limit: 50 }, { signal }),
    refetchInterval: 5_000,
  });
}

/** Rules, channels and silences. */
export function useAlertSettings(): UseQueryResult<AlertSettings> {
  return useQuery({
    queryKey: [...key, 'settings'],
    queryFn: async ({ signal }) => {
      const [rules, channels, silences] = await Promise.all([
        client.listAlertRules({ signal }),
        client.listAlertChannels({ signal }),
        client.listAlertSilences({ signal }),
      ]);
      return { rules: rules.items, channels: channels.items, silences: silences.items };
    },
    refetchInterval: 10_000,
  });
}

export interface AlertSettings {
  readonly rules: readonly AlertRule[];
  readonly channels: readonly AlertChannel[];
  readonly silences: readonly AlertSilence[];
}

export type AlertAct =
  | { readonly kind: 'acknowledge'; readonly id: string }
  | { readonly kind: 'rule'; readonly id: string; readonly change: AlertRuleChange }
  | { readonly kind: 'reset'; readonly id: string }
  | {
      readonly kind: 'channel';
      readonly channel: Pick<AlertChannelRequest, 'name' | 'kind'> & Partial<AlertChannelRequest>;
    }
  | { readonly kind: 'removeChannel'; readonly id: string }
  | { readonly kind: 'silence'; readonly silence: Pick<AlertSilenceRequest, 'minutes'> & Partial<AlertSilenceRequest> }
  | { readonly kind: 'unsilence'; readonly id: string };

/** Carries an act out, then reads everything again. */
export function useAlertAct(): UseMutationResult<void, Error, AlertAct> {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: carryOut,
    onSettled: () => queries.invalidateQueries({ queryKey: key }),
  });
}

async function carryOut(act: AlertAct): Promise<void> {
  if (act.kind === 'acknowledge') await client.acknowledgeAlert(act.id);
  else if (act.kind === 'rule') await client.changeAlertRule(act.id, act.change);
  else if (act.kind === 'reset') await client.deleteAlertRule(act.id);
  else if (act.kind === 'channel') await client.createAlertChannel(act.channel);
  else if (act.kind === 'removeChannel') await client.deleteAlertChannel(act.id);
  else if (act.kind === 'silence') await client.createAlertSilence(act.silence);
  else await client.deleteAlertSilence(act.id);
}

/** Sends a test and waits for what becomes of it, at most a quarter of a minute. */
export function useChannelTest(): UseMutationResult<AlertNotice, Error, string> {
  return useMutation({
    mutationFn: async (id) => {
      let notice = await client.testAlertChannel(id);
      for (let tries = 0; tries < 30 && notice.attempts === 0; tries += 1) {
        await new Promise((resolve) => setTimeout(resolve, 500));
        notice = await client.getAlertNotice(notice.id);
      }
      return notice;
    },
  });
}
