/**
 * Sign-in of a browser with an OpenID Connect provider, in two halves:
 *
 * - *begin*: state, nonce and PKCE verifier are drawn and kept under the hash of a cookie; the browser goes to the
 *   provider.
 * - *finish*: the browser comes back. The cookie finds what was kept, once; state, nonce and verifier are checked; the
 *   claims become a member, who gets a session.
 *
 * A member is found by who the provider says it is (issuer and subject), else by the e-mail address they were invited
 * under, which binds them to it; else one is created, where that is allowed.
 */
import { SECRET_LENGTH, SECRET_LETTERS } from '../domain/access/api-key.ts';
import { differences } from '../domain/access/audit.ts';
import { type Person, type PersonRules, readPerson, type SignInRefusal } from '../domain/access/person.ts';
import type { Member } from '../domain/access/tenant.ts';
import { memberId, type TenantId, tenantId } from '../domain/ids.ts';
import type { AccessStore, AccessTransaction, Secrets } from './access-ports.ts';
import type { Clock, IdSource, Logger } from './ports.ts';
import { type IdentityProvider, ProviderError, type SignInProof } from './provider-ports.ts';
import { type BegunSession, beginSession } from './sessions.ts';
import { type Act, writeAudit } from './write-audit.ts';

export interface SignInWithProviderPorts {
  readonly provider: IdentityProvider;
  readonly store: AccessStore;
  readonly secrets: Secrets;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly log: Logger;
  readonly rules: PersonRules & {
    /** Whether a person who was not invited becomes a member. */
    readonly createsMembers: boolean;
  };
  readonly sessionMs: number;
}

export interface SignInWithProvider {
  begin(input: { readonly redirectUri: string; readonly returnTo: string }): Promise<BegunSignIn | Refused>;
  finish(input: {
    /** Value of the cookie of `begin`. */
    readonly token: string | undefined;
    /** Where the browser was sent back to, with its query. */
    readonly answer: URL;
    readonly address: string;
  }): Promise<FinishedSignIn | Refused>;
  /** Where the browser goes to sign out there too. */
  endSessionUrl(returnTo: string): Promise<string | undefined>;
}

export interface BegunSignIn {
  /** Where the browser goes. */
  readonly url: string;
  /** For a cookie; kept nowhere. */
  readonly token: string;
}

export interface FinishedSignIn {
  readonly session: Pick<BegunSession, 'token' | 'expiresAt'>;
  readonly returnTo: string;
}

export interface Refused {
  readonly refusal: SignInRefusal;
  /** One sentence for the log. */
  readonly reason: string;
  readonly tenantId?: TenantId | undefined;
}

export function createSignInWithProvider(ports: SignInWithProviderPorts): SignInWithProvider {
  const { provider, store, secrets, clock, rules, log } = ports;
  const draw = (): string => secrets.random(SECRET_LENGTH, SECRET_LETTERS);
  return {
    async begin({ redirectUri, returnTo }) {
      const proof: SignInProof = { state: draw(), nonce: draw(), codeVerifier: draw() };
      try {
        const url = await provider.authorizationUrl({ ...proof, redirectUri });
        const token = draw();
        const signIn = { ...proof, idHash: secrets.hash(token), returnTo, expiresAt: clock.now() + SIGN_IN_MS };
        await store.transact((transaction) => transaction.addSignIn(signIn));
        return { url, token };
      } catch (error) {
        return refusalOf(error, log);
      }
    },

    async finish({ token, answer, address }) {
      const idHash = secrets.hash(token ?? '');
      const begun = await store.transact((transaction) => transaction.takeSignIn(idHash, clock.now()));
      if (begun === undefined) {
        return { refusal: 'expired', reason: 'The sign-in took too long, or was begun in another browser.' };
      }
      if (!secrets.isEqual(answer.searchParams.get('state') ?? '', begun.state)) {
        return { refusal: 'state_mismatch', reason: 'The answer belongs to another sign-in.' };
      }
      try {
        const person = readPerson(await provider.claimsOf(answer, begun), rules);
        if (typeof person === 'string') return { refusal: person, reason: `The claims are refused: ${person}.` };
        const found = await store.transact((transaction) => admit(transaction, ports, person, address));
        return 'refusal' in found ? found : { session: found, returnTo: begun.returnTo };
      } catch (error) {
        return refusalOf(error, log);
      }
    },

    endSessionUrl: (returnTo) => provider.endSessionUrl(returnTo),
  };
}

function refusalOf(error: unknown, log: Logger): Refused {
  if (!(error instanceof ProviderError)) throw error;
  log.warn({ err: error }, 'a sign-in with the provider failed');
  return { refusal: error.reason, reason: error.message };
}

