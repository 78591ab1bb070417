import type { BulkPlan } from '@imagemill/api';
import type { ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { formatDuration, formatNumber } from '../../shared/format/format.ts';
import { useLanguage } from '../../shared/i18n/use-language.ts';
import { BrokenLines } from './broken-lines.tsx';
import styles from './plan-view.module.css';

/** What a file would become: numbers, time and cost where they were measured, the first prompts, the broken lines. */
export function PlanView(props: { readonly plan: BulkPlan; readonly isStale: boolean }): ReactElement {
  const { t } = useTranslation();
  const language = useLanguage();
  const { plan, isStale } = props;
  const number = (value: number): string => formatNumber(language, value);
  const { cost } = plan;
  const facts: (readonly [string, string])[] = [
    [t('bulks.rows'), number(plan.rows)],
    [t('bulks.pictures'), number(plan.pictures)],
    ...(plan.unchanged > 0 ? [[t('bulks.unchanged'), number(plan.unchanged)] as const] : []),
    [t('bulks.broken'), number(plan.brokenCount)],
    [
      t('bulks.deviceTime'),
      plan.isMeasured ? formatDuration(language, plan.deviceSeconds * 1_000) : t('bulks.notMeasured'),
    ],
    ...(cost === undefined
      ? []
      : [
          [
            t('bulks.cost'),
            new Intl.NumberFormat(language, { style: 'currency', currency: cost.currency }).format(cost.amount),
          ] as const,
        ]),
  ];
  return (
    <div className={styles.plan} aria-busy={isStale} data-stale={isStale || undefined}>
      <dl className={styles.facts}>
        {facts.map(([name, value]) => (
          <div key={name} className={styles.fact}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {plan.samples.length > 0 && (
        <div className={styles.samples}>
          <h4 className={styles.heading}>{t('bulks.preview')}</h4>
          <ol className={styles.prompts}>
            {plan.samples.map(({ line, prompt, width, height, count }) => (
              <li key={line} value={line}>
                {prompt}
                <span className={styles.size}>
                  {` ${number(width)} × ${number(height)}`}
                  {count > 1 && ` · ${t('feed.pictures', { count })}`}
                </span>
              </li>
            ))}
          </ol>
        </div>
      )}
      <BrokenLines count={plan.brokenCount} rows={plan.broken} />
    </div>
  );
}
