import type { Permission } from '@imagemill/api';
import type { ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { useCan } from '../../shared/api/session.ts';
import { usePath } from '../../shared/navigation/pages.ts';
import { late } from '../../shared/ui/late.tsx';
import { SectionLinks } from '../../shared/ui/section-links.tsx';
import styles from './operation-page.module.css';
import { Overview } from './overview.tsx';

const ModelsPart = late(async () => (await import('./models-part.tsx')).ModelsPart);
const LorasPart = late(async () => (await import('./loras-part.tsx')).LorasPart);

const parts = [
  { path: '/operation', name: 'overview', permission: 'system:read' },
  { path: '/operation/models', name: 'models', permission: 'models:manage' },
  { path: '/operation/loras', name: 'loras', permission: 'loras:manage' },
] as const satisfies readonly { path: string; name: string; permission: Permission }[];

/** How the server is doing, and what it draws with: each part for who has the right to it. */
export function OperationPage(): ReactElement {
  const { t } = useTranslation();
  const can = useCan();
  const path = usePath();
  const allowed = parts.filter(({ permission }) => can(permission));
  const current = allowed.find((part) => part.path === path) ?? allowed[0];
  return (
    <>
      <h2 className={styles.title}>{t('operation.title')}</h2>
      <SectionLinks
        label={t('operation.title')}
        current={current?.path ?? ''}
        sections={allowed.map((part) => ({ path: part.path, words: t(`operation.parts.${part.name}`) }))}
      />
      {current?.name === 'overview' && <Overview />}
      {current?.name === 'models' && <ModelsPart />}
      {current?.name === 'loras' && <LorasPart />}
    </>
  );
}
