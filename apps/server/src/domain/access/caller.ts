import { DEFAULT_TENANT, type KeyId, type MemberId, type TenantId } from '../ids.ts';
import { type Permission, permissionsOf, type Role } from './permission.ts';

/** Who makes a request. */
export interface Caller {
  readonly tenantId: TenantId;
  /** The API key that was shown, also when a browser session stands for it. */
  readonly keyId?: KeyId | undefined;
  /** The person, when one signed in or owns the key. */
  readonly memberId?: MemberId | undefined;
  readonly role: Role;
  readonly permissions: ReadonlySet<Permission>;
  /** For people: of the key, the member, or of the machine itself. */
  readonly name: string;
}

/** Whoever reaches a server that needs no key: somebody on the same machine. */
export const localCaller: Caller = Object.freeze({
  tenantId: DEFAULT_TENANT,
  role: 'admin',
  permissions: permissionsOf({ tenantId: DEFAULT_TENANT, role: 'admin' }),
  name: 'this machine',
});

/** The command line on the machine of the data folder, whose user can read and write the records anyway. */
export const commandLineCaller: Caller = Object.freeze({ ...localCaller, name: 'command line' });

/**
 * Who asked for something, as one text to compare: a person whatever key they come with, else the key, else whoever
 * sits at the machine.
 */
export function askerIdOf({ memberId, keyId }: Pick<Caller, 'memberId' | 'keyId'>): string {
  if (memberId !== undefined) return `member:${memberId}`;
  return keyId === undefined ? THE_MACHINE : `key:${keyId}`;
}

/** Asker of what was asked for without a key. */
export const THE_MACHINE = 'machine';

/** Whether the caller's rights reach over the tenant's own affairs to those of the installation. */
export function isOfInstallation({ tenantId }: Pick<Caller, 'tenantId'>): boolean {
  return tenantId === DEFAULT_TENANT;
}
