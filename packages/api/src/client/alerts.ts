import type {
  Alert,
  AlertChannel,
  AlertChannelList,
  AlertChannelRequest,
  AlertDetail,
  AlertNotice,
  AlertPage,
  AlertRule,
  AlertRuleChange,
  AlertRuleList,
  AlertRuleRequest,
  AlertSilence,
  AlertSilenceList,
  AlertSilenceRequest,
  ListAlertsQuery,
} from '../contracts/alert.ts';
import type { Diagnosis } from '../contracts/doctor.ts';
import { type Call, queryString } from './administration.ts';
import type { CallOptions } from './client.ts';

type RuleInput = Pick<AlertRuleRequest, 'name' | 'signal' | 'threshold'> & Partial<AlertRuleRequest>;
type ChannelInput = Pick<AlertChannelRequest, 'name' | 'kind'> & Partial<AlertChannelRequest>;
type SilenceInput = Pick<AlertSilenceRequest, 'minutes'> & Partial<AlertSilenceRequest>;

/** Alerts of the installation, and how it does. */
export interface AlertClient {
  getDiagnosis(options?: CallOptions): Promise<Diagnosis>;
  listAlerts(query?: Partial<ListAlertsQuery>, options?: CallOptions): Promise<AlertPage>;
  getAlert(id: string, options?: CallOptions): Promise<AlertDetail>;
  acknowledgeAlert(id: string, comment?: string, options?: CallOptions): Promise<Alert>;
  listAlertRules(options?: CallOptions): Promise<AlertRuleList>;
  createAlertRule(rule: RuleInput, options?: CallOptions): Promise<AlertRule>;
  changeAlertRule(id: string, change: AlertRuleChange, options?: CallOptions): Promise<AlertRule>;
  deleteAlertRule(id: string, options?: CallOptions): Promise<void>;
  listAlertChannels(options?: CallOptions): Promise<AlertChannelList>;
  createAlertChannel(channel: ChannelInput, options?: CallOptions): Promise<AlertChannel>;
  deleteAlertChannel(id: string, options?: CallOptions): Promise<void>;
  testAlertChannel(id: string, options?: CallOptions): Promise<AlertNotice>;
  getAlertNotice(id: string, options?: CallOptions): Promise<AlertNotice>;
  listAlertSilences(options?: CallOptions): Promise<AlertSilenceList>;
  createAlertSilence(silence: SilenceInput, options?: CallOptions): Promise<AlertSilence>;
  deleteAlertSilence(id: string, options?: CallOptions): Promise<void>;
}

export function createAlertClient(call: Call): AlertClient {
  const at = (folder: string, id: string): string => `/v1/${folder}/${encodeURIComponent(id)}`;
  return {
    getDiagnosis: (o = {}) => call('GET', '/v1/doctor', o),
    listAlerts: (query = {}, o = {}) => call('GET', `/v1/alerts${queryString(query)}`, o),
    getAlert: (id, o = {}) => call('GET', at('alerts', id), o),
    acknowledgeAlert: (id, comment = '', o = {}) =>
      call('POST', `${at('alerts', id)}/acknowledge`, { ...o, body: { comment } }),
    listAlertRules: (o = {}) => call('GET', '/v1/alert-rules', o),
    createAlertRule: (body, o = {}) => call('POST', '/v1/alert-rules', { ...o, body }),
    changeAlertRule: (id, body, o = {}) => call('PATCH', at('alert-rules', id), { ...o, body }),
    deleteAlertRule: (id, o = {}) => call('DELETE', at('alert-rules', id), o),
    listAlertChannels: (o = {}) => call('GET', '/v1/alert-channels', o),
    createAlertChannel: (body, o = {}) => call('POST', '/v1/alert-channels', { ...o, body }),
    deleteAlertChannel: (id, o = {}) => call('DELETE', at('alert-channels', id), o),
    testAlertChannel: (id, o = {}) => call('POST', `${at('alert-channels', id)}/test`, o),
    getAlertNotice: (id, o = {}) => call('GET', at('alert-notices', id), o),
    listAlertSilences: (o = {}) => call('GET', '/v1/alert-silences', o),
    createAlertSilence: (body, o = {}) => call('POST', '/v1/alert-silences', { ...o, body }),
    deleteAlertSilence: (id, o = {}) => call('DELETE', at('alert-silences', id), o),
  };
}
