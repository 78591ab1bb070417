import type { ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { useDecideReview, useReviews } from '../../shared/api/reviews.ts';
import { FaultAlert } from '../../shared/ui/fault-alert.tsx';
import { useHeldFocus } from '../../shared/ui/use-held-focus.ts';
import { ReviewCard } from './review-card.tsx';
import styles from './review-page.module.css';

/** Pictures that the quality gate held back or marked, to be accepted, rejected or drawn once more. */
export function ReviewPage(): ReactElement {
  const { t } = useTranslation();
  const reviews = useReviews();
  const decide = useDecideReview();
  const error = decide.error ?? reviews.error;
  const list = useHeldFocus<HTMLElement>();
  return (
    <>
      <h2 className={styles.title}>{t('review.title')}</h2>
      <p className={styles.about}>{t('review.about')}</p>
      {error !== null && (
        <FaultAlert
          error={error}
          onRetry={() => void reviews.refetch()}
          onDismiss={decide.error === null ? undefined : decide.reset}
        />
      )}
      <section
        ref={list}
        tabIndex={-1}
        className={styles.list}
        aria-label={t('review.list')}
        aria-busy={reviews.isPending}
      >
        {reviews.data?.map((review) => (
          <ReviewCard key={review.id} review={review} isBusy={decide.isPending} onDecide={decide.mutate} />
        ))}
        {reviews.data?.length === 0 && <p className={styles.empty}>{t('review.empty')}</p>}
      </section>
    </>
  );
}
