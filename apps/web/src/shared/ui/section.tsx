import { Loader } from '@mantine/core';
import type { ReactElement, ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { FaultAlert } from './fault-alert.tsx';
import styles from './section.module.css';

interface SectionProps {
  readonly title: string;
  /** Said to screen readers alone, where the link above has it. @default false */
  readonly isTitleHidden?: boolean;
  readonly help?: string | undefined;
  /** Stands beside the title. */
  readonly action?: ReactNode;
  readonly isLoading?: boolean;
  readonly error?: unknown;
  readonly onRetry?: (() => void) | undefined;
  readonly children: ReactNode;
}

/** A part of a page with its title, and what goes wrong with it. */
export function Section(props: SectionProps): ReactElement {
  const { title, isTitleHidden = false, help, action, isLoading = false, error, onRetry, children } = props;
  const { t } = useTranslation();
  return (
    <section className={styles.section} aria-label={title} aria-busy={isLoading}>
      <header className={styles.head}>
        <div>
          {!isTitleHidden && <h3 className={styles.title}>{title}</h3>}
          {help !== undefined && <p className={styles.help}>{help}</p>}
        </div>
        {action}
      </header>
      {error !== null && error !== undefined && <FaultAlert error={error} onRetry={onRetry} />}
      {isLoading ? <Loader size={22} aria-label={t('app.loading')} /> : children}
    </section>
  );
}
