import type { Permission } from '@imagemill/api';
import { NativeSelect } from '@mantine/core';
import { type ReactElement, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { tenantParameter, useTenants } from '../../shared/api/administration.ts';
import { useCan, useWhoami } from '../../shared/api/session.ts';
import { usePath } from '../../shared/navigation/pages.ts';
import { late } from '../../shared/ui/late.tsx';
import { SectionLinks } from '../../shared/ui/section-links.tsx';
import styles from './administration-page.module.css';

const TenantsSection = late(async () => (await import('./tenants-section.tsx')).TenantsSection);
const MembersSection = late(async () => (await import('./members-section.tsx')).MembersSection);
const KeysSection = late(async () => (await import('./keys-section.tsx')).KeysSection);
const UsageSection = late(async () => (await import('./usage-section.tsx')).UsageSection);
const SettingsSection = late(async () => (await import('./settings-section.tsx')).SettingsSection);
const AuditSection = late(async () => (await import('./audit-section.tsx')).AuditSection);

const sections = [
  { path: '/administration/tenants', name: 'tenants', permission: 'tenants:manage' },
  { path: '/administration/members', name: 'members', permission: 'members:manage' },
  { path: '/administration/keys', name: 'keys', permission: 'keys:manage' },
  { path: '/administration/usage', name: 'usage', permission: 'usage:read' },
  { path: '/administration/audit', name: 'audit', permission: 'audit:read' },
  { path: '/administration/settings', name: 'settings', permission: 'tenants:manage' },
] as const satisfies readonly { path: string; name: string; permission: Permission }[];

/** Tenants, people, keys, what they used and what was done: each part for who has the right to it. */
export function AdministrationPage(): ReactElement {
  const { t } = useTranslation();
  const can = useCan();
  const path = usePath();
  const { data: caller } = useWhoami();
  const [chosen, setChosen] = useState<string>();
  const isOfInstallation = can('tenants:manage');
  const tenants = useTenants(isOfInstallation);
  const allowed = sections.filter(({ permission }) => can(permission));
  const current = allowed.find((section) => section.path === path) ?? allowed[0];
  const own = caller?.tenantId ?? '';
  const tenant = tenantParameter(chosen ?? own, caller);
  const hasTenant = current?.name !== 'tenants' && current?.name !== 'settings';
  return (
    <>
      <header className={styles.head}>
        <h2 className={styles.title}>{t('administration.title')}</h2>
        {hasTenant && tenants.data !== undefined && tenants.data.length > 1 && (
          <NativeSelect
            aria-label={t('administration.tenant')}
            value={chosen ?? own}
            data={tenants.data.map(({ id, name }) => ({ value: id, label: name === id ? id : `${name} (${id})` }))}
            onChange={({ currentTarget }) => setChosen(currentTarget.value)}
          />
        )}
      </header>
      <SectionLinks
        label={t('administration.title')}
        current={current?.path ?? ''}
        sections={allowed.map((section) => ({ path: section.path, words: t(`administration.${section.name}`) }))}
      />
      {current?.name === 'tenants' && <TenantsSection />}
      {current?.name === 'members' && <MembersSection tenant={tenant} />}
      {current?.name === 'keys' && <KeysSection tenant={tenant} />}
      {current?.name === 'usage' && <UsageSection tenant={tenant} isOfInstallation={isOfInstallation} />}
      {current?.name === 'settings' && <SettingsSection />}
      {current?.name === 'audit' && <AuditSection tenant={tenant} />}
    </>
  );
}
