import type {
  ApiKey,
  ApiKeyPage,
  Caller,
  IssuedKey,
  KeyChange,
  KeyRequest,
  ListOfTenantQuery,
  Member,
  MemberChange,
  MemberPage,
  MemberRequest,
  PageQuery,
  RotateRequest,
  RotateUrlKeyRequest,
  Tenant,
  TenantChange,
  TenantPage,
  TenantRequest,
  UrlKey,
} from '../contracts/access.ts';
import type { BudgetRequest, BudgetStanding, CostGroup, CostQuery, Costs } from '../contracts/cost.ts';
import type { RetentionAnswer, RetentionChange } from '../contracts/retention.ts';
import type { SignInOptions } from '../contracts/session.ts';
import type { AuditPage, AuditQuery, PriceList, Prices, Usage, UsageGroup, UsageQuery } from '../contracts/usage.ts';
import type { CallOptions } from './client.ts';

/** Another tenant than the caller's; for admins of the installation. */
export interface OfTenant {
  readonly tenant?: string | undefined;
}

export type UsageRequest = Partial<Omit<UsageQuery, 'groupBy' | 'format'>> & {
  readonly groupBy?: readonly UsageGroup[] | undefined;
};

export type CostRequest = Partial<Omit<CostQuery, 'groupBy' | 'format'>> & {
  readonly groupBy?: readonly CostGroup[] | undefined;
};

/** Keys, tenants, members, usage and audit. */
export interface AdministrationClient {
  whoami(options?: CallOptions): Promise<Caller>;
  /** In a browser: from now on its cookie stands for the key. */
  signIn(key: string, options?: CallOptions): Promise<Caller>;
  signOut(options?: CallOptions): Promise<void>;
  getSignInOptions(options?: CallOptions): Promise<SignInOptions>;
  createKey(request: KeyRequest, options?: CallOptions): Promise<IssuedKey>;
  listKeys(query?: Partial<ListOfTenantQuery>, options?: CallOptions): Promise<ApiKeyPage>;
  getKey(id: string, query?: OfTenant, options?: CallOptions): Promise<ApiKey>;
  changeKey(id: string, change: KeyChange, query?: OfTenant, options?: CallOptions): Promise<ApiKey>;
  revokeKey(id: string, query?: OfTenant, options?: CallOptions): Promise<ApiKey>;
  rotateKey(id: string, request?: Partial<RotateRequest>, query?: OfTenant, options?: CallOptions): Promise<IssuedKey>;
  rotateUrlKey(request?: Partial<RotateUrlKeyRequest>, options?: CallOptions): Promise<UrlKey>;
  listTenants(query?: Partial<PageQuery>, options?: CallOptions): Promise<TenantPage>;
  createTenant(request: TenantRequest, options?: CallOptions): Promise<Tenant>;
  changeTenant(id: string, change: TenantChange, options?: CallOptions): Promise<Tenant>;
  /** Only one that is disabled and has no records. */
  deleteTenant(id: string, options?: CallOptions): Promise<void>;
  listMembers(query?: Partial<ListOfTenantQuery>, options?: CallOptions): Promise<MemberPage>;
  createMember(request: MemberRequest, options?: CallOptions): Promise<Member>;
  changeMember(id: string, change: MemberChange, query?: OfTenant, options?: CallOptions): Promise<Member>;
  getUsage(query?: UsageRequest, options?: CallOptions): Promise<Usage>;
  /** The same as CSV with a line of names. */
  getUsageCsv(query?: UsageRequest, options?: CallOptions): Promise<string>;
  getPrices(options?: CallOptions): Promise<PriceList>;
  setPrices(prices: Prices, options?: CallOptions): Promise<PriceList>;
  getCosts(query?: CostRequest, options?: CallOptions): Promise<Costs>;
  /** The same as CSV with a line of names. */
  getCostsCsv(query?: CostRequest, options?: CallOptions): Promise<string>;
  getBudget(query?: OfTenant, options?: CallOptions): Promise<BudgetStanding>;
  getRetention(query?: OfTenant, options?: CallOptions): Promise<RetentionAnswer>;
  setRetention(rules: RetentionChange, query?: OfTenant, options?: CallOptions): Promise<RetentionAnswer>;
  setBudget(budget: BudgetRequest, query?: OfTenant, options?: CallOptions): Promise<BudgetStanding>;
  listAudit(query?: Partial<AuditQuery>, options?: CallOptions): Promise<AuditPage>;
}

