import type { SystemStatus } from '@imagemill/api';
import { SegmentedControl, useComputedColorScheme, useMantineColorScheme } from '@mantine/core';
import type { ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { useCan } from '../shared/api/session.ts';
import { useIsServerSlow } from '../shared/api/slow.ts';
import { useSystem } from '../shared/api/system.ts';
import { chooseLanguage } from '../shared/i18n/i18n.ts';
import { languageNames, languages } from '../shared/i18n/language.ts';
import { useLanguage } from '../shared/i18n/use-language.ts';
import { IconButton } from '../shared/ui/icon-button.tsx';
import { KeysIcon, Mark, MoonIcon, SunIcon } from '../shared/ui/icons.tsx';
import { useMessages } from '../shared/ui/live-region.tsx';
import { Account } from './account.tsx';
import styles from './header.module.css';
import { Navigation } from './navigation.tsx';

export function Header({ onShortcuts }: { readonly onShortcuts: () => void }): ReactElement {
  const { t } = useTranslation();
  return (
    <header className={styles.header}>
      <h1 className={styles.name}>
        <Mark />
        <span className={styles.nameWords}>Imagemill</span>
      </h1>
      <Navigation />
      <ServerState />
      <LanguageSwitch />
      <span className={styles.shortcuts}>
        <IconButton label={t('shortcuts.title')} onClick={onShortcuts}>
          <KeysIcon />
        </IconButton>
      </span>
      <ThemeSwitch />
      <Account />
    </header>
  );
}

function ServerState(): ReactElement {
  const { t } = useTranslation();
  const can = useCan();
  const { data, isError } = useSystem();
  const isSlow = useIsServerSlow();
  // Who may not ask how the server is doing is told nothing.
  if (!can('system:read') && !isError && !isSlow) return <p className={styles.state} data-tone="quiet" hidden />;
  const { tone, words } = describe();
  return (
    <p className={styles.state} role="status" data-tone={tone}>
      <span className={styles.dot} />
      <span className={styles.stateWords}>{words}</span>
    </p>
  );

  function describe(): { tone: 'quiet' | 'good' | 'warning' | 'danger'; words: string } {
    if (isError) return { tone: 'danger', words: t('header.unreachable') };
    if (isSlow) return { tone: 'warning', words: t('header.slow') };
    if (data === undefined) return { tone: 'quiet', words: t('header.connecting') };
    const waiting = data.queue.queued + data.queue.running;
    const ready = data.engines.find((engine) => engine.state === 'ready');
    if (ready === undefined) return engineTrouble(data);
    if (waiting > 0) return { tone: 'good', words: t('header.busy', { count: waiting }) };
    return { tone: 'good', words: t('header.ready', { device: ready.device }) };
  }

  function engineTrouble({ engines }: SystemStatus): { tone: 'warning' | 'danger'; words: string } {
    const isBroken = engines.length > 0 && engines.every((engine) => engine.state === 'broken');
    return isBroken ? { tone: 'danger', words: t('header.broken') } : { tone: 'warning', words: t('header.starting') };
  }
}

function LanguageSwitch(): ReactElement {
  const { t } = useTranslation();
  const { notify } = useMessages();
  const language = useLanguage();
  return (
    <SegmentedControl
      className={styles.language ?? ''}
      size="xs"
      aria-label={t('header.language')}
      value={language}
      data={languages.map((value) => ({ value, label: <span lang={value}>{languageNames[value]}</span> }))}
      onChange={(value) => void chooseLanguage(value).catch(() => notify(t('header.languageFailed')))}
    />
  );
}

function ThemeSwitch(): ReactElement {
  const { t } = useTranslation();
  // Without a style element of Mantine's that would hold transitions back: the page allows none.
  const { setColorScheme } = useMantineColorScheme({ keepTransitions: true });
  const isDark = useComputedColorScheme('light') === 'dark';
  return (
    <IconButton
      label={isDark ? t('header.useLightTheme') : t('header.useDarkTheme')}
      onClick={() => setColorScheme(isDark ? 'light' : 'dark')}
    >
      {isDark ? <SunIcon /> : <MoonIcon />}
    </IconButton>
  );
}
