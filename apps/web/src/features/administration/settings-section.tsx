import type { Setting } from '@imagemill/api';
import { TextInput } from '@mantine/core';
import { type ReactElement, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useSettings } from '../../shared/api/operation.ts';
import { DataTable } from '../../shared/ui/data-table.tsx';
import { StateBadge } from '../../shared/ui/state-badge.tsx';
import { Section } from './section.tsx';
import styles from './settings-section.module.css';

/** Settings as they hold, to be read: they are changed where they come from. */
export function SettingsSection(): ReactElement {
  const { t } = useTranslation();
  const settings = useSettings();
  const [text, setText] = useState('');
  const shown = settings.data?.filter(({ name, description }) =>
    `${name} ${description}`.toLowerCase().includes(text.trim().toLowerCase()),
  );
  return (
    <Section
      title={t('administration.settings')}
      help={t('administration.settingsHelp')}
      isLoading={settings.isPending}
      error={settings.error}
      onRetry={() => void settings.refetch()}
    >
      <TextInput
        className={styles.search ?? ''}
        label={t('administration.search')}
        maxLength={100}
        value={text}
        onChange={({ currentTarget }) => setText(currentTarget.value)}
      />
      <DataTable
        label={t('administration.settings')}
        columns={[t('administration.name'), t('administration.value'), t('administration.from')]}
        empty={shown?.length === 0 ? t('administration.noAudit') : undefined}
      >
        {shown?.map((setting) => (
          <tr key={setting.name}>
            <th scope="row">
              {setting.name}
              <p className={styles.help} lang="en">
                {setting.description}
              </p>
            </th>
            <td>
              <Value setting={setting} />
            </td>
            <td>
              <StateBadge
                tone={setting.source === 'default' ? 'quiet' : 'good'}
                words={t(`administration.sources.${setting.source}`)}
              />
              <p className={styles.help}>
                <code>{setting.variable}</code>
              </p>
            </td>
          </tr>
        ))}
      </DataTable>
    </Section>
  );
}

function Value({ setting }: { readonly setting: Setting }): ReactElement {
  const { t } = useTranslation();
  const { value, isSecret, source } = setting;
  if (isSecret) return <>{source === 'default' ? t('administration.notSet') : t('administration.secretSet')}</>;
  if (value === undefined || value === null) return <>{t('administration.notSet')}</>;
  return <code>{typeof value === 'string' ? value : JSON.stringify(value)}</code>;
}