export type Call = <T>(
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
  path: string,
  settings: CallOptions & { readonly body?: unknown; readonly form?: FormData; readonly asText?: boolean },
) => Promise<T>;

export function createAdministrationClient(call: Call): AdministrationClient {
  const at = (folder: string, id: string): string => `/v1/${folder}/${encodeURIComponent(id)}`;
  const usage = ({ groupBy, ...query }: UsageRequest): string => queryString({ ...query, groupBy: groupBy?.join(',') });
  const costs = ({ groupBy, ...query }: CostRequest, format?: 'csv'): string =>
    `/v1/costs${queryString({ ...query, groupBy: groupBy?.join(','), format })}`;
  return {
    whoami: (o = {}) => call('GET', '/v1/whoami', o),
    signIn: (key, o = {}) => call('POST', '/v1/session', { ...o, body: { key } }),
    signOut: (o = {}) => call('DELETE', '/v1/session', o),
    getSignInOptions: (o = {}) => call('GET', '/v1/session/options', o),
    createKey: (body, o = {}) => call('POST', '/v1/keys', { ...o, body }),
    listKeys: (query = {}, o = {}) => call('GET', `/v1/keys${queryString(query)}`, o),
    getKey: (id, query = {}, o = {}) => call('GET', at('keys', id) + queryString(query), o),
    changeKey: (id, body, query = {}, o = {}) => call('PATCH', at('keys', id) + queryString(query), { ...o, body }),
    revokeKey: (id, query = {}, o = {}) => call('POST', `${at('keys', id)}/revoke${queryString(query)}`, o),
    rotateKey: (id, body = {}, query = {}, o = {}) =>
      call('POST', `${at('keys', id)}/rotate${queryString(query)}`, { ...o, body }),
    rotateUrlKey: (body = {}, o = {}) => call('POST', '/v1/url-key/rotate', { ...o, body }),
    listTenants: (query = {}, o = {}) => call('GET', `/v1/tenants${queryString(query)}`, o),
    createTenant: (body, o = {}) => call('POST', '/v1/tenants', { ...o, body }),
    changeTenant: (id, body, o = {}) => call('PATCH', at('tenants', id), { ...o, body }),
    deleteTenant: (id, o = {}) => call('DELETE', at('tenants', id), o),
    listMembers: (query = {}, o = {}) => call('GET', `/v1/members${queryString(query)}`, o),
    createMember: (body, o = {}) => call('POST', '/v1/members', { ...o, body }),
    changeMember: (id, body, query = {}, o = {}) =>
      call('PATCH', at('members', id) + queryString(query), { ...o, body }),
    getUsage: (query = {}, o = {}) => call('GET', `/v1/usage${usage(query)}`, o),
    getUsageCsv: (query = {}, o = {}) => call('GET', `/v1/usage${usage(query)}`, { ...o, asText: true }),
    getPrices: (o = {}) => call('GET', '/v1/prices', o),
    setPrices: (body, o = {}) => call('PUT', '/v1/prices', { ...o, body }),
    getCosts: (query = {}, o = {}) => call('GET', costs(query), o),
    getCostsCsv: (query = {}, o = {}) => call('GET', costs(query, 'csv'), { ...o, asText: true }),
    getBudget: (query = {}, o = {}) => call('GET', `/v1/budget${queryString(query)}`, o),
    getRetention: (query = {}, o = {}) => call('GET', `/v1/retention${queryString(query)}`, o),
    setRetention: (body, query = {}, o = {}) => call('PUT', `/v1/retention${queryString(query)}`, { ...o, body }),
    setBudget: (body, query = {}, o = {}) => call('PUT', `/v1/budget${queryString(query)}`, { ...o, body }),
    listAudit: (query = {}, o = {}) => call('GET', `/v1/audit${queryString(query)}`, o),
  };
}

export function queryString(query: object): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) parameters.set(name, String(value));
  }
  const text = parameters.toString();
  return text === '' ? '' : `?${text}`;
}
