import type { Setting } from '@imagemill/api';
import { TextInput } from '@mantine/core';
import { type ReactElement, useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useSettings } from '../../shared/api/operation.ts';
import { useLanguage } from '../../shared/i18n/use-language.ts';
import { DataTable } from '../../shared/ui/data-table.tsx';
import { Section } from '../../shared/ui/section.tsx';
import { StateBadge } from '../../shared/ui/state-badge.tsx';
import styles from './settings-section.module.css';

/** Settings as they hold, to be read: they are changed where they come from. */
export function SettingsSection(): ReactElement {
  const { t } = useTranslation();
  const settings = useSettings();
  const words = useSettingWords();
  const [text, setText] = useState('');
  const shown = settings.data?.filter(({ name, description }) =>
    `${name} ${description} ${words[name] ?? ''}`.toLowerCase().includes(text.trim().toLowerCase()),
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
              <Description setting={setting} words={words} />
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

/** In the reader's language; what the page has no words for, in the server's. */
function Description(props: {
  readonly setting: Setting;
  readonly words: Readonly<Record<string, string>>;
}): ReactElement {
  const { name, description } = props.setting;
  const own = props.words[name];
  return (
    <p className={styles.help} lang={own === undefined ? 'en' : undefined}>
      {own ?? description}
    </p>
  );
}

/** What settings mean, by name, in the reader's language; nothing where that is the server's own. */
function useSettingWords(): Readonly<Record<string, string>> {
  const language = useLanguage();
  const [words, setWords] = useState<Readonly<Record<string, string>>>({});
  useEffect(() => {
    if (language !== 'zh-CN') return setWords({});
    let isWanted = true;
    import('./settings-zh-cn.ts').then(
      ({ settingsZhCn }) => isWanted && setWords(settingsZhCn),
      // The server's own words stay.
      () => undefined,
    );
    return () => {
      isWanted = false;
    };
  }, [language]);
  return words;
}

function Value({ setting }: { readonly setting: Setting }): ReactElement {
  const { t } = useTranslation();
  const { value, isSecret, source } = setting;
  if (isSecret) return <>{source === 'default' ? t('administration.notSet') : t('administration.secretSet')}</>;
  if (value === undefined || value === null) return <>{t('administration.notSet')}</>;
  return <code>{typeof value === 'string' ? value : JSON.stringify(value)}</code>;
}