/** Finds or makes the member, brings it up to what the provider says, and begins its session. */
async function admit(
  transaction: AccessTransaction,
  ports: SignInWithProviderPorts,
  person: Person,
  address: string,
): Promise<Pick<BegunSession, 'token' | 'expiresAt'> | Refused> {
  const { clock, provider, sessionMs, secrets } = ports;
  const now = clock.now();
  const known = await findMember(transaction, ports, person);
  if ('refusal' in known) return known;
  const refusal = await refusalOfMember(transaction, known, person);
  if (refusal !== undefined) return refusal;
  const identity = { issuer: provider.issuer, subject: person.subject };
  const name = known.name === '' ? person.name : known.name;
  const member: Member = { ...known, identity, name, role: person.role ?? known.role };
  const act = actOf(member, address);
  const of = { target: member.id, tenantId: member.tenantId };
  const change = differences(factsOf(known), factsOf(member));
  if (Object.keys(change.after ?? {}).length > 0) {
    await transaction.saveMember(member);
    await writeAudit(transaction, ports, act, { action: 'member.changed', ...of, ...change });
  }
  await transaction.noteMemberSeen(member.id, now);
  await writeAudit(transaction, ports, act, { action: 'member.signed_in', ...of, after: { issuer: provider.issuer } });
  return beginSession(transaction, { secrets, now, sessionMs }, member.tenantId, { memberId: member.id });
}

async function findMember(
  transaction: AccessTransaction,
  ports: SignInWithProviderPorts,
  person: Person,
): Promise<Member | Refused> {
  const { provider, rules, ids, clock } = ports;
  const { email, subject } = person;
  const byIdentity = await transaction.findMemberByIdentity({ issuer: provider.issuer, subject });
  if (byIdentity !== undefined) return byIdentity;
  const invited = (await transaction.findMembersByEmail(email)).filter(
    (member) => member.identity === undefined && (person.tenant ?? member.tenantId) === member.tenantId,
  );
  const first = invited.find((member) => member.tenantId === rules.defaultTenant) ?? invited[0];
  if (first !== undefined) return first;
  const unknown: Refused = { refusal: 'unknown_member', reason: `Nobody invited ${email}.` };
  if (!rules.createsMembers) return unknown;
  const whose = tenantId(person.tenant ?? rules.defaultTenant);
  const tenant = await transaction.findTenant(whose);
  if (tenant === undefined) return { refusal: 'wrong_tenant', reason: `There is no tenant ${JSON.stringify(whose)}.` };
  // The address is somebody else's already, as the provider sees it: an admin has to say who is meant.
  if ((await transaction.findMemberByEmail(whose, email)) !== undefined) return unknown;
  const member: Member = {
    ...{ id: memberId(ids.next()), tenantId: whose, email, name: person.name, role: person.role ?? rules.defaultRole },
    ...{ identity: undefined, createdAt: clock.now(), disabledAt: undefined, lastSeenAt: undefined },
  };
  if (tenant.disabledAt !== undefined) return tenantDisabled(whose);
  await transaction.saveMember(member);
  const deed = { action: 'member.created', target: member.id, tenantId: whose, after: factsOf(member) };
  await writeAudit(transaction, ports, actOf(member, undefined), deed);
  return member;
}

async function refusalOfMember(
  transaction: AccessTransaction,
  member: Member,
  person: Person,
): Promise<Refused | undefined> {
  const { tenantId: whose, email } = member;
  if (person.tenant !== undefined && person.tenant !== whose) {
    return { refusal: 'wrong_tenant', reason: `${email} belongs to another tenant.`, tenantId: whose };
  }
  if (member.disabledAt !== undefined) {
    return { refusal: 'member_disabled', reason: `The member ${email} is disabled.`, tenantId: whose };
  }
  const tenant = await transaction.findTenant(whose);
  return tenant?.disabledAt === undefined ? undefined : tenantDisabled(whose);
}

function tenantDisabled(whose: TenantId): Refused {
  return { refusal: 'tenant_disabled', reason: `The tenant ${whose} is disabled.`, tenantId: whose };
}

function actOf({ id, tenantId: whose, role, email, name }: Member, address: string | undefined): Act {
  const caller = { tenantId: whose, memberId: id, role, permissions: new Set<never>(), name: name || email };
  return { caller, address };
}

function factsOf({ lastSeenAt: _seen, ...facts }: Member): Readonly<Record<string, unknown>> {
  return facts;
}

/** Time to sign in at the provider. */
const SIGN_IN_MS = 600_000;
