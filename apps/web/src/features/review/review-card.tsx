import type { Review } from '@imagemill/api';
import { Button } from '@mantine/core';
import type { ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { pictureUrl } from '../../shared/api/picture-url.ts';
import type { ReviewDecision } from '../../shared/api/reviews.ts';
import { formatDateTime } from '../../shared/format/format.ts';
import { useLanguage } from '../../shared/i18n/use-language.ts';
import styles from './review-page.module.css';

interface ReviewCardProps {
  readonly review: Review;
  readonly isBusy: boolean;
  readonly onDecide: (decision: ReviewDecision) => void;
}

/** One picture with what was found, and what can be done about it. */
export function ReviewCard({ review, isBusy, onDecide }: ReviewCardProps): ReactElement {
  const { t } = useTranslation();
  const language = useLanguage();
  const { id, prompt, asset, held, quality, seed, model, createdAt } = review;
  const button = (kind: ReviewDecision['kind']): ReactElement => (
    <Button variant="default" disabled={isBusy} onClick={() => onDecide({ id, kind })}>
      {t(`review.${kind}`)}
    </Button>
  );
  return (
    <article className={styles.card} aria-label={t('review.picture', { prompt })}>
      {asset !== undefined && <img className={styles.picture} src={pictureUrl(asset)} alt={prompt} loading="lazy" />}
      <div className={styles.words}>
        <h3 className={styles.prompt}>{prompt}</h3>
        <p className={styles.state}>{held ? t('review.held') : t('review.marked')}</p>
        <ul className={styles.reasons}>
          {quality.reasons.map(({ check, value, limit }) => (
            <li key={check}>
              {t(`review.checks.${check}`)} ({rounded(value)} · {t('review.limit')} {rounded(limit)})
            </li>
          ))}
        </ul>
        <p className={styles.facts}>
          {model} · {t('review.seed', { seed })} · {formatDateTime(language, createdAt)}
        </p>
        <div className={styles.actions}>
          {button('accept')}
          {button('reject')}
          {button('redraw')}
        </div>
      </div>
    </article>
  );
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
